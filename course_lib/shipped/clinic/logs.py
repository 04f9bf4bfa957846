"""The logs of the clinic: made by their programs, kept in `data/clinic/`, read by name."""

from pathlib import Path

import torch

from course_lib.arguments import require_count, require_seed
from course_lib.data import FOLDER, load_mnist
from course_lib.shipped.clinic.faults import PROGRAMS
from course_lib.shipped.clinic.program import EPOCHS, Hierarchy, train
from course_lib.shipped.curves import Curve, curve_of, load_curve

LOGS = FOLDER / "clinic"
SEED = 0  # of the logs in data/clinic
IMAGES = 6000  # the first of MNIST's training images


def clinic_log(name: str) -> Curve:
    """The log of one of the clinic's programs, "A" to "H", as that program printed it.

    epochs (20,); elbo (20,), reconstruction (20,) and costs (2, 20), z_1's first, are means over
    the images of an epoch, in nats, taken while it trained; active (2, 20) are the units of each
    layer that were active at the epoch's end. Raises ValueError if there is no log of that name.
    """
    return load_curve(log_path(name))


def make_log(name: str, *, seed: int = SEED, epochs: int = EPOCHS) -> Curve:
    """The log of a run of one of the clinic's programs, which takes some three seconds.

    Arguments and errors as for `run_program`.
    """
    return run_program(name, seed=seed, epochs=epochs)[1]


def run_program(name: str, *, seed: int = SEED, epochs: int = EPOCHS) -> tuple[Hierarchy, Curve]:
    """Trains one of the clinic's programs; returns it and its log.

    The first weights, the order of the images and all noise come from the seed; torch's global
    generator is left as it was.
    Raises ValueError if there is no program of that name, or the training ends in no number.
    """
    kind, seed = PROGRAMS[_known(name)], require_seed("seed", seed)
    pixels = load_mnist("train").images[:IMAGES].flatten(1).float()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        program = kind(pixels.mean(0) / 255).float()  # whatever torch's default is
        rows = train(program, pixels, epochs=require_count("epochs", epochs))
    return program, curve_of(rows)


def log_path(name: str, folder: Path = LOGS) -> Path:
    """The file of a log in a folder. Raises ValueError if there is no log of that name."""
    return folder / f"{_known(name)}.curve.json"


def _known(name: str) -> str:
    """The name. Raises ValueError unless it is a log's."""
    if not isinstance(name, str) or name not in PROGRAMS:
        raise ValueError(f"no log {name!r:.60}; the clinic has {', '.join(PROGRAMS)}")
    return name
