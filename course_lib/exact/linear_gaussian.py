"""The linear-Gaussian world: z ~ N(0, I), x|z ~ N(W z + b, Ψ), with everything in closed form."""

import math
from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import pad

from course_lib.arguments import (
    DOUBLE,
    Numbers,
    as_double,
    require_broadcastable,
    require_count,
    require_finite,
    require_positive,
)
from course_lib.distributions import DiagonalGaussian, FullGaussian, Gaussian
from course_lib.exact.numerics.gaussian_algebra import (
    LeastSquares,
    one_vector,
    require_gaussian,
    require_vectors,
    sum_scale_tril,
)
from course_lib.exact.numerics.standard_normal import LOG_TWO_PI


class LinearGaussian:
    """p(x, z) = N(z; 0, I) N(x; W z + b, Ψ) with Ψ = diag(noise_std²).

    loadings: W, (D, d); offset: b, (D,) or one number; noise_std: (D,) or one number, positive.
    Works in float64. D may be large: nothing of size D × D is formed when d < D, except by
    `evidence`. Raises ValueError if the shapes disagree or a number is not finite.
    """

    def __init__(self, loadings: Numbers, offset: Numbers, noise_std: Numbers) -> None:
        self.loadings = require_finite("loadings", as_double("loadings", loadings).double())
        if self.loadings.ndim != 2 or self.loadings.numel() == 0:
            raise ValueError(f"loadings must be (D, d), got shape {tuple(self.loadings.shape)}")
        size, latent = self.loadings.shape
        self.offset = require_finite("offset", one_vector("offset", offset, size))
        self.noise_std = require_positive("noise_std", one_vector("noise_std", noise_std, size))
        self.prior = DiagonalGaussian.standard(latent)
        self._scaled = self.loadings / self.noise_std.unsqueeze(-1)  # A = Ψ^(−½) W, (D, d)
        self._system = LeastSquares(torch.cat([self._scaled, torch.eye(latent, **DOUBLE)]))

    def decoder(self, z: Tensor) -> DiagonalGaussian:
        """p(x|z) = N(W z + b, Ψ), for z (*batch, d)."""
        z = require_vectors("z", z, self.loadings.shape[1])
        mean = z @ self.loadings.mT + self.offset  # (*batch, D)
        return DiagonalGaussian(mean, self.noise_std.log())

    def log_joint(self, x: Tensor, z: Tensor) -> Tensor:
        """log p(x|z) + log p(z), for z (*samples, *batch, d) and x (*batch, D)."""
        z = require_vectors("z", z, self.loadings.shape[1])
        return self.decoder(z).log_prob(self._observation(x)) + self.prior.log_prob(z)

    @cached_property
    @torch.inference_mode(False)  # kept for later calls, which may want slopes
    def evidence(self) -> FullGaussian:
        """p(x) = N(b, W Wᵀ + Ψ) as a distribution; forms a D × D factor."""
        return FullGaussian(self.offset, sum_scale_tril(self.loadings, self.noise_std.diag()))

    def log_evidence(self, x: Numbers) -> Tensor:
        """log p(x) = log N(x; b, W Wᵀ + Ψ), at the cost of d × d and D × d matrices.  (Eq. 1.2)

        With y = Ψ^(−½)(x − b) and A = Ψ^(−½)W the quadratic form yᵀ(I + AAᵀ)⁻¹y is the minimum
        over z of |y − A z|² + |z|², and det(I + AAᵀ) = det(I + AᵀA).
        x: (*batch, D). Returns (*batch,) nats.
        Source: Bishop 2006, section 12.2, for the density; the least-squares form keeps its
        digits where the usual matrix-inversion identity subtracts large numbers.
        """
        size, latent = self.loadings.shape
        if size <= latent:  # then no x lies outside of W's range, and |y − A z| is rounding alone
            return self.evidence.log_prob(self._observation(x))
        _, quadratic = self._system.solve(self._target(x))
        return self._log_normaliser - self._system.half_log_det - 0.5 * quadratic

    def posterior(self, x: Numbers) -> FullGaussian:
        """p(z|x) = N(M⁻¹Wᵀ Ψ⁻¹(x − b), M⁻¹) with M = I + WᵀΨ⁻¹W.  (Eq. 2.2)

        x: (*batch, D). Returns a FullGaussian over z with that batch.
        Source: Bishop 2006, equations 12.41 and 12.42.
        """
        mean, _ = self._system.solve(self._target(x))
        return FullGaussian(mean, self._system.scale_tril)

    def elbo(self, q: Gaussian, x: Numbers) -> Tensor:
        """E_q[log p(x|z) + log p(z) − log q(z)] by the moments of q, in closed form.  (Eq. 3.2)

        q: DiagonalGaussian or FullGaussian over z, batch broadcastable with that of x (*batch, D).
        Returns (*batch,) nats. Raises ValueError if q or x is no such thing.
        """
        require_gaussian("q", q, self.loadings.shape[1])
        mean, scale = q.mean.double(), q.scale_tril.double()  # (*batch, d), (*batch, d, d)
        target = self._standardised(x)
        require_broadcastable("q's batch", q.batch_shape, "x's batch", target.shape[:-1])
        residual = target - mean @ self._scaled.mT  # (*batch, D)
        # With LᵀL = I + AᵀA, tr(A C Aᵀ) + tr C is a sum of squares with d rows, not D.
        spread = (self._system.root @ scale).square().sum((-2, -1))  # (*batch,)
        energy = residual.square().sum(-1) + mean.square().sum(-1) + spread
        constant = self._log_normaliser - 0.5 * mean.shape[-1] * LOG_TWO_PI
        return constant - 0.5 * energy + q.entropy().double()

    def log_naive_relative_variance(self, x: Numbers) -> Tensor:
        """log r, with r = Var[p(x|z)] / p(x)² over z ~ p(z): the trouble with p̂.  (Eq. 1.4)

        N(x; m, Ψ)² = N(x; m, Ψ/2) / |4πΨ|^½ makes E[p(x|z)²] a linear-Gaussian evidence with half
        the noise variance. In the singular values s_i of Ψ^(−½)W and the coordinates c_i of
        Ψ^(−½)(x − b) along the left singular vectors,
        log(1 + r) = Σ_i ½ log(1 + s_i⁴/(1 + 2s_i²)) + c_i² s_i²/((1 + s_i²)(1 + 2s_i²)).
        x: (*batch, D). Returns (*batch,) nats: r itself overflows for images. −inf if W = 0. Where
        two s_i are equal its slope in W comes out as NaN: it is taken through singular vectors.
        """
        directions, singular = self._spectrum
        square = singular.square()
        along = (self._standardised(x) @ directions).square()  # c², (*batch, k)
        volume = 0.5 * torch.log1p(square * (square / (1 + 2 * square)))
        shift = along * (square / (1 + square)) / (1 + 2 * square)
        total = (volume + shift).sum(-1)  # log(1 + r)
        return total + torch.log(-torch.expm1(-total))

    def log_naive_samples_needed(self, x: Numbers, relative_error: float = 0.1) -> Tensor:
        """log of `naive_samples_needed`, for x where the number itself overflows.

        Raises ValueError unless relative_error is positive.
        """
        error = require_positive("relative_error", as_double("relative_error", relative_error))
        ratio = self.log_naive_relative_variance(x)
        require_broadcastable("relative_error", error.shape, "x's batch", ratio.shape)
        return ratio - 2.0 * error.log()

    def naive_samples_needed(self, x: Numbers, relative_error: float = 0.1) -> Tensor:
        """S = r/ε²: draws from the prior for which p̂ has relative standard error ε.  (Eq. 1.5)

        x: (*batch, D). Returns (*batch,), not rounded; +inf from about 1.8e308 on.
        """
        return self.log_naive_samples_needed(x, relative_error).exp()

    def naive_log_bias(self, x: Numbers, samples: int) -> Tensor:
        """E[log p̂] − log p(x) ≈ −r/(2S), to second order in p̂/p(x) − 1.  (Eq. 2.4)

        Good where r/S is well below one; elsewhere it is far too negative. x: (*batch, D), S =
        samples. Returns (*batch,) nats. Raises ValueError unless samples is a whole number from 1.
        """
        samples = require_count("samples", samples)
        log_ratio = self.log_naive_relative_variance(x) - math.log(2 * samples)
        return -log_ratio.exp()

    @cached_property
    @torch.inference_mode(False)  # kept for later calls, which may want slopes
    def _spectrum(self) -> tuple[Tensor, Tensor]:
        """Left singular vectors (D, k) and singular values (k,) of A = Ψ^(−½)W."""
        left, singular, _ = torch.linalg.svd(self._scaled, full_matrices=False)
        return left, singular

    @property
    def _log_normaliser(self) -> Tensor:
        """−D/2 log 2π − Σ log noise_std: the log of the largest value of p(x|z)."""
        return -0.5 * len(self.offset) * LOG_TWO_PI - self.noise_std.log().sum()

    def _observation(self, x: Numbers) -> Tensor:
        return require_vectors("x", x, len(self.offset))

    def _standardised(self, x: Numbers) -> Tensor:
        """y = Ψ^(−½)(x − b), (*batch, D)."""
        return (self._observation(x) - self.offset) / self.noise_std

    def _target(self, x: Numbers) -> Tensor:
        """y over the zeros that stand for the prior, (*batch, D + d)."""
        return pad(self._standardised(x), (0, self.loadings.shape[1]))

    def __repr__(self) -> str:
        size, latent = self.loadings.shape
        return f"LinearGaussian(D = {size}, d = {latent})"
