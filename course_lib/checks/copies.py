"""Copies of what a learner's function is given: it may change them, and nothing else changes."""

import copy
from typing import Any

import torch
from torch import Tensor


def own(value: Any) -> Any:
    """A copy that shares no memory with `value`, nor its parts with one another.

    Two places that hold one tensor get two: whoever changes the first in place must not find the
    second changed. Only inside a network tied weights stay tied. Functions are not copied.
    """
    if isinstance(value, (list, tuple)):
        return type(value)(own(part) for part in value)
    if isinstance(value, dict):
        return {key: own(part) for key, part in value.items()}
    if isinstance(value, Tensor):
        return value.detach().clone(memory_format=torch.contiguous_format)
    if isinstance(value, torch.nn.Module):
        return copy.deepcopy(value)
    if any(kind.__module__.startswith("course_lib.") for kind in type(value).__mro__):
        return _part_by_part(value)
    return copy.deepcopy(value, _Forgetful())


def _part_by_part(value: Any) -> Any:
    """A copy of an object of the course's, a distribution or an arrow, or of a kind made from one:
    deepcopy refuses every tensor that autograd computed.
    """
    copied = object.__new__(type(value))
    for name, part in vars(value).items():
        object.__setattr__(copied, name, own(part))
    return copied


class _Forgetful(dict[int, Any]):
    """A memory for deepcopy that never recalls what has been copied already."""

    def get(self, key: int, default: Any = None) -> Any:
        """Never the earlier copy."""
        return default

    def setdefault(self, key: Any, default: Any = None) -> Any:
        """A new memory of storages for every tensor."""
        return default

    def __contains__(self, key: object) -> bool:
        return False
