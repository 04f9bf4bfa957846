"""Worlds with one latent number and any decoder: evidence and posterior by quadrature."""

import math
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from course_lib.arguments import (
    DOUBLE,
    Numbers,
    as_double,
    require_broadcastable,
    require_count,
    require_event,
    require_finite,
    require_positive,
)
from course_lib.distributions import DiagonalGaussian, Distribution
from course_lib.distributions.base import require_distribution
from course_lib.exact._observation import observation
from course_lib.exact.grid_posterior import GridPosterior
from course_lib.exact.numerics.expectation import expected_log_ratio, spread_of
from course_lib.exact.numerics.naive_expectation import expected_naive_log
from course_lib.exact.numerics.quadrature import (
    POINTS,
    Panels,
    concatenate,
    log_total,
    panel_nodes,
    refine,
    rounding_of_total,
    start,
)
from course_lib.exact.numerics.standard_normal import log_standard_normal
from course_lib.exact.numerics.tails import require_whole

CHUNK = 4_000_000  # decoder outputs held at a time
WORST = 1e-6  # relative error above which a number is refused
REACH = 10.0  # where the prior has its mass; beyond it the panels grow
TAILS = 4  # growing panels on each side
LEAST = (2 * TAILS + 1) * (len(POINTS) - 1)  # nodes: one panel at least between the tails

Decoder = Callable[[Tensor], Distribution]


class TooNarrow(ValueError):
    """A posterior so narrow that float64 cannot resolve it: no number is given, and none is wrong.

    A class of its own, because all other refusals speak of arguments that no other noise mends.
    """


class ScalarLatent:
    """z ~ N(0, 1), x|z ~ decoder(z), for z (*n, 1) and any decoder; everything by quadrature.

    decoder: from z (*n, 1) in float64 to a distribution over x with batch (*n,), smooth in z.
    half_width: the integrals run over |z| ≤ half_width. nodes: how many points they start with;
    panels are split where that is not enough, down to posteriors of width 1e-6.
    Raises ValueError when asked for a number that cannot be had: a decoder that gives NaN, an
    integral that does not converge, or one with mass at |z| = half_width.
    """

    def __init__(self, decoder: Decoder, half_width: float = 40.0, nodes: int = 1536) -> None:
        if not callable(decoder):
            raise ValueError(f"decoder must be a function of z, got {type(decoder).__name__}")
        require_positive("half_width", _number("half_width", half_width))
        nodes = require_count("nodes", nodes, least=LEAST)
        self._decode = decoder
        self.half_width = float(half_width)
        self.prior = DiagonalGaussian.standard(1)
        self._edges = _edges(self.half_width, nodes // (len(POINTS) - 1))

    def decoder(self, z: Tensor) -> Distribution:
        """p(x|z), for z (*n, 1)."""
        return self._decode(require_finite("z", require_event("z", z, 1)).double())

    def log_joint(self, x: Numbers, z: Tensor) -> Tensor:
        """log p(x|z) + log p(z), (*samples, *batch), for z (*samples, *batch, 1)."""
        z = require_event("z", z, 1).double()
        return self.decoder(z).log_prob(observation(x)) + self.prior.log_prob(z)

    def log_evidence(self, x: Numbers) -> Tensor:
        """log p(x) = log ∫ p(x|z) p(z) dz, (*batch,) nats, for x (*batch, D).  (Eq. 1.1)"""
        return self.log_evidence_with_error(x)[0]

    def log_evidence_with_error(self, x: Numbers) -> tuple[Tensor, Tensor]:
        """log p(x), and how far the sum over the halved grid is from it; both (*batch,), nats.

        The error left is far smaller than that difference.
        """
        x = observation(x)
        parts = [self._integrate(chunk) for chunk in self._chunks(x)]
        values = torch.cat([log_total(panels) for panels, _ in parts])
        errors = torch.cat([error for _, error in parts])
        return values.reshape(x.shape[:-1]), errors.reshape(x.shape[:-1])

    def posterior(self, x: Numbers) -> GridPosterior:
        """p(z|x) = p(x|z) p(z)/p(x), Bayes' rule on a grid, for x (*batch, D).  (Eq. 2.1)"""
        x = observation(x)
        panels = [self._integrate(chunk)[0] for chunk in self._chunks(x)]
        return GridPosterior(lambda z: self.log_joint(x, z), concatenate(panels), x.shape[:-1])

    def elbo(self, q: Distribution, x: Numbers) -> Tensor:
        """∫ q(z) [log p(x, z) − log q(z)] dz by quadrature, (*batch,) nats.  (Eq. 3.2)

        q: any distribution over z with event shape (1,), batch broadcastable with that of x.
        −inf where q has mass and p(x, z) has none. Raises ValueError if q has mass outside of
        the grid; a Gaussian brings its own grid and may lie anywhere, but not be too narrow for
        float64.
        """
        require_distribution("q", q)
        if q.event_shape != (1,):
            raise ValueError(f"q must have event shape (1,), got {tuple(q.event_shape)}")
        x = observation(x)
        batch = require_broadcastable("q's batch", q.batch_shape, "x's batch", x.shape[:-1])
        rows = x.expand(*batch, x.shape[-1]).reshape(-1, x.shape[-1])
        log_q, edges = spread_of(q, batch, self._edges)
        value = expected_log_ratio(
            log_q, lambda z, owner: self._log_joint_at(z, rows[owner, None]), edges
        )
        return value.reshape(batch)

    def expected_naive_log_evidence(self, x: Numbers, samples: int) -> Tensor:
        """E[log p̂], p̂ = (1/S) Σ_i p(x|z_i) with z_i ~ p(z): what naive Monte Carlo finds.

        E[log Ŝ] = ∫_0^∞ (e^{−t} − E[e^{−tŜ}]) dt/t, and E[e^{−tŜ}] of a sum of independent terms
        is a power of a one-dimensional integral.  (Eq. 2.5)
        x: (*batch, D), samples: S. Returns (*batch,) nats, below log p(x) by Jensen.
        Raises ValueError if samples is no whole number of at least 1, or if p(x|z) is too narrow in
        z for that to be affordable.
        """
        x = observation(x)
        rows = x.reshape(-1, x.shape[-1])
        values = [expected_naive_log(partial(self._log_likelihood, x=row), samples) for row in rows]
        return torch.stack(values).reshape(x.shape[:-1])

    def _log_likelihood(self, z: Tensor, x: Tensor) -> Tensor:
        """log p(x|z) for z (P, 33) and x that broadcasts to (…, P, 33, D), checked."""
        given = self.decoder(z.unsqueeze(-1))
        batch = getattr(given, "batch_shape", None)
        if batch != z.shape:
            found = type(given).__name__ if batch is None else f"batch {tuple(batch)}"
            raise ValueError(
                f"decoder must give a distribution for each z, with batch {tuple(z.shape)}, "
                f"got {found}"
            )
        values = given.log_prob(x).double()
        if not math.isfinite(values.detach().sum().item()):
            bad = torch.isnan(values) | (values == torch.inf)
            if bool(bad.any()):
                where = z.expand(bad.shape)[bad][0].item()
                raise ValueError(
                    f"the decoder must give log p(x|z) below infinity, got "
                    f"{values[bad][0].item():g} at z = {where:g}"
                )
        return values

    def _log_joint_at(self, z: Tensor, x: Tensor) -> Tensor:
        """log p(x, z), for the same."""
        return self._log_likelihood(z, x) + log_standard_normal(z)

    def _integrate(self, x: Tensor) -> tuple[Panels, Tensor]:
        """The refined panels of p(x, z) for x (count, D), and the relative errors."""

        def evaluate(z: Tensor, owner: Tensor) -> tuple[Tensor, Tensor]:
            return self._log_joint_at(z, x[owner, None]), torch.ones_like(z)

        nodes = panel_nodes(self._edges[:-1], self._edges.diff())  # (P, 33), the same for every x
        values = self._log_joint_at(nodes, x[:, None, None])  # (count, P, 33)
        if float(values.detach().amax((1, 2)).min()) == -math.inf:
            raise ValueError("x must be possible: p(x|z) is zero at every node z")
        flat = values.flatten(0, 1)  # (count · P, 33)
        first = start(self._edges.expand(len(x), -1), flat, torch.ones_like(flat))
        panels, error = refine(first, evaluate)
        require_whole(values[:, [0, -1], [0, -1]], panels.peak(), self.half_width)
        if panels is not first:  # else the posterior is wide, and rounding nothing
            error = error + rounding_of_total(panels)
        if float(error.max()) > WORST:
            raise TooNarrow(
                f"the posterior is too narrow for float64: p(x) is only good to a relative "
                f"{error.max().item():.2g}; take a larger noise std"
            )
        return panels, error

    def _chunks(self, x: Tensor) -> Sequence[Tensor]:
        """The rows of x (*batch, D), so many at a time that their grids fit into memory."""
        rows = x.reshape(-1, x.shape[-1])
        size = max(1, CHUNK // (len(self._edges) * len(POINTS) * x.shape[-1]))
        return torch.split(rows, size)


def tanh_world(
    a: Numbers = 2.0, b: Numbers = 1.0, c: Numbers = 0.0, s: Numbers = 0.5
) -> ScalarLatent:
    """z ~ N(0, 1), x|z ~ N(a tanh(bz) + c, s²). Raises ValueError unless s > 0."""
    a, b, c, s = (_number(name, v) for name, v in zip("abcs", (a, b, c, s), strict=True))
    return _gaussian_world(lambda z: a * torch.tanh(b * z) + c, s)


def square_world(s: Numbers = 0.5) -> ScalarLatent:
    """z ~ N(0, 1), x|z ~ N(z², s²): two modes in the posterior. Raises ValueError unless s > 0."""
    return _gaussian_world(torch.square, _number("s", s))


def linear_world(w: Numbers = 1.0, s: Numbers = 1.0) -> ScalarLatent:
    """z ~ N(0, 1), x|z ~ N(wz, s²), by quadrature; LinearGaussian has it in closed form."""
    w, s = _number("w", w), _number("s", s)
    return _gaussian_world(lambda z: w * z, s)


def _gaussian_world(mean: Callable[[Tensor], Tensor], s: Tensor) -> ScalarLatent:
    log_std = require_positive("s", s).log()
    return ScalarLatent(lambda z: DiagonalGaussian(mean(z), log_std.expand(z.shape)))


def _number(name: str, value: Numbers) -> Tensor:
    number = require_finite(name, as_double(name, value).double())
    if number.numel() != 1:
        raise ValueError(f"{name} must be one number, got shape {tuple(number.shape)}")
    return number.reshape(())


def _edges(half_width: float, panels: int) -> Tensor:
    """Ends of panels: equal ones where the prior has its mass, growing ones out to half_width."""
    inner = min(half_width, REACH)
    tails = TAILS if half_width > inner else 0
    middle = torch.linspace(-inner, inner, panels - 2 * tails + 1, **DOUBLE)
    growth = torch.arange(1, tails + 1, **DOUBLE) / max(tails, 1)
    tail = inner * (half_width / inner) ** growth
    return torch.cat([-tail.flip(0), middle, tail])
