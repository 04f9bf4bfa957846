"""Matrix products in bfloat16 on a processor that has no units for them."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

ATEN = torch.ops.aten
PRODUCTS = (ATEN.mm.default, ATEN.addmm.default, ATEN.bmm.default, ATEN.baddbmm.default)


class RoundedProducts(TorchDispatchMode):
    """A product of bfloat16 matrices is summed in float32, and rounded at the end.

    That is what units for bfloat16 do, up to the order in which they sum: weights differ as they do
    from one processor to the next. Without such units torch multiplies number by number, some
    thirty times slower than in float32.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """The value of `func`, a product of bfloat16 matrices by way of float32."""
        options = dict(kwargs or {})
        if func not in PRODUCTS or args[0].dtype != torch.bfloat16:
            return func(*args, **options)
        wide = [value.float() if isinstance(value, Tensor) else value for value in args]
        return func(*wide, **options).bfloat16()


def multiplies_bfloat16() -> bool:
    """Whether torch multiplies bfloat16 matrices on this processor at the speed of float32."""
    return torch.backends.mkldnn.is_available() and bool(
        torch.ops.mkldnn._is_mkldnn_bf16_supported()
    )


def fast_products(device: torch.device) -> AbstractContextManager[Any]:
    """RoundedProducts on a processor that needs it; nothing elsewhere."""
    if device.type == "cpu" and not multiplies_bfloat16():
        return RoundedProducts()
    return nullcontext()
