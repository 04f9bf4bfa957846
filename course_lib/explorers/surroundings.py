"""What an explorer must not depend on: torch's global settings too are put aside while it works."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch

from course_lib.plots.surroundings import DRAWING


@contextmanager
def undisturbed() -> Iterator[None]:
    """DRAWING held, with torch as it is before anyone sets anything: float32, CPU, gradients on."""
    with DRAWING:
        dtype, device = torch.get_default_dtype(), torch.get_default_device()
        # A device as a context slows every call of torch, so only where another one is set.
        cpu = nullcontext() if device.type == "cpu" else torch.device("cpu")
        torch.set_default_dtype(torch.float32)
        try:
            with torch.inference_mode(False), torch.enable_grad(), cpu:
                yield
        finally:
            torch.set_default_dtype(dtype)
