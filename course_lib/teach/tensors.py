"""Tensors as plain data, and back."""

import base64
import math
from typing import Any

import torch
from torch import Tensor

Record = dict[str, Any]
DTYPES = {str(dtype): dtype for dtype in (torch.float64, torch.float32, torch.int64, torch.bool)}
MOST_NUMBERS = 250_000  # of one tensor: 8.d measures an f at 211,403 places


def written_tensor(value: Tensor) -> Record:
    """A tensor as data; one of too many numbers keeps its type's name alone."""
    plain = value.detach().cpu()
    if plain.numel() > MOST_NUMBERS:
        return {"is": "thing", "type": "Tensor"}
    if str(plain.dtype) not in DTYPES:
        plain = plain.double() if plain.is_floating_point() else plain.long()
    data = base64.b64encode(plain.contiguous().numpy().tobytes()).decode("ascii")
    return {"is": "tensor", "type": str(plain.dtype), "shape": list(plain.shape), "data": data}


def read_tensor(record: Record) -> Tensor:
    """A tensor that was written. Raises ValueError unless it is whole, and not too large."""
    dtype, shape, data = (
        DTYPES.get(str(record.get("type"))),
        record.get("shape"),
        record.get("data"),
    )
    if dtype is None or not isinstance(shape, list) or not isinstance(data, str):
        raise ValueError("a tensor that cannot be read")
    sizes = [size for size in shape[:8] if isinstance(size, int) and 0 <= size <= MOST_NUMBERS]
    if len(sizes) < len(shape) or math.prod(sizes) > MOST_NUMBERS:
        raise ValueError(f"a tensor of more than {MOST_NUMBERS:,} numbers, or of no shape")
    try:
        held = bytearray(base64.b64decode(data, validate=True))
        values = (
            torch.frombuffer(held, dtype=dtype)
            if held
            else torch.zeros(0, dtype=dtype, device="cpu")
        )
        return values.reshape(sizes)
    except (ValueError, RuntimeError):
        raise ValueError("a tensor that is not whole") from None
