"""The images that a recipe trains on, as they are stored and as the model sees them."""

from typing import NamedTuple

from torch import Generator, Tensor

from course_lib.data import binarise, load_digits, load_mnist
from course_lib.train.loop import Prepare


class TrainingData(NamedTuple):
    """pixels: (N, D) uint8, as stored. largest: the largest value a pixel may have.

    prepare: what turns a batch of pixels into model input, anew at every visit.
    """

    pixels: Tensor
    largest: float
    prepare: Prepare


def training_data(images: str) -> TrainingData:
    """The training images of that name: MNIST's, black and white at random, or all 8×8 digits.

    Raises ValueError for a name other than "mnist" and "digits".
    """
    if images == "mnist":
        return TrainingData(load_mnist("train").images.flatten(1), 255.0, binarise)
    if images == "digits":
        return TrainingData(load_digits().images.flatten(1), 16.0, as_counts)
    raise ValueError(f"images must be 'mnist' or 'digits', got {images!r}")


def as_counts(pixels: Tensor, /, *, generator: Generator) -> Tensor:
    """Counts 0..16 as floats: nothing is random about them."""
    return pixels.float()
