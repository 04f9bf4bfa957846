"""Where a command computes: on the processor, or on a GPU if there is one."""

import re

import torch


def usable_device(name: str) -> torch.device:
    """The device of that name: "cpu", "cuda", or "cuda:1" for the second GPU.

    Raises ValueError if it is none of these, or PyTorch finds no such GPU.
    """
    if name == "cpu":
        return torch.device("cpu")
    number = re.fullmatch(r"cuda(?::(\d+))?", name)
    if number is None:
        raise ValueError(f'device must be "cpu", "cuda" or a GPU such as "cuda:1", got {name!r}')
    index = int(number[1] or 0)
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if index >= count:
        raise ValueError(
            f"there is no device {name}: the GPUs that PyTorch can use here are {count} in number; "
            "without --device the CPU computes"
        )
    return torch.device("cuda", index)
