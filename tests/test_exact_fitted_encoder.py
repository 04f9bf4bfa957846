"""Ascent on a score finds the encoder that algebra names."""

import math

import pytest
import torch

from course_lib.exact import AffineGaussian, LinearGaussianChain, fit_encoder


def test_on_the_bound_it_finds_the_posterior_of_the_unit_chain() -> None:
    """At x = 1: z_1 ~ N(2/3, 2/3), and z_2 given z_1 ~ N(z_1/2, 1/2)."""
    x = torch.ones(1, dtype=torch.float64)
    lower, upper = fit_encoder(lambda q: LinearGaussianChain.unit(2).elbo(q, x))
    assert (lower.slope + lower.offset).item() == pytest.approx(2 / 3, abs=1e-5)
    assert lower.std.item() == pytest.approx(math.sqrt(2 / 3), abs=1e-5)
    assert upper.slope.item() == pytest.approx(0.5, abs=1e-5)
    assert upper.offset.item() == pytest.approx(0, abs=1e-5)
    assert upper.std.item() == pytest.approx(math.sqrt(0.5), abs=1e-5)
    assert not any(part.requires_grad for part in (lower.slope, upper.scale_tril))


def test_the_mean_of_several_scores_is_raised() -> None:
    """−(slope − 3)² and −(slope − 1)² − (log σ + 1)², averaged, are largest at 2 and −1."""

    def score(q: list[AffineGaussian]) -> torch.Tensor:
        slope, log_std = q[0].slope[0, 0], q[0].std.log()[0]
        return torch.stack([-((slope - 3) ** 2), -((slope - 1) ** 2) - (log_std + 1) ** 2])

    (one,) = fit_encoder(score, 1)  # type: ignore[arg-type]
    assert one.slope.item() == pytest.approx(2, abs=1e-4)
    assert one.std.log().item() == pytest.approx(-1, abs=1e-4)


def test_what_cannot_be_raised_is_refused() -> None:
    with pytest.raises(ValueError, match="layers must be"):
        fit_encoder(lambda q: q[0].std, 0)
    with pytest.raises(ValueError, match=r"must be finite, got nan in step 1"):
        fit_encoder(lambda q: q[0].std * math.nan)
    with pytest.raises(ValueError, match=r"score\(q\) must be a tensor of floats, got NoneType"):
        fit_encoder(lambda q: None)  # type: ignore[arg-type, return-value]
    other = torch.ones(1, requires_grad=True)
    two = torch.tensor(2.0)
    for score in (lambda q: two, lambda q: two * other, lambda q: two * q[0].std.detach()):
        with pytest.raises(ValueError, match=r"must be computed from q, differentiably, got 2\.0"):
            fit_encoder(score)


def test_it_climbs_where_gradients_are_switched_off() -> None:
    x = torch.ones(1, dtype=torch.float64)
    world = LinearGaussianChain.unit(2)
    with torch.no_grad():
        _, upper = fit_encoder(lambda q: world.elbo(q, x))
    assert upper.slope.item() == pytest.approx(0.5, abs=1e-5)
