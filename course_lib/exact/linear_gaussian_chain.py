"""The linear-Gaussian chain z_T → … → z_1 → x: the exact oracle beside a Markov HVAE."""

from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import pad

from course_lib.arguments import DOUBLE, Numbers, require_broadcastable, require_count
from course_lib.distributions import DiagonalGaussian, FullGaussian, Gaussian
from course_lib.exact.affine_gaussian import AffineGaussian, require_arrows
from course_lib.exact.chain_expectations import ChainExpectations, gaussian_expectations
from course_lib.exact.linear_gaussian import LinearGaussian
from course_lib.exact.numerics.gaussian_algebra import (
    LeastSquares,
    require_gaussian,
    require_vectors,
    sum_scale_tril,
)
from course_lib.exact.numerics.standard_normal import LOG_TWO_PI
from course_lib.exact.top_down import top_down_factor

MarkovEncoder = Sequence[AffineGaussian]


class LinearGaussianChain:
    """z_T ~ N(0, I), z_{t−1}|z_t ~ N(A_t z_t + b_t, diag(s_t²)), and x = z_0.

    slopes, offsets, stds: one entry a layer; entry 0 is the arrow z_1 → x, entry T−1 the arrow
    z_T → z_{T−1}. A slope is a number or (d_{t−1}, d_t), an offset or std a number or (d_{t−1},).
    As a latent model its latent is z_{1:T}, concatenated with z_1 first. Works in float64.
    Raises ValueError if the lengths or shapes disagree or an std is not positive.
    """

    def __init__(
        self, slopes: Sequence[Numbers], offsets: Sequence[Numbers], stds: Sequence[Numbers]
    ) -> None:
        for name, entries in (("slopes", slopes), ("offsets", offsets), ("stds", stds)):
            if not isinstance(entries, (Sequence, Tensor)) or not getattr(entries, "ndim", 1):
                raise ValueError(f"{name} must be a list with one entry a layer, got {entries!r}")
        lengths = (len(slopes), len(offsets), len(stds))
        if min(lengths) == 0 or len(set(lengths)) != 1:
            raise ValueError(
                f"slopes, offsets and stds must have one entry a layer, got lengths {lengths}"
            )
        self.arrows = [AffineGaussian(*layer) for layer in zip(slopes, offsets, stds, strict=True)]
        self.sizes = [arrow.slope.shape[0] for arrow in self.arrows]  # d_0, …, d_{T−1}
        self.sizes.append(self.arrows[-1].slope.shape[1])  # d_T
        require_arrows("slopes, from the top down,", self.arrows[::-1], self.sizes[::-1])
        self._require_independent_noise()

    @classmethod
    def unit(cls, depth: int) -> "LinearGaussianChain":
        """The unit chain of T = depth: every arrow adds N(0, 1) noise, so that x ~ N(0, T + 1)."""
        ones = [1.0] * require_count("depth", depth)
        return cls(ones, [0.0] * depth, ones)

    @property
    def depth(self) -> int:
        """T."""
        return len(self.arrows)

    def marginal(self, level: int) -> FullGaussian:
        """p(z_t) for t = level from 0 (x itself) to T, by folding the arrows above it.

        Raises ValueError for another level.
        """
        level = require_count("level", level, least=0)
        if level > self.depth:
            raise ValueError(f"level must be from 0 to T = {self.depth}, got {level}")
        return self._marginals[level]

    @property
    def evidence(self) -> FullGaussian:
        """p(x) as a distribution: the whole chain folded into one Gaussian."""
        return self._marginals[0]

    def fold(self) -> LinearGaussian:
        """The one-layer world with the same p(x): its loadings absorb p(z_1).  (Eq. 11.1)

        Mean and covariance go down the chain by m ↦ A m + b and V ↦ A V Aᵀ + diag(s²).
        """
        above, last = self._marginals[1], self.arrows[0]
        offset = last.slope @ above.mean + last.offset
        return LinearGaussian(last.slope @ above.scale_tril, offset, last.std)

    @cached_property
    @torch.inference_mode(False)  # kept for later calls, which may want slopes
    def prior(self) -> FullGaussian:
        """p(z_{1:T}), over the concatenation of z_1 to z_T."""
        return self._upwards(self._marginals[1])

    def decoder(self, z: Tensor) -> DiagonalGaussian:
        """p(x|z_{1:T}) = p(x|z_1), for z (*batch, Σ d_t)."""
        z = require_vectors("z", z, sum(self.sizes[1:]))
        given = self.arrows[0](z[..., : self.sizes[1]])
        return DiagonalGaussian(given.mean, self.arrows[0].std.log())

    def log_joint(self, x: Numbers, latents: Sequence[Tensor]) -> Tensor:
        """log p(x, z_{1:T}) = log p(z_T) + Σ_t log p(z_{t−1}|z_t), arrow by arrow, nats.

        x: (*batch, d_0). latents: [z_1, …, z_T], each (*samples, *batch, d_t); what a Gaussian over
        all of them gives can be split: z.split(chain.sizes[1:], -1). Raises ValueError unless they
        are T.
        """
        if len(latents) != self.depth:
            raise ValueError(f"latents must be {self.depth} tensors, z_1 first, got {len(latents)}")
        values = [
            require_vectors(f"z_{t}" if t else "x", value, size)
            for t, (value, size) in enumerate(zip([x, *latents], self.sizes, strict=True))
        ]
        total = DiagonalGaussian.standard(self.sizes[-1]).log_prob(values[-1])
        for arrow, below, above in zip(self.arrows, values[:-1], values[1:], strict=True):
            total = total + arrow(above).log_prob(below)
        return total

    def log_evidence(self, x: Numbers) -> Tensor:
        """log p(x), (*batch,) nats: the chain folds, layer by layer, into one Gaussian."""
        return self.evidence.log_prob(require_vectors("x", x, self.sizes[0]))

    def joint_posterior(self, x: Numbers) -> FullGaussian:
        """p(z_{1:T}|x) = Π_t p(z_t|z_{t−1}) over the concatenation of z_1 to z_T; x (*batch, d_0).

        Bottom-up, so that its Cholesky factor is built block by block and nothing is inverted.
        """
        return self._upwards(self.posterior_factor(1)(require_vectors("x", x, self.sizes[0])))

    def posterior(self, x: Numbers) -> FullGaussian:
        """The same as `joint_posterior`: what every exact world calls its posterior."""
        return self.joint_posterior(x)

    def posterior_factor(self, level: int) -> AffineGaussian:
        """The exact bottom-up factor p(z_t|z_{t−1}) = p(z_t|z_{t−1}, x), t = level from 1 to T.

        It needs no x once z_{t−1} is known, so the T factors together are the exact posterior.
        Raises ValueError for another level.
        """
        level = require_count("level", level)
        if level > self.depth:
            raise ValueError(f"level must be from 1 to T = {self.depth}, got {level}")
        above, arrow = self._marginals[level], self.arrows[level - 1]
        inverse = above.whiten(torch.eye(self.sizes[level], **DOUBLE))  # L⁻¹ of p(z_t)
        system = LeastSquares(torch.cat([arrow.slope / arrow.std.unsqueeze(-1), inverse]))
        gain = system.scale_tril @ system.basis.mT  # (d_t, d_{t−1} + d_t)
        slope = gain[:, : self.sizes[level - 1]] / arrow.std
        offset = gain[:, self.sizes[level - 1] :] @ (inverse @ above.mean) - slope @ arrow.offset
        return AffineGaussian(slope, offset, system.scale_tril)

    def top_down_factor(self, level: int) -> AffineGaussian:
        """p(z_{t−1}|z_t, x), t = level from 2 to T, given the vector (z_t, x).

        Call it with torch.cat([z_t, x], -1), (*batch, d_t + d_0). As the exact posterior runs down
        from p(z_T|x), it needs x at every step. Raises ValueError for another level.
        """
        level = require_count("level", level)
        if not 2 <= level <= self.depth:
            raise ValueError(f"level must be from 2 to T = {self.depth}, got {level}")
        return top_down_factor(self.arrows, level)

    def exact_encoder(self) -> list[AffineGaussian]:
        """All T exact factors, from z_1 given x to z_T given z_{T−1}."""
        return [self.posterior_factor(level) for level in range(1, self.depth + 1)]

    def terms(self, q: MarkovEncoder, x: Numbers) -> ChainExpectations:
        """Every expectation in the ELBO of this chain under q(z_{1:T}|x) = Π_t q(z_t|z_{t−1}).

        q: T affine Gaussians, q[0] from x to z_1. x: (*batch, d_0). See ChainExpectations.
        """
        if not isinstance(q, Sequence):
            raise ValueError(f"q must be a list of AffineGaussians, got {type(q).__name__}")
        require_arrows("q", q, self.sizes)
        return gaussian_expectations(self.arrows, q, require_vectors("x", x, self.sizes[0]))

    def elbo(self, q: MarkovEncoder | Gaussian, x: Numbers) -> Tensor:
        """E_q[log p(x, z_{1:T}) − log q(z_{1:T}|x)], (*batch,) nats, in closed form.

        q: T affine Gaussians, bottom-up, or one Gaussian over the concatenated z_{1:T}.
        """
        if isinstance(q, Sequence):
            return self.terms(q, x).elbo
        require_gaussian("q", q, sum(self.sizes[1:]))
        target = self._target(x)
        require_broadcastable("q's batch", q.batch_shape, "x's batch", target.shape[:-1])
        residual = target - q.mean.double() @ self._matrix.mT
        spread = (self._matrix @ q.scale_tril.double()).square().sum((-2, -1))
        energy = residual.square().sum(-1) + spread
        log_scale = torch.cat([arrow.std for arrow in self.arrows]).log().sum()
        constant = -0.5 * sum(self.sizes) * LOG_TWO_PI - log_scale
        return constant - 0.5 * energy + q.entropy().double()

    @cached_property
    @torch.inference_mode(False)  # kept for later calls, which may want slopes
    def _marginals(self) -> list[FullGaussian]:
        """p(z_0), …, p(z_T), folded from the top."""
        size = self.sizes[-1]
        below = [FullGaussian(torch.zeros(size, **DOUBLE), torch.eye(size, **DOUBLE))]
        for arrow in reversed(self.arrows):
            mean = arrow.slope @ below[-1].mean + arrow.offset
            root = sum_scale_tril(arrow.slope @ below[-1].scale_tril, arrow.scale_tril)
            below.append(FullGaussian(mean, root))
        return below[::-1]

    @cached_property
    @torch.inference_mode(False)  # kept for later calls, which may want slopes
    def _matrix(self) -> Tensor:
        """G: row block t is (A_t z_t − z_{t−1})/s_t, the last one z_T; (Σ_0^T d_t, Σ_1^T d_t)."""
        starts = [sum(self.sizes[1:level]) for level in range(1, self.depth + 2)]
        rows = torch.zeros(sum(self.sizes), starts[-1], **DOUBLE)
        first = 0
        for level, arrow in enumerate(self.arrows):
            block = rows[first : first + self.sizes[level]]
            after = starts[level] + self.sizes[level + 1]
            block[:, starts[level] : after] = arrow.slope / arrow.std.unsqueeze(-1)
            if level > 0:
                block[:, starts[level - 1] : starts[level]] = -(1.0 / arrow.std).diag()
            first += self.sizes[level]
        rows[first:, starts[-1] - self.sizes[-1] :] = torch.eye(self.sizes[-1], **DOUBLE)
        return rows

    def _target(self, x: Numbers) -> Tensor:
        """y with log p(x, z) = const − ½|G z − y|²; (*batch, Σ_0^T d_t)."""
        x = require_vectors("x", x, self.sizes[0])
        shifts = [-arrow.offset / arrow.std for arrow in self.arrows[1:]]
        fixed = torch.cat([*shifts, torch.zeros(self.sizes[-1], **DOUBLE)])
        first = (x - self.arrows[0].offset) / self.arrows[0].std
        return torch.cat([first, fixed.expand(*x.shape[:-1], -1)], -1)

    def _upwards(self, first: FullGaussian) -> FullGaussian:
        """The joint of z_1, given as `first`, and all above it, by the exact factors."""
        mean, root = first.mean, first.scale_tril
        below, size = mean, mean.shape[-1]
        for t in range(2, self.depth + 1):
            factor = self.posterior_factor(t)
            below = below @ factor.slope.mT + factor.offset
            mean = torch.cat([mean, below], -1)
            row = factor.slope @ root[..., -size:, :]  # of the root, below the diagonal block
            size = below.shape[-1]
            corner = factor.scale_tril.expand(*row.shape[:-2], size, size)
            root = torch.cat([pad(root, (0, size)), torch.cat([row, corner], -1)], -2)
        return FullGaussian(mean, root)

    def _require_independent_noise(self) -> None:
        for arrow in self.arrows:
            if not torch.equal(arrow.scale_tril, arrow.scale_tril.diagonal().diag()):
                raise ValueError("each of stds must be one number or (d,), got a matrix")

    def __repr__(self) -> str:
        return f"LinearGaussianChain(sizes {self.sizes}, x first)"
