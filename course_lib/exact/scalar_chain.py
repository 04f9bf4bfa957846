"""A chain of scalar latents with tanh arrows: marginals, p(x) and ELBO by quadrature."""

from collections.abc import Callable, Sequence
from functools import lru_cache

import torch
from torch import Tensor

from course_lib.arguments import (
    DOUBLE,
    Numbers,
    require_count,
    require_event,
    require_no_nan,
)
from course_lib.distributions import DiagonalGaussian, FullGaussian
from course_lib.exact._observation import observation
from course_lib.exact.numerics.gaussian_algebra import require_gaussian, require_resolved
from course_lib.exact.numerics.quadrature import HALVED, WEIGHTS, panel_nodes, panel_weights
from course_lib.exact.numerics.standard_normal import log_standard_normal, standard_normal
from course_lib.exact.numerics.tails import require_fallen
from course_lib.exact.tanh_arrow import (
    CHUNK,
    REACH,
    WORST,
    Marginal,
    TanhArrow,
    fold,
    grid,
    relative_change,
    require_near,
)

PANELS = 8  # for an expectation under a Gaussian, over mean ± REACH std

Encoder = Callable[[Tensor], DiagonalGaussian | FullGaussian]


class ScalarChain:
    """z_T ~ N(0, 1), z_{t−1}|z_t ~ N(a_t tanh(b_t z_t) + c_t, s_t²), x = z_0; all are scalars.

    arrows: T tuples (a, b, c, s) or TanhArrows; entry 0 is the arrow z_1 → x. Everything by
    quadrature in float64, on panels as narrow as the sharpest arrow asks for.
    Values have the event shape (1,), as in ScalarLatent, which is the case T = 1.
    Raises ValueError for an empty list, an arrow too sharp for the grid, or an x beyond it.
    """

    def __init__(self, arrows: Sequence[TanhArrow | Sequence[float]]) -> None:
        if not isinstance(arrows, Sequence) or len(arrows) == 0:
            raise ValueError(f"arrows must be a list with one (a, b, c, s) a layer, got {arrows!r}")
        self.arrows = [_arrow(given) for given in arrows]
        self.prior = DiagonalGaussian.standard(1)
        self._known: dict[int, Marginal] = {}  # marginals, from the top down as far as asked for

    @property
    def depth(self) -> int:
        """T."""
        return len(self.arrows)

    def log_joint(self, x: Numbers, latents: Sequence[Tensor]) -> Tensor:
        """log p(x, z_1, …, z_T), (*samples, *batch) nats, for [z_1, …, z_T].

        latents: T tensors z_t (*samples, *batch, 1). Raises ValueError unless they are T.
        """
        if len(latents) != self.depth:
            raise ValueError(f"latents must be {self.depth} tensors, z_1 first, got {len(latents)}")
        below = [
            observation(x, 1),
            *(require_event("z", z, 1).double() for z in latents),
        ]
        total = self.prior.log_prob(below[-1])
        for arrow, low, high in zip(self.arrows, below[:-1], below[1:], strict=True):
            total = total + arrow(high).log_prob(low)
        return total

    def log_evidence(self, x: Numbers) -> Tensor:
        """log p(x) = log ∫ p(x|z_1) p(z_1) dz_1, (*batch,) nats, for x (*batch, 1).

        p(z_1) is an integral of the same kind over z_2, and so on up to the prior.  (Eq. 1.1)
        """
        return self.log_evidence_with_error(x)[0]

    def log_evidence_with_error(self, x: Numbers) -> tuple[Tensor, Tensor]:
        """log p(x), and how far the sum over the halved grid is from it; both (*batch,), nats."""
        x = observation(x, 1)
        require_near(self.arrows[0], self.marginal(1), x.reshape(-1))
        value, error = fold(self.arrows[0], self.marginal(1), x.reshape(-1))
        return value.reshape(x.shape[:-1]), error.reshape(x.shape[:-1])

    def marginal(self, level: int) -> Marginal:
        """p(z_t) for t = level from 0 (x itself) to T. Raises ValueError for another level."""
        level = require_count("level", level, least=0)
        if level > self.depth:
            raise ValueError(f"level must be from 0 to T = {self.depth}, got {level}")
        for at in range(min(self._known, default=self.depth + 1) - 1, level - 1, -1):
            self._known[at] = self._below(at + 1)
        return self._known[level]

    @property
    def evidence(self) -> Marginal:
        """p(x) on a grid."""
        return self.marginal(0)

    def expectation(
        self, q: Sequence[Encoder], x: Numbers, function: Callable[[list[Tensor]], Tensor]
    ) -> Tensor:
        """E_q f([z_1, …, z_T]) under q(z_1|x) Π_t q(z_t|z_{t−1}), (*batch,), by T-fold quadrature.

        q: T functions, the t-th from z_{t−1} (*n, 1) to a Gaussian with event (1,); q[0] reads x.
        function: takes [z_1, …, z_T], T tensors (N^{T}…, *batch, 1) that broadcast, and returns
        (…, *batch).
        Meant for T = 1 and 2: the grid has 264 nodes a latent, and twice as many again where that
        is not enough, up to a few million in all. Raises ValueError if q is no such list, if a std
        is too small for float64 to resolve mean + std ε, if the value still moves by more than
        1e-8, relative to the larger of 1 and the value, or if density times function has not fallen
        off ten standard deviations out.
        """
        encoders, x = _encoders(q, self.depth), observation(x, 1)
        before, panels = None, PANELS
        while True:
            steps, rules = standard_steps(panels)
            values = _on_grid(encoders, x, function, steps)  # (N, …, N, *batch): z_T first
            fine, halved = (_contract(values, [r] * self.depth) for r in rules.unbind(-1))
            if relative_change(fine, halved) <= WORST or (
                before is not None and relative_change(fine, before) <= WORST
            ):
                _require_each_fallen(values, rules[:, 0], self.depth)
                return fine
            before, panels = fine, 2 * panels
            if values.numel() * 2**self.depth > CHUNK:
                raise ValueError(
                    "f varies too fast, or jumps, for its grid over q: halving the grid changes "
                    f"the integral by {relative_change(fine, halved):.2g}"
                )

    def elbo(self, q: Sequence[Encoder], x: Numbers) -> Tensor:
        """E_q[log p(x, z_{1:T}) − log q(z_{1:T}|x)], (*batch,) nats; see `expectation`."""
        x, q = observation(x, 1), _encoders(q, self.depth)

        def log_ratio(latents: list[Tensor]) -> Tensor:
            total = self.log_joint(x, latents)
            for encoder, low, high in zip(q, [x, *latents[:-1]], latents, strict=True):
                total = total - encoder(low).log_prob(high)
            return total

        return self.expectation(q, x, log_ratio)

    def _below(self, level: int) -> Marginal:
        """p(z_{t−1}) from p(z_t), t = level; the prior for level = T + 1."""
        if level > self.depth:
            nodes, widths = grid(-REACH, REACH, self.arrows[-1].scale)
            return Marginal(nodes, log_standard_normal(nodes), widths)
        arrow, above = self.arrows[level - 1], self._known[level]
        means, reach = arrow.mean(above.nodes), REACH * arrow.s
        scale = min(arrow.s, self.arrows[level - 2].scale) if level > 1 else arrow.s
        nodes, widths = grid(means.min().item() - reach, means.max().item() + reach, scale)
        return Marginal(nodes, fold(arrow, above, nodes)[0], widths)

    def __repr__(self) -> str:
        return f"ScalarChain({self.arrows})"


@lru_cache(maxsize=16)
@torch.inference_mode(False)  # kept for later calls, which may want slopes
def standard_steps(panels: int) -> tuple[Tensor, Tensor]:
    """Nodes (N,) and the two rules' weights (N, 2) for expectations under N(0, 1)."""
    edges = torch.linspace(-REACH, REACH, panels + 1, **DOUBLE)
    nodes = panel_nodes(edges[:-1], edges.diff())  # (panels, 33)
    density = standard_normal(nodes)
    rules = [density * panel_weights(edges.diff(), rule) for rule in (WEIGHTS, HALVED)]
    return nodes.reshape(-1), torch.stack(rules, -1).reshape(-1, 2)


def _on_grid(
    q: Sequence[Encoder], x: Tensor, function: Callable[[list[Tensor]], Tensor], steps: Tensor
) -> Tensor:
    """f at every combination of `steps` standard deviations of q, (N, …, N, *batch): z_T first."""
    latents = [x]
    for level, encoder in enumerate(q, start=1):
        given = require_gaussian(f"q(z_{level}|z_{level - 1})", encoder(latents[-1]), 1)
        out = steps.reshape(-1, *[1] * given.mean.ndim)
        std = given.scale_tril.squeeze(-1)  # the root of the variance would underflow first
        require_resolved(f"q(z_{level}|z_{level - 1})", given.mean.detach(), std.detach())
        latents.append(given.mean + std * out)
    values = require_no_nan("f(z)", function(latents[1:]))
    return values.expand(*(len(steps),) * len(q), *x.shape[:-1])


def _contract(values: Tensor, weights: Sequence[Tensor]) -> Tensor:
    """Σ weights · values over one leading axis a weight: the uppermost latent's first."""
    for weight in weights:
        values = torch.tensordot(weight, values, dims=([0], [0]))
    return values


def _require_each_fallen(values: Tensor, rule: Tensor, depth: int) -> None:
    """Raises ValueError if one more standard deviation at an end of q would count, in some z_t."""
    size, ends = values.abs(), torch.zeros_like(rule)
    ends[[0, -1]] = standard_normal(ends.new_tensor(REACH))
    total = _contract(size, [rule] * depth)
    for axis in range(depth):
        weights = [ends if other == axis else rule for other in range(depth)]
        require_fallen(
            _contract(size, weights),
            total,
            f"q's tails carry the expectation: {REACH:g} standard deviations out in "
            f"z_{depth - axis} f times the density of q",
            "E|f|",
        )


def _encoders(q: Sequence[Encoder], depth: int) -> Sequence[Encoder]:
    """Raises ValueError unless q is a list of `depth` functions."""
    if not isinstance(q, Sequence) or not all(callable(encoder) for encoder in q):
        raise ValueError(f"q must be a list of {depth} functions from z to a Gaussian, got {q!r}")
    if len(q) != depth:
        raise ValueError(f"q must hold {depth} encoders, got {len(q)}")
    return q


def _arrow(given: TanhArrow | Sequence[float]) -> TanhArrow:
    if isinstance(given, TanhArrow):
        return given
    if not isinstance(given, Sequence) or len(given) not in (4, 5):
        raise ValueError(f"an arrow must be numbers (a, b, c, s) or (a, b, c, s, d), got {given!r}")
    return TanhArrow(*(float(value) for value in given))
