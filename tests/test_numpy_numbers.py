"""NumPy's numbers do what Python's do: a count or a seed from an array is no other count or seed.

NumPy's integers overflow, its float32 rounds, torch's generators refuse them, and no file takes
them. So what a check at the boundary gives back is what is computed with.
"""

import ast
import json
from collections.abc import Callable, Iterator
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from course_lib import depth_study
from course_lib.chain_readings import sample_terms
from course_lib.checks import MonteCarlo
from course_lib.data import sample_linear_world, sample_tanh_world
from course_lib.distributions import Binomial, DiagonalGaussian, expectation
from course_lib.evaluate import (
    annealed_log_evidence,
    fitted_log_evidence,
    inference_gap,
    local_posterior,
    log_aggregate,
    posterior_on_grid,
    rate_distortion,
    sampled_log_evidence,
)
from course_lib.evaluate.estimates import binarised_test_images
from course_lib.exact import (
    LinearGaussian,
    LinearGaussianChain,
    ScalarChain,
    TanhArrow,
    fit_ppca,
    tanh_world,
)
from course_lib.minibatch import estimate_variance, sampling_variance
from course_lib.nets import GaussianNet, likelihood_net
from course_lib.plots.figures import new_figure, shown_size
from course_lib.plots.table import number_table
from course_lib.train import Settings, fit, progress, warm_up
from course_lib.vae import HVAE, VAE, Architecture, active_units, stack, unstack

Whole = Callable[[int], Any]  # Python's int, or one of NumPy's
PACKAGE = Path(__file__).parents[1] / "course_lib"
CHECKS = {"require_count", "require_seed", "require_number"}


def rng() -> Generator:
    return Generator().manual_seed(11)


def line(count: int) -> Tensor:
    return torch.linspace(-2, 3, count, dtype=torch.float64)


def pixels() -> Tensor:
    return (torch.arange(24).reshape(4, 6) % 3 == 0).float()


def chain(*latents: int) -> HVAE:
    return Architecture(6, latents, ((5,),) * len(latents)).build(seed=0)


def settings(n: Whole) -> Any:
    chosen = Settings(n(2), n(20), warmup=n(255), seed=n(3))
    return chosen, chosen.rate(0, 1000)


def trained(n: Whole) -> Any:
    history = fit(chain(2), pixels(), Settings(n(2), n(3), seed=n(3)), progress_bar=False)
    return history["elbo"]


def a_flat_world(n: Whole) -> Any:
    x, z = sample_linear_world(
        n(3), loadings=torch.eye(2), offset=torch.zeros(2), noise_std=0.5, generator=rng()
    )
    return x, z


def architecture(n: Whole) -> Any:
    built = Architecture(n(6), (n(2),), ((n(5), n(3)),), "binomial", n(16))
    model = built.build(seed=n(200))
    return json.dumps(built.as_dict()), model.elbo(pixels(), generator=rng())


def gap(n: Whole) -> Any:
    model = chain(2)
    assert isinstance(model, VAE)
    local = local_posterior(model, pixels(), generator=rng(), steps=n(2))
    return inference_gap(model, pixels(), local, generator=rng(), samples=n(5), k=n(200))


def likelihood(n: Whole) -> Any:
    return sampled_log_evidence(chain(3, 2), pixels(), k=n(200), seed=n(200), first=n(1))


def annealed(n: Whole) -> Any:
    counts = {"chains": n(2), "temperatures": n(4), "leapfrogs": n(3)}
    return annealed_log_evidence(chain(2), pixels(), generator=rng(), **counts)


def fitted(n: Whole) -> Any:
    counts = {"k": n(20), "steps": n(2), "samples": n(3)}
    return fitted_log_evidence(chain(2), pixels(), generator=rng(), **counts)


def unit_chain(n: Whole) -> Any:
    world = LinearGaussianChain.unit(n(3))
    factors = world.posterior_factor(n(2)), world.top_down_factor(n(2))
    return world.marginal(n(0)).scale_tril, *(factor.slope for factor in factors)


def aggregate(n: Whole) -> Any:
    q = DiagonalGaussian(line(4).unsqueeze(-1), torch.zeros(4, 1).double())
    return log_aggregate(q, line(9).unsqueeze(-1), chunk=n(2))


def plain(found: Any) -> Any:
    """What was found, its tensors as lists."""
    if isinstance(found, Tensor):
        return found.tolist()
    if is_dataclass(found):
        return plain(vars(found))
    if isinstance(found, dict):
        return {name: plain(value) for name, value in found.items()}
    return [plain(value) for value in found] if isinstance(found, (list, tuple)) else found


USES: dict[str, Callable[[Whole], Any]] = {
    "settings": settings,
    "training": trained,
    "architecture": architecture,
    "tanh world": lambda n: sample_tanh_world(n(3), generator=rng()),
    "linear world": a_flat_world,
    "without replacement": lambda n: estimate_variance(line(300), n(200), replacement=False),
    "with replacement": lambda n: estimate_variance(line(300), n(200), replacement=True),
    "minibatches and draws": lambda n: sampling_variance(line(300).square(), n(200), n(200)),
    "nodes": lambda n: expectation(DiagonalGaussian.standard(1), lambda z: z[..., 0] ** 2, n(201)),
    "trials": lambda n: Binomial(n(200), torch.zeros(2).double()).log_prob(line(2).abs().round()),
    "nets": lambda n: likelihood_net(
        "binomial", n(2), (n(3),), n(4), count=n(200), generator=rng()
    )(torch.ones(1, 2)).log_prob(torch.full((1, 4), 120.0)),
    "a Gaussian net": lambda n: (
        GaussianNet(n(2), (n(3),), n(4), generator=rng())(torch.ones(1, 2)).mean
    ),
    "naive average": lambda n: tanh_world().expected_naive_log_evidence([0.3], n(200)),
    "unit chain": unit_chain,
    "tanh chain": lambda n: (
        ScalarChain([TanhArrow(1, 1, 0, 1), TanhArrow(1, 1, 0, 1)]).marginal(n(1)).log_density
    ),
    "naive estimate": lambda n: LinearGaussian([[1.0]], 0.0, 1.0).naive_log_bias([0.3], n(200)),
    "PPCA": lambda n: fit_ppca(torch.randn(400, 300, generator=rng()).double(), n(2)).loadings,
    "likelihood": likelihood,
    "annealed": annealed,
    "fitted": fitted,
    "gap": gap,
    "grid": lambda n: posterior_on_grid(chain(2), pixels()[0], nodes=n(21)),
    "codes": lambda n: rate_distortion(chain(2), pixels(), samples=n(2), generator=rng()),
    "aggregate": aggregate,
    "units": lambda n: active_units(chain(3, 2), pixels(), samples=n(2), generator=rng()),
    "readings": lambda n: sample_terms(
        chain(3, 2), pixels(), groups=n(2), size=n(3), generator=rng()
    ),
    "unstacked": lambda n: unstack(stack([chain(2), chain(2)]), n(1)).state_dict(),
    "weights": lambda n: chain(2).importance_weighted(pixels(), n(3), generator=rng()),
    "draws": lambda n: chain(2).sample(n(3), generator=rng()),
    "level": lambda n: chain(2).generate(n(1), torch.zeros(2)).mean,
    "test images": lambda n: binarised_test_images(n(5), n(200)),
    "equal chain": lambda n: depth_study.design.chain(n(2), n(200)).as_dict(),
    "table": lambda n: number_table({"a": [0.123456]}, digits=n(3)),
    "progress": lambda n: list(progress(n(3))),
    "Monte Carlo": lambda n: MonteCarlo(0.5, 0.1, n(200)),
    "figure": lambda n: shown_size(new_figure(n(200), n(100))),
}


@pytest.mark.parametrize("kind", [np.int64, np.uint8])
@pytest.mark.parametrize("use", USES)
def test_a_whole_number_of_numpy_does_what_pythons_does(use: str, kind: Whole) -> None:
    assert repr(plain(USES[use](kind))) == repr(plain(USES[use](int)))


def test_a_training_is_written_whatever_numbers_it_was_given(tmp_path: Path) -> None:
    path = tmp_path / "a.training"
    numbers: Any = {
        "learning_rate": np.float32(0.01),
        "average": np.float32(0.9),
        "warmup": np.int64(2),
    }
    numbers |= {"epochs": np.int64(2), "batch_size": np.int64(3), "seed": np.int64(3)}
    chosen = Settings(**numbers)
    history = fit(chain(2), pixels(), chosen, checkpoint=path, progress_bar=False)
    resumed = fit(chain(2), pixels(), chosen, checkpoint=path, resume=True, progress_bar=False)
    assert len(history) == 2
    assert resumed["elbo"] == history["elbo"]


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_share_or_a_rate_of_numpy_is_pythons(kind: Callable[[float], Any]) -> None:
    chosen = Settings(2, learning_rate=kind(0.25), average=kind(0.5))
    assert chosen == Settings(2, learning_rate=0.25, average=0.5)
    assert {type(chosen.learning_rate), type(chosen.average)} == {float}
    found = [
        fit(chain(2), pixels(), Settings(2), objective=objective, progress_bar=False)["elbo"]
        for objective in (warm_up(kind(0.5), kind(0.25)), warm_up(0.5, 0.25))
    ]
    assert found[0] == found[1]


def unkept() -> Iterator[str]:
    """Calls of a check whose number is thrown away, or compared and then thrown away."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for parent in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for node in ast.iter_child_nodes(parent):
                if not isinstance(node, ast.Call) or ast.unparse(node.func) not in CHECKS:
                    continue
                if isinstance(parent, (ast.Expr, ast.Compare)):
                    yield f"{path.relative_to(PACKAGE)}:{node.lineno}: {ast.unparse(node)}"


def test_what_a_check_gives_back_is_kept() -> None:
    assert list(unkept()) == []
