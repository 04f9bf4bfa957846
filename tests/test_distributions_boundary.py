"""What all distributions share: the Protocol, shapes, dtypes, generators and refusals."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from course_lib.distributions import (
    Bernoulli,
    Binomial,
    Categorical,
    ContinuousBernoulli,
    DiagonalGaussian,
    Distribution,
    FullGaussian,
    GaussianMixture,
    Laplace,
)

Maker = Callable[[torch.dtype], Distribution]
MAKERS: dict[str, Maker] = {
    "DiagonalGaussian": lambda t: DiagonalGaussian(torch.ones(4, 1, 3, dtype=t), ramp(3, dtype=t)),
    "Laplace": lambda t: Laplace(torch.ones(4, 1, 3, dtype=t), ramp(3, dtype=t)),
    "FullGaussian": lambda t: FullGaussian(ramp(4, 1, 3, dtype=t), torch.eye(3, dtype=t)),
    "Bernoulli": lambda t: Bernoulli(ramp(4, 1, 3, dtype=t)),
    "ContinuousBernoulli": lambda t: ContinuousBernoulli(ramp(4, 1, 3, dtype=t)),
    "Binomial": lambda t: Binomial(5, ramp(4, 1, 3, dtype=t)),
    "Categorical": lambda t: Categorical(ramp(4, 1, 3, dtype=t)),
    "GaussianMixture": lambda t: GaussianMixture(
        torch.zeros(2, dtype=t), DiagonalGaussian(ramp(4, 1, 2, 3, dtype=t), ramp(3, dtype=t))
    ),
}


def ramp(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.linspace(-1, 1, math.prod(shape), dtype=dtype).reshape(shape)


def doubles(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", MAKERS)
def test_shapes_and_precision(name: str, dtype: torch.dtype, generator: torch.Generator) -> None:
    q = MAKERS[name](dtype)
    assert isinstance(q, Distribution)
    assert q.batch_shape == (4, 1)
    x = q.sample((6, 5), generator=generator)
    assert x.shape == (6, 5, *q.batch_shape, *q.event_shape)
    assert x.dtype == (torch.int64 if name == "Categorical" else dtype)
    assert q.sample(generator=generator).shape == q.batch_shape + q.event_shape
    numbers = [q.log_prob(x)] + ([] if name == "GaussianMixture" else [q.entropy()])
    for number, shape in zip(numbers, [(6, 5, 4, 1), (4, 1)], strict=False):
        assert number.shape == shape
        assert number.dtype == dtype
    for moment in (q.mean, q.variance):
        assert moment.shape == q.batch_shape + q.event_shape
        assert moment.dtype == dtype
    assert name in repr(q)
    assert "4, 1" in repr(q)


@pytest.mark.parametrize("name", MAKERS)
def test_a_value_without_the_batch_serves_all_of_it(name: str) -> None:
    q = MAKERS[name](torch.float64)
    value = torch.ones(q.event_shape, dtype=torch.int64 if name == "Categorical" else torch.float64)
    each = q.log_prob(value.expand(q.batch_shape + q.event_shape))
    torch.testing.assert_close(q.log_prob(value), each)


@pytest.mark.parametrize("name", MAKERS)
def test_a_seed_repeats_and_global_randomness_is_untouched(name: str) -> None:
    q, before = MAKERS[name](torch.float64), torch.get_rng_state()
    draws = [q.sample((3,), generator=torch.Generator().manual_seed(seed)) for seed in (5, 5, 6)]
    assert torch.equal(draws[0], draws[1])
    if name not in ("Bernoulli", "Binomial", "Categorical"):
        assert not torch.equal(draws[0], draws[2])
    assert torch.equal(before, torch.get_rng_state())
    with pytest.raises(ValueError, match=r"generator must be a torch.Generator.*None"):
        q.sample((3,), generator=None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"shape must be a tuple such as \(5,\), got 3"):
        q.sample(3, generator=torch.Generator())  # type: ignore[arg-type]


@pytest.mark.parametrize("name", MAKERS)
def test_values_of_another_type_or_shape_are_refused(name: str) -> None:
    q = MAKERS[name](torch.float64)
    if name == "Categorical":
        with pytest.raises(ValueError, match=r"value must be a tensor of integers.*float64"):
            q.log_prob(torch.zeros(4, 1, dtype=torch.float64))
        with pytest.raises(ValueError, match=r"value must be a category from 0 to 2, got 3"):
            q.log_prob(torch.tensor(3))
        with pytest.raises(ValueError, match=r"value \(3, 1\) and batch \(4, 1\)"):
            q.log_prob(torch.zeros(3, 1, dtype=torch.int64))
        return
    with pytest.raises(ValueError, match=r"value must be a tensor of floats.*int64"):
        q.log_prob(torch.zeros(4, 1, 3, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"value must have 3 entries on its last axis.*2\)"):
        q.log_prob(torch.zeros(4, 1, 2, dtype=torch.float64))
    with pytest.raises(ValueError, match=r"do not broadcast"):
        q.log_prob(torch.zeros(3, 1, 3, dtype=torch.float64))
    for bad in (math.nan, math.inf):
        with pytest.raises(ValueError, match=rf"value must be .*got {bad}"):
            q.log_prob(torch.full((4, 1, 3), bad, dtype=torch.float64))


ONE, EYE = doubles(1), torch.eye(2, dtype=torch.float64)
MIXED = torch.tensor([2.0, -1.0], dtype=torch.float64)
REFUSED: list[tuple[Callable[[], object], str]] = [
    (lambda: DiagonalGaussian(doubles(1, 2), doubles(1, 2, 3)), r"mean \(2,\) and log_std \(3,\)"),
    (lambda: DiagonalGaussian(ONE, doubles(1, 2)), r"must match on their last axis"),
    (
        lambda: DiagonalGaussian(ONE.expand(2, 1), ONE.expand(3, 1)),
        r"\(2, 1\) and log_std \(3, 1\)",
    ),
    (lambda: DiagonalGaussian(ONE, torch.ones(1)), r"float64.*float32.*must have one dtype"),
    (lambda: DiagonalGaussian(ONE[0], ONE[0]), r"mean must have shape \(\*batch, D\).*\(\)"),
    (lambda: DiagonalGaussian(ONE[:0], ONE[:0]), r"with D ≥ 1, got \(0,\)"),
    (lambda: DiagonalGaussian(EYE[:0], EYE[:0]), r"mean must not be empty, got shape \(0, 2\)"),
    (lambda: FullGaussian(EYE[:0], EYE), r"mean must not be empty, got shape \(0, 2\)"),
    (lambda: Bernoulli(EYE[:0]), r"logits must not be empty, got shape \(0, 2\)"),
    (lambda: Categorical(EYE[:0]), r"logits must not be empty, got shape \(0, 2\)"),
    (lambda: DiagonalGaussian(EYE, EYE).expand((3,)), r"batch_shape \(3,\) and the batch \(2,\)"),
    (lambda: DiagonalGaussian(EYE, EYE).expand((1,)), r"\(2,\) cannot be repeated to.*\(1,\)"),
    (lambda: FullGaussian(EYE[0], EYE).expand((-3,)), r"batch_shape must be .* 0, got -3"),
    (lambda: DiagonalGaussian(torch.tensor([1]), ONE), r"mean must be a tensor of floats.*int64"),
    (lambda: DiagonalGaussian(doubles(math.nan), ONE), r"mean must be finite, got nan at.*\(0,\)"),
    (lambda: DiagonalGaussian(ONE, doubles(-math.inf)), r"log_std must be finite, got -inf"),
    (
        lambda: DiagonalGaussian.from_std(0.0, [1.0, -1.0]),
        r"std must be positive, got -1 at.*\(1,\)",
    ),
    (lambda: DiagonalGaussian.from_std(0.0, 0.0), r"std must be positive, got 0$"),
    (lambda: DiagonalGaussian.standard(0), r"size must be a whole number of at least 1, got 0"),
    (lambda: FullGaussian(ONE, EYE), r"\(1,\) and \(2, 2\)"),
    (lambda: FullGaussian(ONE[0], EYE), r"mean must have shape.*\(\) and \(2, 2\)"),
    (lambda: FullGaussian(EYE[0], -EYE), r"positive diagonal, got -1 on it"),
    (lambda: FullGaussian(EYE[0], torch.diag(MIXED)), r"positive diagonal, got -1 on it"),
    (lambda: FullGaussian(EYE[0], EYE + EYE.flip(0)), r"lower triangular, got 1 above"),
    (lambda: FullGaussian(EYE[0], math.nan * EYE), r"scale_tril must be finite, got nan"),
    (lambda: FullGaussian(EYE[0].float(), EYE), r"must have one dtype"),
    (
        lambda: FullGaussian.from_covariance(EYE[0], doubles(1, 2, 2, 1).reshape(2, 2)),
        r"symmetric positive definite in torch.float64, got a smallest eigenvalue of -1$",
    ),
    (
        lambda: FullGaussian.from_covariance(EYE[0], torch.stack([EYE, -3 * EYE])),
        r"got a smallest eigenvalue of -3$",
    ),
    (
        lambda: FullGaussian.from_covariance(EYE[0], doubles(1, 0.5, 0, 1).reshape(2, 2)),
        r"differ from their mirror images by 0.5 \(smallest eigenvalue.*0.75\)",
    ),
    (lambda: Bernoulli(ONE[0]), r"logits must have shape \(\*batch, D\) with D ≥ 1, got \(\)"),
    (lambda: Bernoulli(doubles(math.nan)), r"logits must be a number, got nan at index \(0,\)"),
    (lambda: Bernoulli.from_probs([0.5, 1.5]), r"probs must be between 0 and 1, got 1.5.*\(1,\)"),
    (lambda: Bernoulli.from_probs([math.nan]), r"probs must be between 0 and 1, got nan"),
    (
        lambda: Bernoulli(ONE).log_prob(doubles(0.5)),
        r"0 or 1 \(data.binarise draws them from grey levels 0..255; grey pixels need "
        r"ContinuousBernoulli or Binomial\), got 0.5 at index \(0,\)",
    ),
    (lambda: Bernoulli(ONE).log_prob(doubles(-1)), r"value must be 0 or 1.*got -1"),
    (lambda: Binomial(0, ONE), r"total_count must be a whole number of at least 1, got 0"),
    (lambda: Binomial(2.0, ONE), r"total_count must be a whole number.*2.0"),  # type: ignore[arg-type]
    (lambda: Binomial(16, ONE).log_prob(doubles(0.5)), r"whole number from 0 to 16, got 0.5"),
    (lambda: Binomial(16, ONE).log_prob(doubles(17)), r"whole number from 0 to 16, got 17"),
    (lambda: ContinuousBernoulli(doubles(math.inf)), r"logits must be finite, got inf"),
    (lambda: ContinuousBernoulli(ONE).log_prob(doubles(1.01)), r"between 0 and 1, got 1.01"),
    (lambda: Categorical(ONE[0]), r"logits must have shape \(\*batch, K\)"),
    (lambda: Categorical(doubles(-math.inf, -math.inf)), r"logits must be finite or −inf"),
    (lambda: Categorical(doubles(0, math.inf)), r"logits must be finite or −inf"),
    (lambda: Categorical(doubles(0, math.nan)), r"logits must be finite or −inf"),
    (lambda: Categorical.from_probs([0.5, 0.6]), r"the sum of probs must be 1, got 1.1"),
    (lambda: Categorical.from_probs([1.5, -0.5]), r"probs must be at least 0, got -0.5"),
]


@pytest.mark.parametrize(("call", "message"), REFUSED)
def test_bad_parameters_are_refused_with_the_numbers(
    call: Callable[[], object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_rounding_asymmetry_of_an_inverse_is_no_error(generator: torch.Generator) -> None:
    turn = torch.linalg.qr(torch.randn(4, 4, generator=generator, dtype=torch.float64)).Q
    matrix = turn * torch.logspace(0, -6, 4, dtype=torch.float64) @ turn.mT
    inverse = torch.linalg.inv(matrix)
    assert not torch.equal(inverse, inverse.mT)
    FullGaussian.from_covariance(torch.zeros(4, dtype=torch.float64), inverse)


@pytest.mark.parametrize("bad", [1e-30, -1e-30, 1 - 2**-24, 1 + 2**-23, 0.5, -1.0, 2.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_is_almost_a_zero_or_a_one_is_none(bad: float, dtype: torch.dtype) -> None:
    coins = Bernoulli(torch.zeros(9, dtype=dtype))
    value = torch.tensor([0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0, bad, 1.0], dtype=dtype)
    with pytest.raises(ValueError, match=r"value must be 0 or 1 .*, got .* at index \(7,\)"):
        coins.log_prob(value)


@pytest.mark.parametrize("values", [[2.0] + [0.5] * 8, [0.5] * 4])
def test_values_that_make_up_for_one_another_are_seen(values: list[float]) -> None:
    """x − x² is −2 at 2 and ¼ at ½: its sum is 0 over the nine, and 1 over the four."""
    with pytest.raises(ValueError, match=r"value must be 0 or 1 .*, got .* at index \(0,\)"):
        Bernoulli(torch.zeros(len(values))).log_prob(torch.tensor(values))


def test_limits_are_where_rounding_ends() -> None:
    """A sum of two may be off by eight roundings; mirror images by √ε of the scale, 1.5e-8."""
    eps = torch.finfo(torch.float64).eps
    Categorical.from_probs([0.5, 0.5 + 7 * eps])
    with pytest.raises(ValueError, match="the sum of probs must be 1, got 1.0000000000000"):
        Categorical.from_probs([0.5, 0.5 + 12 * eps])
    covariance = torch.tensor([[4.0, 0.2], [0.2, 4.0]], dtype=torch.float64)
    covariance[0, 1] += 4e-8
    FullGaussian.from_covariance(torch.zeros(2).double(), covariance)
    covariance[0, 1] += 4e-8
    with pytest.raises(ValueError, match="differ from their mirror images by 8e-08"):
        FullGaussian.from_covariance(torch.zeros(2).double(), covariance)
