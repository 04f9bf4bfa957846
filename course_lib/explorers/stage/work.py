"""What an explorer at work must not depend on: torch's settings, beside those of the drawing.

All but the default dtype. The others are each thread's own; that one is the whole process's, and a
slider is drawn on a thread beside the cell that runs. Whoever set it here would set it in that
cell too, so explorers name the dtype of every tensor that they make.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch

from course_lib.plots.drawing import DRAWING


@contextmanager
def at_work() -> Iterator[None]:
    """DRAWING held, with torch as it is before anyone sets anything: on the CPU, gradients on."""
    with DRAWING:
        device = torch.get_default_device()
        # A device as a context slows every call of torch, so only where another one is set.
        cpu = nullcontext() if device.type == "cpu" else torch.device("cpu")
        with torch.inference_mode(False), torch.enable_grad(), cpu:
            yield
