"""The course's data: two sets of real images, checked before they are used, and seeded toy data.

Everything lies in the repository's `data/` folder; nothing is ever downloaded. A file that is
missing, truncated or altered is named, with what was expected and how to get it back.
Where the images come from, and under which licences: `data/README.md`.

    >>> from course_lib.data import load_digits
    >>> images, labels = load_digits()
    >>> images.shape, labels[:4].tolist(), images.max().item()
    (torch.Size([1797, 8, 8]), [0, 1, 2, 3], 16)
"""

import hashlib
import io
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from course_lib.arguments import (
    require_count,
    require_finite,
    require_generator,
    require_nonempty,
    require_number,
    require_same_dtype,
)

FOLDER = Path(__file__).resolve().parent.parent / "data"


class Fingerprint(NamedTuple):
    """What a shipped file must be: its length in bytes and its SHA-256."""

    size: int
    sha256: str


FILES = {
    "digits.npz": Fingerprint(
        45_394, "b2dab7b501728c22e9119ad76740b2e17c77a231e42d1e592380d90886f1a05e"
    ),
    "mnist.npz": Fingerprint(
        11_490_559, "39b9b1ffaa0ba4d8995a616551f0966941fe02a3fe79ba4a9db7373db16d53ad"
    ),
}


class Images(NamedTuple):
    """Grey images and what they show.

    images: (N, height, width) uint8.  labels: (N,) int64, the digit 0..9.
    """

    images: Tensor
    labels: Tensor


def load_mnist(split: Literal["train", "test"] = "train") -> Images:
    """MNIST: 60,000 training or 10,000 test images, (N, 28, 28) uint8, grey level 0..255.

    Raises ValueError for another split, and as `read_checked` does.
    Source: LeCun, Cortes & Burges 1998.
    """
    if split not in ("train", "test"):
        raise ValueError(f"split must be 'train' or 'test', got {split!r}")
    return _from_archive("mnist.npz", f"{split}_images", f"{split}_labels")


def load_digits() -> Images:
    """The UCI optical digits: 1,797 images, (N, 8, 8) uint8.

    A pixel counts the inked dots of a 4×4 block of a bitmap, so it is an integer 0..16 and
    Binomial(16, p) is its natural likelihood. Raises as `read_checked` does.
    Source: Alpaydin & Kaynak 1998, the test set.
    """
    return _from_archive("digits.npz", "images", "labels")


def binarise(pixels: Tensor, *, generator: torch.Generator) -> Tensor:
    """Black or white at random: each pixel is 1 with probability pixel/255, independently.

    A uniform byte of 0..254 lies below the pixel with exactly that probability, and costs a
    quarter of what `torch.bernoulli` costs.
    pixels: uint8 of any shape, 0..255. Returns float32 zeros and ones of the same shape.
    Raises ValueError unless pixels is uint8 and not empty.
    """
    if not isinstance(pixels, Tensor) or pixels.dtype != torch.uint8:
        kind = pixels.dtype if isinstance(pixels, Tensor) else type(pixels).__name__
        raise ValueError(f"pixels must be a uint8 tensor of grey levels 0..255, got {kind}")
    require_nonempty("pixels", pixels)
    require_generator(generator)
    threshold = torch.randint(
        0, 255, pixels.shape, dtype=torch.uint8, generator=generator, device=pixels.device
    )
    # Seen as bytes, the truth values become floats four times as fast.
    return (threshold < pixels).view(torch.uint8).float()


def sample_tanh_world(
    count: int,
    *,
    a: float = 1.0,
    b: float = 1.0,
    c: float = 0.0,
    s: float = 0.5,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Draws z ~ N(0, 1), then x ~ N(a·tanh(b·z) + c, s²).

    Returns (x, z), each (count, 1) float64. Raises ValueError unless s > 0, count ≥ 1 and all are
    finite.
    """
    count = require_count("count", count)
    require_generator(generator)
    a, b, c = require_number("a", a), require_number("b", b), require_number("c", c)
    s = require_number("s", s, positive=True)
    kind: dict[str, Any] = {"dtype": torch.float64, "device": generator.device}
    z = torch.randn(count, 1, generator=generator, **kind)
    noise = torch.randn(count, 1, generator=generator, **kind)
    return a * torch.tanh(b * z) + c + s * noise, z


def sample_linear_world(
    count: int,
    *,
    loadings: Tensor,
    offset: Tensor,
    noise_std: float,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Draws z ~ N(0, I), then x ~ N(W z + b, noise_std²·I).

    loadings: W, (D, d).  offset: b, (D,).  Returns (x (count, D), z (count, d)), as W's dtype.
    Raises ValueError if the shapes do not fit, a number is not finite, noise_std ≤ 0 or count < 1.
    """
    count = require_count("count", count)
    require_generator(generator)
    noise_std = require_number("noise_std", noise_std, positive=True)
    for name, value in (("loadings", loadings), ("offset", offset)):
        require_nonempty(name, require_finite(name, value))
    if loadings.ndim != 2 or offset.shape != loadings.shape[:1]:
        raise ValueError(
            f"loadings must be (D, d) and offset (D,), got {tuple(loadings.shape)} "
            f"and {tuple(offset.shape)}"
        )
    require_same_dtype("loadings", loadings, "offset", offset)
    size, latent = loadings.shape
    kind: dict[str, Any] = {"dtype": loadings.dtype, "device": loadings.device}
    z = torch.randn(count, latent, generator=generator, **kind)
    noise = torch.randn(count, size, generator=generator, **kind)
    return z @ loadings.T + offset + noise_std * noise, z


def read_checked(path: Path, expected: Fingerprint) -> bytes:
    """The bytes of a shipped file, once they are known to be the right ones.

    Raises FileNotFoundError if it is missing, ValueError if it is truncated or altered; both say
    what was expected, what was found and how to get the file back.
    """
    path = Path(path)
    name = f"{path.parent.name}/{path.name}"
    cure = (
        f"get it back with `git checkout -- {name}`, run in the course's folder, "
        "or copy it from a fresh download of the course"
    )
    if not path.is_file():
        raise FileNotFoundError(f"{name} is missing: looked for {path}; {cure}")
    content = path.read_bytes()
    if len(content) != expected.size:
        change = "truncated" if len(content) < expected.size else "altered"
        raise ValueError(
            f"{name} is {change}: expected {expected.size:,} bytes, found {len(content):,}; {cure}"
        )
    digest = hashlib.sha256(content).hexdigest()
    if digest != expected.sha256:
        raise ValueError(
            f"{name} is altered: expected SHA-256 {expected.sha256}, found {digest}; {cure}"
        )
    return content


@cache
def _content(path: Path, expected: Fingerprint) -> bytes:
    """`read_checked`, once a process: hashing MNIST again for each split would be waste."""
    return read_checked(path, expected)


def _from_archive(name: str, images: str, labels: str) -> Images:
    """Two arrays of an archive as fresh tensors, so that no caller can change another's data."""
    content = _content(FOLDER / name, FILES[name])
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        return Images(
            torch.from_numpy(archive[images]),
            torch.from_numpy(archive[labels].astype(np.int64)),
        )
