"""Many small models trained at once: their weights stacked, their matrix products batched.

A small net's step is spent on calling functions, not on arithmetic, so sixteen at once cost little
more than four. A stacked model is an ordinary chain whose results have the models as an extra axis
before the batch: (*samples, M, *batch). It trains in the ordinary loop.
"""

import copy
from collections.abc import Sequence
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from course_lib.arguments import require_count
from course_lib.nets import blank_affine
from course_lib.vae.hvae import HVAE

Chain = TypeVar("Chain", bound=HVAE)  # stacked VAEs are a VAE


class StackedLinear(nn.Module):
    """M affine maps at once: (*samples, M, B, inputs), or (B, inputs), to (…, M, B, outputs).

    Each map has its own weights; stacked from M layers of equal sizes.
    """

    @torch.inference_mode(False)  # weights that are made under inference mode could never learn
    def __init__(self, layers: Sequence[nn.Linear]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.stack([layer.weight.detach().T for layer in layers]))
        self.bias = nn.Parameter(torch.stack([layer.bias.detach() for layer in layers])[:, None])

    def forward(self, value: Tensor) -> Tensor:
        """The M results. Raises ValueError unless value has one of the two shapes."""
        if value.ndim < 2 or (value.ndim > 2 and value.shape[-3] != len(self.weight)):
            raise ValueError(
                f"x must be (B, D) or (…, {len(self.weight)}, B, D) for {len(self.weight)} stacked "
                f"models, got shape {tuple(value.shape)}"
            )
        if value.ndim == 2:
            value = value.expand(len(self.weight), -1, -1)  # (M, B, inputs), no copy
        if value.ndim == 3:
            return torch.baddbmm(self.bias, value, self.weight)
        return value @ self.weight + self.bias

    def layer(self, index: int) -> nn.Linear:
        """One of the M maps, as an ordinary layer."""
        inputs, outputs = self.weight.shape[1:]
        single = blank_affine(inputs, outputs, self.weight.dtype)
        with torch.no_grad():
            single.weight.copy_(self.weight[index].T)
            single.bias.copy_(self.bias[index, 0])
        return single


def stack(models: Sequence[Chain]) -> Chain:
    """One model that computes what all M models compute.

    Raises ValueError if there is none; if their sizes differ, or something that is not learned (a
    fixed std, a scale, a likelihood); or if a parameter is not in a layer of weights and biases (a
    learned prior, a learned std).
    """
    _require_equal_layers(models)
    _require_equal_fixtures(models)
    stacked = copy.deepcopy(models[0])
    for name, module in models[0].named_modules():
        if isinstance(module, nn.Linear):
            layers = [model.get_submodule(name) for model in models]
            _replace(stacked, name, StackedLinear(layers))  # type: ignore[arg-type]
    owners = {name.rpartition(".")[0] for name, _ in stacked.named_parameters()}
    for owner in owners:
        if not isinstance(stacked.get_submodule(owner), StackedLinear):
            raise ValueError(
                f"only layers of weights and biases can be stacked, got one in {owner!r}"
            )
    return stacked


def _require_equal_layers(models: Sequence[HVAE]) -> None:
    """Raises ValueError unless it is a list of models with layers of the same sizes."""
    if not isinstance(models, (list, tuple)):
        raise ValueError(f"models must be a list of models, got {type(models).__name__}")
    if not models:
        raise ValueError("models must hold at least one model, got none")
    strangers = [type(model).__name__ for model in models if not isinstance(model, HVAE)]
    if strangers:
        raise ValueError(f"models must hold HVAEs, got {strangers[0]}")
    shapes = [[(tuple(p.shape), p.dtype) for p in model.parameters()] for model in models]
    if any(shape != shapes[0] for shape in shapes):
        raise ValueError("models must all have the same layers of one precision, these have not")


def _require_equal_fixtures(models: Sequence[HVAE]) -> None:
    """Raises ValueError, with the name, where the models differ in what is not learned."""
    first = _fixtures(models[0])
    for model in models[1:]:
        for name, value in _fixtures(model).items():
            if first.get(name) != value:
                raise ValueError(
                    f"models differ in {name}, which is not learned: {first.get(name)} and {value}"
                )


def _fixtures(model: HVAE) -> dict[str, Any]:
    """Buffers, scales, likelihoods and every module's class, by name, in a form to be compared."""
    found: dict[str, Any] = {name: buffer.tolist() for name, buffer in model.named_buffers()}
    for name, module in model.named_modules():
        kind, own = type(module).__name__, module.extra_repr()  # LeakyReLU(negative_slope=0.01)
        found[f"the class of {name or 'the model'}"] = f"{kind}({own})" if own else kind
        if hasattr(module, "scale"):
            found[f"{name}.scale"] = module.scale
        if hasattr(module, "family"):
            family = module.family
            whole = isinstance(family, partial)
            found[f"{name}.family"] = (family.func, family.args) if whole else family
    return found


def unstack(model: Chain, index: int) -> Chain:
    """The ordinary model at place `index` of a stacked one. Raises ValueError outside 0..M−1."""
    count = next((len(m.weight) for m in model.modules() if isinstance(m, StackedLinear)), 0)
    if count == 0:
        raise ValueError("model must be a stacked one, as stack(models) gives it")
    index = require_count("index", index, least=0)
    if index >= count:
        raise ValueError(f"index must lie in 0..{count - 1}, got {index}")
    single = copy.deepcopy(model)
    for name, module in model.named_modules():
        if isinstance(module, StackedLinear):
            _replace(single, name, module.layer(index))
    return single


def _replace(model: nn.Module, name: str, module: nn.Module) -> None:
    """Puts `module` at the dotted `name` inside `model`."""
    owner, _, attribute = name.rpartition(".")
    parent = model.get_submodule(owner)
    if isinstance(parent, nn.Sequential):
        parent[int(attribute)] = module
    else:
        setattr(parent, attribute, module)
