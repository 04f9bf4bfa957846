"""The data are what their README says, and damage to them is explained."""

import hashlib
import math
import re
import shutil
import struct
from pathlib import Path

import pytest
import torch
from torch import Tensor

from course_lib import data

README = (data.FOLDER / "README.md").read_text(encoding="utf-8")


def idx(array: Tensor) -> bytes:
    """The IDX format: two zero bytes, 8 for uint8, the rank, big-endian sizes, the bytes."""
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return header + array.to(torch.uint8).numpy().tobytes()


@pytest.mark.parametrize(
    ("split", "field", "md5"),
    [
        ("train", "images", "6bbc9ace898e44ae57da46a324031adb"),
        ("train", "labels", "a25bea736e30d166cdddb491f175f624"),
        ("test", "images", "2646ac647ad5339dbf082846283269ea"),
        ("test", "labels", "27ae3e4e09519cfbb04c329615203637"),
    ],
)
def test_mnist_is_the_original(split: str, field: str, md5: str) -> None:
    content = idx(getattr(data.load_mnist(split), field))  # type: ignore[arg-type]
    assert hashlib.md5(content, usedforsecurity=False).hexdigest() == md5
    assert md5 in README


def test_digits_count_dots() -> None:
    images, labels = data.load_digits()
    assert images.shape == (1797, 8, 8)
    assert images.dtype == torch.uint8
    assert (int(images.min()), int(images.max())) == (0, 16)
    # The counts per digit of the UCI test set, as its documentation (optdigits.names) lists them.
    assert labels.bincount().tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


@pytest.mark.parametrize("name", sorted(data.FILES))
def test_readme_has_the_fingerprints(name: str) -> None:
    size, sha256 = data.FILES[name]
    assert f"| `{name}` | {size:,} | `{sha256}` |" in README


def test_every_shipped_archive_has_a_fingerprint() -> None:
    assert {path.name for path in data.FOLDER.glob("*.npz")} == set(data.FILES)


def test_split_is_checked() -> None:
    with pytest.raises(ValueError, match="split must be 'train' or 'test', got 'valid'"):
        data.load_mnist("valid")  # type: ignore[arg-type]


def test_callers_do_not_share_memory() -> None:
    first = data.load_digits().images
    expected = first.clone()
    first.zero_()
    assert torch.equal(data.load_digits().images, expected)


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of digits.npz that a test may damage, where the loader will look for it."""
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setattr(data, "FOLDER", folder)
    return Path(shutil.copy(Path(__file__).parent.parent / "data" / "digits.npz", folder))


def test_an_intact_copy_loads(copy: Path) -> None:
    assert data.load_digits().images.shape == (1797, 8, 8)


def test_a_missing_file_is_named(copy: Path) -> None:
    copy.unlink()
    with pytest.raises(FileNotFoundError, match=r"data/digits\.npz is missing.*git checkout"):
        data.load_digits()


def test_a_truncated_file_is_named(copy: Path) -> None:
    copy.write_bytes(copy.read_bytes()[:1000])
    expected = r"data/digits\.npz is truncated: expected 45,394 bytes, found 1,000; .*git checkout"
    with pytest.raises(ValueError, match=expected):
        data.load_digits()


def test_one_altered_bit_is_found(copy: Path) -> None:
    content = bytearray(copy.read_bytes())
    content[20_000] ^= 1
    copy.write_bytes(content)
    found = hashlib.sha256(content).hexdigest()
    wanted = data.FILES["digits.npz"].sha256
    with pytest.raises(ValueError, match=f"altered: expected SHA-256 {wanted}, found {found}"):
        data.load_digits()


def test_the_checksum_is_computed_once(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data.load_digits()
    copy.write_bytes(b"")  # would be refused, were it read again
    assert data.load_digits().images.shape == (1797, 8, 8)


def test_binarise_is_exact_at_both_ends(generator: torch.Generator) -> None:
    pixels = torch.tensor([0, 255], dtype=torch.uint8).repeat(100_000, 1)
    assert torch.equal(
        data.binarise(pixels, generator=generator), torch.tensor([0.0, 1.0]).repeat(100_000, 1)
    )


def test_binarise_has_probability_pixel_over_255(generator: torch.Generator) -> None:
    """Each of the 256 levels against its binomial: |z| ≤ 5 in 256 cases fails 1 time in 7,000."""
    count = 20_000
    levels = torch.arange(256, dtype=torch.uint8)
    ones = data.binarise(levels.expand(count, 256), generator=generator).sum(0).double()
    p = levels.double() / 255
    spread = (count * p * (1 - p)).sqrt()
    z = (ones - count * p)[1:-1] / spread[1:-1]
    assert float(z.abs().max()) < 5
    # The mean of z² is 1; its standard error over 254 levels is √(2/254) = 0.089.
    assert abs(float(z.square().mean()) - 1) < 5 * 0.089


def test_binarise_repeats_with_the_seed() -> None:
    pixels = torch.full((1000,), 128, dtype=torch.uint8)
    draws = [data.binarise(pixels, generator=torch.Generator().manual_seed(s)) for s in (1, 1, 2)]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert draws[0].dtype == torch.float32


@pytest.mark.parametrize(
    ("pixels", "found"),
    [(torch.rand(3), "torch.float32"), (torch.tensor([1]), "torch.int64"), ([0, 1], "list")],
)
def test_binarise_wants_bytes(pixels: object, found: str, generator: torch.Generator) -> None:
    with pytest.raises(ValueError, match=f"uint8 tensor of grey levels 0..255, got {found}"):
        data.binarise(pixels, generator=generator)  # type: ignore[arg-type]


def test_randomness_is_always_explicit() -> None:
    one, pixels = torch.ones(1, 1), torch.zeros(3, dtype=torch.uint8)
    for draw in (
        lambda generator: data.binarise(pixels, generator=generator),
        lambda generator: data.sample_tanh_world(3, generator=generator),
        lambda generator: data.sample_linear_world(
            3, loadings=one, offset=one[0], noise_std=1.0, generator=generator
        ),
    ):
        with pytest.raises(ValueError, match=r"generator must be a torch.Generator.*None"):
            draw(None)
    with pytest.raises(ValueError, match="pixels must not be empty"):
        data.binarise(pixels[:0], generator=torch.Generator())


def within(estimate: Tensor, truth: Tensor, standard_error: Tensor) -> bool:
    return bool(((estimate - truth).abs() <= 5 * standard_error).all())


def test_tanh_world_has_its_moments(generator: torch.Generator) -> None:
    """Given z, the residual is N(0, s²); z itself is N(0, 1)."""
    count = 100_000
    x, z = data.sample_tanh_world(count, a=2.0, b=1.5, c=-1.0, s=0.3, generator=generator)
    residual = (x - (2.0 * torch.tanh(1.5 * z) - 1.0)) / 0.3
    for standard in (residual, z):
        assert abs(float(standard.mean())) < 5 / count**0.5
        assert abs(float(standard.var()) - 1) < 5 * (2 / count) ** 0.5
    assert abs(float((residual * z).mean())) < 5 / count**0.5


def test_linear_world_has_its_covariance(generator: torch.Generator) -> None:
    """Cov x = W Wᵀ + s² I; an entry's standard error is √((C_ij² + C_ii C_jj)/n)."""
    count = 100_000
    loadings = torch.tensor([[1.0, 0.0], [2.0, -1.0], [0.5, 0.5]], dtype=torch.float64)
    offset = torch.tensor([3.0, 0.0, -1.0], dtype=torch.float64)
    x, z = data.sample_linear_world(
        count, loadings=loadings, offset=offset, noise_std=0.7, generator=generator
    )
    assert z.shape == (count, 2)
    truth = loadings @ loadings.T + 0.49 * torch.eye(3, dtype=torch.float64)
    variances = truth.diag()
    error = ((truth**2 + variances[:, None] * variances) / count).sqrt()
    assert within(x.T.cov(), truth, error)
    assert within(x.mean(0), offset, (variances / count).sqrt())


def test_toy_worlds_check_their_arguments(generator: torch.Generator) -> None:
    with pytest.raises(ValueError, match="s must be positive"):
        data.sample_tanh_world(3, s=0.0, generator=generator)
    for bad, message in [
        ({"a": math.nan}, "a must be finite, got nan"),
        ({"s": None}, "s must be"),
    ]:
        with pytest.raises(ValueError, match=message):
            data.sample_tanh_world(3, **bad, generator=generator)  # type: ignore[arg-type]
    for loadings, offset, message in [
        (torch.full((2, 1), math.inf), torch.ones(2), "loadings must be finite, got inf"),
        (torch.ones(2, 1), torch.tensor([0.0, math.nan]), r"offset must be finite, got nan at"),
        (torch.ones(2, 1).long(), torch.ones(2), "loadings must be a tensor of floats"),
        (torch.ones(2, 0), torch.ones(2), r"loadings must not be empty, got shape \(2, 0\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            data.sample_linear_world(
                3, loadings=loadings, offset=offset, noise_std=1.0, generator=generator
            )
    with pytest.raises(ValueError, match="count must be a whole number of at least 1, got 0"):
        data.sample_tanh_world(0, generator=generator)
    with pytest.raises(ValueError, match=re.escape("got (2, 1) and (3,)")):
        data.sample_linear_world(
            3,
            loadings=torch.ones(2, 1),
            offset=torch.ones(3),
            noise_std=1.0,
            generator=generator,
        )
