"""The mathematics gives the same numbers whatever a notebook has set for torch and numpy."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

CALLS = """
import json, math
from course_lib import bounds, gradients, minibatch
from course_lib.distributions import *
from course_lib.exact import *
from course_lib.exact.optima import gaussian_fits, kl_weight
from course_lib.exact.optima.loading_slopes import evidence_slope
from course_lib.exact.optima.one_layer_fit import best_one_layer

q, world = DiagonalGaussian.from_std(0.4, 0.7), tanh_world(2, 1.5, 0.3, 0.5)
posterior = world.posterior([1.1])
chain = ScalarChain([(3.0, 0.5, 0.0, 0.4), (2.0, 3.0, 0.7, 0.3)])
linear = LinearGaussian([[1.0, 0.5], [0.0, 2.0], [1.0, 1.0]], 0.1, 0.5)
line = LinearGaussianChain([2.0, 1.0], [0.5, -1.0], [1.0, 0.5])
table = DiscreteChain([0.5, 0.5], [[[0.2, 0.8], [0.4, 0.6]], [[0.5, 0.5], [0.1, 0.9]]])
x, px = [1.0, 2.0, 3.0], chain.evidence
first = lambda z: z[..., 0]
above = lambda z: (z[..., 0] > 0.1).double()
noise = torch.linspace(-1, 1, 5, dtype=torch.float64, device="cpu")
values = [
    world.log_evidence([1.1]), posterior.mean, posterior.std, posterior.entropy(),
    posterior.quantile(0.3), posterior.expectation(above, breaks=[0.1]),
    world.elbo(q, [1.1]), world.expected_naive_log_evidence([1.1], 10),
    expected_importance_weighted_bound(world, q, 1.1, [1, 4]), best_gaussian(world, [1.1]).mean,
    chain.log_evidence([0.5]), px.skew, px.quantile(0.2), px.cdf(noise),
    chain.elbo([lambda v: DiagonalGaussian.from_std(0.3 * v, 0.7)] * 2, [0.5]),
    best_one_layer(px.nodes, px.weights, px.log_density).kl,
    expectation(q, first), expectation(q, above, breaks=[0.1]),
    probability(q, first, 0.3), bounds.gap(q, posterior),
    bounds.log_weights(world, q, noise[:1], noise[:, None]),
    linear.log_evidence(x), linear.posterior(x).mean, evidence_slope(linear, x),
    linear.naive_samples_needed(x), kl_weight.mutual_information(linear),
    line.log_evidence(1.0), line.joint_posterior(1.0).mean, line.top_down_factor(2).slope,
    table.top_down_factor(2, torch.tensor(0, device="cpu")),
    two_state_world().log_evidence(noise[-1:]),
    gradients.pathwise(torch.sin, 0.3, 0.7, noise).mean,
    gradients.sine_in_mean(1.0, 0.0, 1e-4).pathwise_variance,
    gradients.square_in_mean(1e60, 1e-60).pathwise_variance,
    gradients.coin_gradient(first, Bernoulli.from_probs([0.3, 0.6])).gradient,
    kl_divergence(Laplace.from_scale(0.1, 0.4), q), Binomial.from_probs(4, 0.3).entropy(),
    kl_divergence(*(ContinuousBernoulli(noise[n : n + 1]) for n in (1, 2))),
    kl_divergence(Categorical.from_probs([0.2, 0.8]), Categorical.from_probs([0.5, 0.5])),
    gaussian_fits.best_table(4)[1], minibatch.estimate_variance(noise, 2, replacement=False),
    best_decoder_variance([[1.0, 2.0]]), bounds.bits_per_dimension(-90.0, 784),
]
flat = [v.detach().flatten().tolist() if isinstance(v, torch.Tensor) else [v] for v in values]
print(json.dumps(flat))
"""

SETTINGS = {
    "nothing": "",
    "double by default": "torch.set_default_dtype(torch.float64)",
    "half by default": "torch.set_default_dtype(torch.float16)",
    "nowhere by default": "torch.set_default_device('meta')",
    "no gradients": "torch.set_grad_enabled(False)",
    "numpy raises": "np.seterr(all='raise')",
    "no denormals": "torch.set_flush_denormal(True)",
}


def run(setting: str) -> list[list[float]]:
    code = f"import numpy as np\nimport torch\n{SETTINGS[setting]}\n{CALLS}"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found: list[list[float]] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def plain() -> list[list[float]]:
    return run("nothing")


@pytest.mark.parametrize("setting", [name for name in SETTINGS if name != "nothing"])
def test_no_global_setting_moves_a_number(setting: str, plain: list[list[float]]) -> None:
    found = run(setting)
    assert len(found) == len(plain) == 43
    for ours, theirs in zip(found, plain, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-12, abs=1e-300, nan_ok=False)
