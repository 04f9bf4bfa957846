"""Whether nets fit together: their sizes, their precision, their place."""

from collections.abc import Sequence
from typing import Any, TypeGuard

import torch
from torch import Tensor, nn

from course_lib.nets import Net


def chained_sizes(encoders: Sequence[nn.Module], decoders: Sequence[nn.Module]) -> list[int]:
    """[D, d_1, …, d_T]. Raises ValueError naming the first arrow that does not fit."""
    up, down = _require_nets("encoders", encoders), _require_nets("decoders", decoders)
    _require_as_many(up, down)
    sizes = [up[0].inputs, *(net.outputs for net in up)]
    for t, (enc, dec) in enumerate(zip(up, down, strict=True), start=1):
        _require_arrow(f"encoder {t}", enc, sizes[t - 1], sizes[t])
        _require_arrow(f"decoder {t}", dec, sizes[t], sizes[t - 1])
    return sizes


def top_down_sizes(encoders: Sequence[nn.Module], decoders: Sequence[nn.Module]) -> list[int]:
    """[D, d_1, …, d_T], where each encoder above the first reads the features of the one below.

    Raises ValueError naming the first arrow that does not fit.
    """
    up, down = _require_nets("encoders", encoders), _require_nets("decoders", decoders)
    _require_as_many(up, down)
    for net in up:
        if not (hasattr(net, "features") and hasattr(net, "head")):
            raise ValueError(
                "encoders must give features and a Gaussian of them, such as GaussianNet, got "
                f"{type(net).__name__}"
            )
    sizes = [up[0].inputs, *(net.outputs for net in up)]
    width = sizes[0]
    for t, (enc, dec) in enumerate(zip(up, down, strict=True), start=1):
        _require_arrow(f"encoder {t}", enc, width, sizes[t])
        _require_arrow(f"decoder {t}", dec, sizes[t], sizes[t - 1])
        width = int(enc.width)  # type: ignore[arg-type]
    return sizes


def _require_as_many(up: Sequence[Net[Any]], down: Sequence[Net[Any]]) -> None:
    if len(up) < 1 or len(up) != len(down):
        raise ValueError(
            f"encoders and decoders must be equally many, at least 1, got {len(up)} and {len(down)}"
        )


def _require_arrow(name: str, net: Net[Any], inputs: int, outputs: int) -> None:
    if (net.inputs, net.outputs) != (inputs, outputs):
        raise ValueError(
            f"{name} must map {inputs} to {outputs}, got {net.inputs} to {net.outputs}"
        )


def common_weight(model: nn.Module) -> Tensor:
    """One weight that stands for all. Raises ValueError unless they share precision and device."""
    weights = dict(model.named_parameters())
    if not weights:
        return torch.zeros((), dtype=torch.float32, device="cpu")
    name, first = next(iter(weights.items()))
    for other, weight in weights.items():
        if (weight.dtype, weight.device) != (first.dtype, first.device):
            raise ValueError(
                f"the nets must share one precision and one device, got {first.dtype} on "
                f"{first.device} ({name}) and {weight.dtype} on {weight.device} ({other}); "
                "convert them all with .double() or .float()"
            )
    return first


def _require_nets(name: str, nets: Sequence[nn.Module]) -> list[Net[Any]]:
    """Raises ValueError unless `nets` is a list of modules with inputs and outputs."""
    if not isinstance(nets, (list, tuple, nn.ModuleList)):
        raise ValueError(f"{name} must be a list of nets, got {type(nets).__name__}")
    found = []
    for net in nets:
        if not _serves_as_net(net):
            raise ValueError(
                f"{name} must be modules with inputs and outputs that give a distribution, such as "
                f"GaussianNet, got {type(net).__name__}"
            )
        found.append(net)
    return found


def _serves_as_net(net: object) -> TypeGuard[Net[Any]]:
    """A module of the user's need not be a Net, but it must tell its sizes."""
    return isinstance(net, nn.Module) and hasattr(net, "inputs") and hasattr(net, "outputs")
