"""The expectations that make up the ELBO of a chain, and those of a Gaussian one in closed form."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.distributions import DiagonalGaussian, FullGaussian
from course_lib.exact.affine_gaussian import AffineGaussian
from course_lib.exact.numerics.gaussian_algebra import sum_scale_tril


@dataclass(frozen=True)
class ChainExpectations:
    """Expectations under q(z_{1:T}|x) = Π_t q(z_t|z_{t−1}), nats, each (*batch,).

    Where there is one a layer, layers lead: (T, *batch) or (T−1, *batch). Entropies of continuous
    latents are differential, so they may be negative.
    """

    reconstruction: Tensor  # E log p(x|z_1)
    transitions: Tensor  # E log p(z_{t−1}|z_t), t = 2 … T
    prior: Tensor  # E log p(z_T)
    conditional_entropies: Tensor  # h(z_t|z_{t−1}), t = 1 … T, with z_0 = x
    marginal_entropies: Tensor  # h(z_t|x), t = 1 … T

    @property
    def elbo(self) -> Tensor:
        """E log p(x|z_1) + Σ_{t=2}^T E log p(z_{t−1}|z_t) + E log p(z_T) + Σ_t h(z_t|z_{t−1})."""
        decoder = self.reconstruction + self.transitions.sum(0) + self.prior
        return decoder + self.conditional_entropies.sum(0)


def gaussian_expectations(
    decoder: Sequence[AffineGaussian], encoder: Sequence[AffineGaussian], x: Tensor
) -> ChainExpectations:
    """Those of a Gaussian chain, by carrying the mean and root covariance of q(z_t|x) up the chain.

    decoder[t−1] is p(z_{t−1}|z_t) and encoder[t−1] is q(z_t|z_{t−1}). x: (*batch, d_0).
    """
    batch = x.shape[:-1]
    mean, root = x, x.new_zeros(x.shape[-1], x.shape[-1])  # z_0 is x itself
    expected, conditional, marginal = [], [], []
    for down, up in zip(decoder, encoder, strict=True):
        above = FullGaussian(mean @ up.slope.mT + up.offset, up.scale_tril)
        expected.append(_expected_log_prob(down, mean, root, up, above.mean))
        mean, root = above.mean, sum_scale_tril(up.slope @ root, up.scale_tril)  # now of z_t
        conditional.append(above.entropy())
        marginal.append(FullGaussian(mean, root).entropy())
    prior = DiagonalGaussian.standard(mean.shape[-1]).log_prob(mean) - 0.5 * root.square().sum()
    transitions = torch.stack(expected[1:]) if expected[1:] else x.new_zeros(0, *batch)
    return ChainExpectations(
        expected[0], transitions, prior, torch.stack(conditional), torch.stack(marginal)
    )


def _expected_log_prob(
    down: AffineGaussian, mean: Tensor, root: Tensor, up: AffineGaussian, above: Tensor
) -> Tensor:
    """E_q log p(z_{t−1}|z_t), (*batch,), given the moments of z_{t−1} and the mean of z_t.

    With z_t = B z_{t−1} + c + R ε the standardised error is an affine function of z_{t−1} and ε:
    its spread is (I − A B) root ⊕ A R, over the decoder's standard deviations.
    """
    arrow = down(above)  # p(z_{t−1}|z_t) at the mean of z_t
    identity = torch.eye(len(down.slope), **DOUBLE)
    spread = torch.cat([(identity - down.slope @ up.slope) @ root, down.slope @ up.scale_tril], -1)
    return arrow.log_prob(mean) - 0.5 * (spread / down.std.unsqueeze(-1)).square().sum()
