"""Copies of what a learner's function is given: it may change them, and nothing else changes."""

import copy
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode


def own(value: Any) -> Any:
    """A copy that shares no memory with `value`, nor its parts with one another.

    Two places that hold one tensor get two: whoever changes the first in place must not find the
    second changed. Only inside a network tied weights stay tied, and what holds itself does so in
    the copy. Functions are not copied.
    """
    with _Cloning():  # of this thread alone
        return copy.deepcopy(value, _Forgetful())


class _Cloning(TorchFunctionMode):
    """Lets deepcopy clone every tensor: by itself it refuses those that autograd computed."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Of deepcopy a clone without history; of anything else what it gives."""
        if func is not Tensor.__deepcopy__:
            return func(*args, **(kwargs or {}))
        tensor: Tensor = args[0].detach()
        dense = tensor.layout is torch.strided
        return tensor.clone(memory_format=torch.contiguous_format) if dense else tensor.clone()


class _Forgetful(dict[int, Any]):
    """A memory for deepcopy that recalls what is being copied, as a thing that holds itself, and
    forgets what is copied whole; but inside a network nothing until that is whole.

    deepcopy keeps what it has copied in a list at the memory's own place, which is this here.
    """

    def __init__(self) -> None:
        super().__init__()
        self.whole: list[Any] = []
        self.network: int | None = None  # the outermost one that is being copied

    def __getitem__(self, key: int) -> Any:
        """An earlier copy, or at its own place this memory, to be told what is whole."""
        return self if key == id(self) else super().__getitem__(key)

    def __setitem__(self, key: int, copied: Any) -> None:
        if isinstance(copied, torch.nn.Module) and self.network is None:
            self.network = key
        if isinstance(copied, torch.nn.Parameter) and self.network is None:
            copied.requires_grad_(False)  # a number like any other: nothing is trained here
        super().__setitem__(key, copied)

    def append(self, thing: Any) -> None:
        """A thing is copied whole."""
        self.whole.append(thing)  # kept, so that no other gets its id while that is recalled
        if self.network in (None, id(thing)):
            for known in self.whole:
                self.pop(id(known), None)
            self.whole.clear()
            self.network = None
