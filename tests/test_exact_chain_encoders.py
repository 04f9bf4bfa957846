"""The best diagonal encoders of a linear chain, against an optimiser that knows no factors."""

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from test_vae import random_world
from torch import Generator, Tensor

from course_lib.exact import LinearGaussianChain, bottom_up_losses, top_down_losses
from course_lib.exact.optima.chain_encoders import diagonal_loss


def dense_posterior(chain: LinearGaussianChain) -> NDArray[np.float64]:
    """The precision of z_{1:T} given x, from the quadratic form of the joint, block by block."""
    sizes = chain.sizes[1:]
    ends = np.cumsum([0, *sizes])
    precision = np.zeros((ends[-1], ends[-1]))
    for t, arrow in enumerate(chain.arrows):
        slope, weight = arrow.slope.numpy(), np.diag(arrow.std.numpy() ** -2.0)
        above = slice(ends[t], ends[t + 1])
        precision[above, above] += slope.T @ weight @ slope
        if t > 0:
            below = slice(ends[t - 1], ends[t])
            precision[below, below] += weight
            precision[below, above] -= weight @ slope
            precision[above, below] -= slope.T @ weight
    precision[ends[-2] :, ends[-2] :] += np.eye(sizes[-1])
    return precision


def least_kl(chain: LinearGaussianChain, *, top_down: bool) -> float:
    """min KL(q ‖ posterior) over Gaussians whose factors, in one order, are diagonal, by BFGS.

    With the variables in the order of the factors, z = D ε + L z + m with L strictly lower in
    blocks: q's precision is (I − L)ᵀ D⁻² (I − L), and the means of the two agree at the best.
    """
    sizes = chain.sizes[1:]
    order = list(range(len(sizes)))[:: -1 if top_down else 1]
    ends = np.cumsum([0, *sizes])
    columns = np.concatenate([np.arange(ends[t], ends[t + 1]) for t in order])
    precision = torch.from_numpy(dense_posterior(chain)[np.ix_(columns, columns)])
    blocks = np.cumsum([0, *(sizes[t] for t in order)])
    total = int(blocks[-1])
    mask = torch.zeros(total, total, dtype=torch.bool)
    for (a, b), (c, d) in itertools.pairwise(itertools.pairwise(blocks.tolist())):
        mask[c:d, a:b] = True  # a factor is conditioned on its neighbour alone

    def kl(theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        free = torch.from_numpy(theta).requires_grad_()
        log_std, slopes = free[:total], free[total:]
        lower = torch.zeros(total, total, dtype=torch.float64).masked_scatter(mask, slopes)
        root = torch.linalg.inv(torch.eye(total, dtype=torch.float64) - lower) * log_std.exp()
        value = 0.5 * ((precision @ root @ root.mT).trace() - total - torch.logdet(precision))
        value = value - log_std.sum()
        (slope,) = torch.autograd.grad(value, free)
        return value.item(), slope.numpy()

    start = np.zeros(total + int(mask.sum()))
    options: Any = {"gtol": 1e-10, "maxiter": 5000}
    return float(minimize(kl, start, jac=True, method="BFGS", options=options).fun)


@pytest.mark.parametrize("sizes", [[3, 2, 2], [4, 2, 2, 2], [2, 3, 1], [1, 1, 1]])
def test_no_diagonal_encoder_of_either_direction_does_better(
    sizes: list[int], generator: Generator
) -> None:
    chain = random_world(sizes, generator)
    assert bottom_up_losses(chain).sum().item() == pytest.approx(
        least_kl(chain, top_down=False), abs=1e-7
    )
    assert top_down_losses(chain).sum().item() == pytest.approx(
        least_kl(chain, top_down=True), abs=1e-7
    )


def test_a_chain_of_single_numbers_loses_nothing(generator: Generator) -> None:
    chain = random_world([1, 1, 1, 1], generator)
    for losses in (bottom_up_losses(chain), top_down_losses(chain)):
        torch.testing.assert_close(losses, torch.zeros(3).double(), rtol=0, atol=1e-12)


def test_one_layer_has_one_direction(generator: Generator) -> None:
    chain = random_world([3, 2], generator)
    torch.testing.assert_close(bottom_up_losses(chain), top_down_losses(chain))


def test_two_correlated_numbers_by_hand() -> None:
    """Correlation ρ costs −½ log(1 − ρ²)."""
    rho = 0.6
    root = torch.linalg.cholesky(torch.tensor([[1.0, rho], [rho, 1.0]], dtype=torch.float64))
    assert diagonal_loss(root).item() == pytest.approx(-0.5 * np.log(1 - rho**2), abs=1e-14)


def mean_losses(generator: Generator, chains: int) -> Tensor:
    """Of random 2-2-4 chains: how much each direction loses on average."""
    worlds = [random_world([4, 2, 2], generator) for _ in range(chains)]
    return torch.stack(
        [torch.stack([bottom_up_losses(w).sum(), top_down_losses(w).sum()]) for w in worlds]
    )


def test_neither_direction_always_loses_less(generator: Generator) -> None:
    losses = mean_losses(generator, 40)
    assert (losses[:, 0] > losses[:, 1]).any()
    assert (losses[:, 0] < losses[:, 1]).any()
