"""Each exam question of the teacher's kit, answered once more: by the exact worlds, or by counting.

ANSWERS has for each question a function of its row's numbers, in order; it gives what the columns
in bold print have, in order. The pages were written from closed forms; nothing of them is here.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from course_lib import chain_readings, gradients
from course_lib.depth_study import share_reversed
from course_lib.distributions import Categorical, DiagonalGaussian, FullGaussian, kl_divergence
from course_lib.exact import (
    DiscreteChain,
    LinearGaussian,
    LinearGaussianChain,
    best_diagonal,
    best_isotropic,
    expected_log_mean,
    two_state_world,
)
from course_lib.exact.optima import kl_weight, loading_slopes

Answers = Sequence[float | str]
STANDARD = DiagonalGaussian.standard(1)


def numbers(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def gaussian(mean: float, std: float) -> DiagonalGaussian:
    return DiagonalGaussian.from_std(numbers(mean), numbers(std))


def draws_that_would_do(s: float, d: float, error: float) -> Answers:
    one = LinearGaussian([[1.0]], 0.0, s).log_naive_relative_variance(numbers(0.0))
    size = int(d)
    world = LinearGaussian(torch.eye(size).double(), torch.zeros(size).double(), s)
    x = torch.zeros(size).double()
    relative = world.log_naive_relative_variance(x).exp().item()
    needed = world.naive_samples_needed(x, relative_error=error).item()
    return [one.exp().item() + 1, relative, needed]


def what_is_missing(pixels: float, s: float, printed: float) -> Answers:
    """An image that is off by the same amount in each pixel, scored by torch's own Gaussian."""
    off = s * math.sqrt(-2 * printed / pixels)
    image = torch.zeros(int(pixels)).double()
    whole = torch.distributions.Normal(image + off, s).log_prob(image).sum().item()
    return [whole, -whole / pixels / math.log(2)]


def one_point(w: float, s: float, x: float) -> Answers:
    world, zero = LinearGaussian([[w]], 0.0, s), numbers(0.0)
    posterior = world.posterior(numbers(x))
    precision = 1 / posterior.variance.item()
    at_zero, evidence = posterior.log_prob(zero).item(), world.log_evidence(numbers(x)).item()
    return [precision, posterior.mean.item(), at_zero, evidence]


def clinic(ill: float, if_ill: float, if_healthy: float, says_ill: float) -> Answers:
    world, positive = two_state_world(ill, (if_healthy, if_ill)), numbers(1.0)
    evidence, believed = world.log_evidence(positive).item(), numbers(1 - says_ill, says_ill)
    elbo = world.elbo(Categorical.from_probs(believed), positive).item()
    posterior = world.posterior(positive).log_prob(torch.tensor(1)).exp().item()
    return [math.exp(evidence), posterior, evidence, elbo, evidence - elbo]


def two_weights(first: float, second: float, share: float) -> Answers:
    q = numbers(share, 1 - share)
    log_w = numbers(first, second).log() - q.log()
    one, two = expected_log_mean(log_w, q.log(), [1, 2]).tolist()
    return [(q @ log_w.exp()).log().item(), one, two]


def two_terms(x: float, m: float, s: float) -> Answers:
    world, q = LinearGaussian([[1.0]], 0.0, 1.0), gaussian(m, s)
    elbo, kl = world.elbo(q, numbers(x)).item(), kl_divergence(q, STANDARD).item()
    return [elbo + kl, kl, elbo]


def three_letters(*shares: float) -> Answers:
    q, p = (Categorical.from_probs(numbers(*part)) for part in (shares[:3], shares[3:]))
    nats = kl_divergence(q, p).item()
    return [nats, nats / math.log(2), kl_divergence(p, q).item()]


def ledger(x: float, m: float, s: float) -> Answers:
    world, q = LinearGaussian([[1.0]], 0.0, 1.0), gaussian(m, s)
    gap = kl_divergence(q, world.posterior(numbers(x))).item()
    evidence, elbo = world.log_evidence(numbers(x)).item(), world.elbo(q, numbers(x)).item()
    return [kl_divergence(q, STANDARD).item(), gap, evidence, elbo]


def two_logs(first: float, its_kl: float, second: float, other_kl: float) -> Answers:
    a, b = first - its_kl, second - other_kl
    return [a, b, "A" if a > b else "B"]


def codewords(n: float, k: float, images: float) -> Answers:
    """Counted: every image, every codeword."""
    codes = torch.zeros(int(images), int(n)).double()
    for image in range(int(images)):
        codes[image, image * int(k) : (image + 1) * int(k)] = 1 / k
    aggregate, prior = codes.mean(0), torch.full((int(n),), 1 / n).double()
    rate = torch.xlogy(codes, codes / prior).sum(1).mean().item()
    told = torch.xlogy(codes, codes / aggregate.clamp(min=1e-300)).sum(1).mean().item()
    return [rate, told, torch.xlogy(aggregate, aggregate / prior).sum().item()]


def survivors(*row: float) -> Answers:
    *eigenvalues, s, beta = row
    squared = kl_weight.best_squared_loadings(numbers(*eigenvalues), s**2, beta)
    steps = range(1, 100_000)  # β in thousandths, tried one after the other
    last = next(b for b in steps if max(eigenvalues) <= b / 1000 * s**2 + 1e-12) / 1000
    return [*squared.tolist(), (squared > 0).sum().item(), last]


def better_number(a: float, a_kl: float, b: float, b_kl: float, beta: float) -> Answers:
    elbos = a - a_kl, b - b_kl
    reported = elbos[1] + (1 - beta) * b_kl
    return [*elbos, reported, "A" if elbos[0] > elbos[1] else "B"]


def slanted(first: float, second: float, rho: float) -> Answers:
    covariance = [[first**2, rho * first * second], [rho * first * second, second**2]]
    posterior = FullGaussian.from_covariance(numbers(0, 0), torch.tensor(covariance).double())
    apart, round_one = best_diagonal(posterior), best_isotropic(posterior)
    costs = [kl_divergence(q, posterior).item() for q in (apart, round_one)]
    return [*apart.std.tolist(), costs[0], round_one.std[0].item(), costs[1]]


def where_are_the_nats(evidence: float, own: float, seen: float, encoder: float) -> Answers:
    shape, unseen = evidence - own, own - encoder
    cures = ["a richer q", "a better-fitted encoder", "more images"]
    won = [shape, seen, unseen - seen]
    return [shape, unseen, won[2], cures[won.index(max(won))]]


def three_slopes(x: float, w: float) -> Answers:
    world = LinearGaussian([[w]], 0.0, 1.0)
    of_elbo = loading_slopes.elbo_slope(world, STANDARD, numbers(x)).item()
    of_evidence = loading_slopes.evidence_slope(world, numbers(x)).item()
    return [of_elbo, of_evidence, of_evidence - of_elbo]


def three_nodes(*row: float) -> Answers:
    log_joint, step = numbers(*row[:3]), row[3]
    mass = log_joint.softmax(0)
    evidence = (log_joint + math.log(step)).logsumexp(0).item()
    return [evidence, *mass[:2].tolist(), mass[1].item() / step]


def two_variances(mean: float, std: float) -> Answers:
    """By a Gauss–Hermite sum over the noise, which is exact for these polynomials."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(12)
    weights = weights / weights.sum()
    z = mean + std * nodes
    slopes, heights = 2 * z, z**2 * nodes / std
    gradient = weights @ slopes
    variances = [weights @ (each - gradient) ** 2 for each in (slopes, heights)]
    best = weights @ (z**2 * nodes**2)  # the baseline of (8.6)
    lowest = weights @ ((z**2 - best) * nodes / std - gradient) ** 2
    return [gradient, *variances, variances[1] / variances[0], lowest / variances[0]]


def three_draws(mean: float, std: float, *noise: float) -> Answers:
    ways = gradients.pathwise, gradients.score_function
    means = [way(torch.square, mean, std, numbers(*noise)).mean.mean().item() for way in ways]
    return [gradients.square_in_mean(mean, std).gradient, *means]


def all_batches(*row: float) -> Answers:
    *elbos, size = row
    both = itertools.combinations(elbos, int(size)), itertools.product(elbos, repeat=int(size))
    found = []
    for batches in both:
        estimates = 4 / size * numbers(*(sum(batch) for batch in batches))
        found.append(estimates.var(correction=0).item())
    return [sum(elbos), *found]


def which_beta(pixels: float, latents: float) -> Answers:
    """The weight that the KL has where the reconstruction's is one."""
    weights = [(1 / pixels, 1.0), (1.0, 1 / latents), (1 / pixels, 1 / latents)]
    return [kl / reconstruction for reconstruction, kl in weights]


def sharing_pair(rho: float, x_1: float, x_2: float) -> Answers:
    pair = LinearGaussian([[rho**0.5], [rho**0.5]], 0.0, (1 - rho) ** 0.5)
    together = pair.log_evidence(numbers(x_1, x_2)).item()
    apart = STANDARD.log_prob(numbers(x_1)).item() + STANDARD.log_prob(numbers(x_2)).item()
    both = FullGaussian(pair.evidence.mean, torch.eye(2).double())  # as if they were independent
    return [together, apart, together - apart, kl_divergence(pair.evidence, both).item()]


def two_witnesses(a: float, b: float, z_1: float, z_2: float, x: float) -> Answers:
    """Each from the covariance of (x, z₁, z₂), by conditioning one on the others."""
    cov = torch.tensor([[1 + a + b, 1 + a, 1], [1 + a, 1 + a, 1], [1, 1, 1]]).double()
    seen = [x, z_1, z_2]
    found: list[float] = []
    for what, given in ((2, [0, 1]), (1, [0, 2]), (1, [0])):
        weights = torch.linalg.solve(cov[given][:, given], cov[given, what])
        left = cov[what, what] - weights @ cov[given, what]
        found += [(weights @ numbers(*(seen[i] for i in given))).item(), left.item()]
    return found


def two_states_each(t: float, u: float, v: float) -> Answers:
    def same(chance: float) -> list[list[float]]:
        return [[chance, 1 - chance], [1 - chance, chance]]

    chain, one = DiscreteChain([1 - t, t], [same(v), same(u)]), torch.tensor(1)
    posterior = chain.posterior(one)  # axes z₁, z₂
    given = posterior[1] / posterior[1].sum()
    return [chain.log_evidence(one).exp().item(), posterior[:, 1].sum().item(), given[1].item()]


def folded(a_2: float, s_2: float, a_1: float, s_1: float, x: float) -> Answers:
    chain = LinearGaussianChain([a_1, a_2], [0.0, 0.0], [s_1, s_2])
    one = chain.fold()
    variances = [chain.marginal(1).variance.item(), chain.evidence.variance.item()]
    return [*variances, one.loadings.abs().item(), one.log_evidence(numbers(x)).item()]


def three_runs(*row: float) -> Answers:
    ones, twos = numbers(*row[:3]), numbers(*row[3:])
    assert twos.mean() > ones.mean()  # else "the opposite" were something else
    return [(twos.mean() - ones.mean()).item(), 9 * share_reversed(ones, twos)]


def his_next_model(reported: float, awake: float, std: float, asleep: float) -> Answers:
    adds = [
        awake * gaussian(0.0, std).entropy().item(),
        asleep * STANDARD.entropy().item(),
    ]
    return [*adds, reported - sum(adds)]


def trained_on_his_sum(evidence: float, variance: float) -> Answers:
    """The best width by looking at many: no formula of (12.7) is used for it."""
    widths = torch.linspace(0.1, 2.5, 240_001).double().unsqueeze(-1)
    q = DiagonalGaussian.from_std(torch.zeros_like(widths), widths)
    exact = gaussian(0.0, variance**0.5)
    elbo = evidence - kl_divergence(q, exact)
    best = (elbo + q.entropy()).argmax()
    report = chain_readings.printed_supremum(numbers(evidence), exact).item()
    return [widths[best].item() ** 2, report, elbo[best].item(), report - evidence]


def term_by_term(x: float) -> Answers:
    chain, seen = LinearGaussianChain.unit(2), numbers(x)
    terms = chain.terms(chain.exact_encoder(), seen)
    costs = chain_readings.layer_costs(terms).flatten().tolist()
    return [terms.reconstruction.item(), *costs, chain.log_evidence(seen).item()]


ANSWERS: dict[str, Callable[..., Any]] = {
    "1-A": draws_that_would_do,
    "1-B": what_is_missing,
    "2-A": one_point,
    "2-B": clinic,
    "3-A": two_weights,
    "3-B": two_terms,
    "4-A": three_letters,
    "4-B": ledger,
    "4-C": two_logs,
    "5-A": codewords,
    "5-B": survivors,
    "5-C": better_number,
    "6-A": slanted,
    "6-B": where_are_the_nats,
    "7-A": three_slopes,
    "7-B": three_nodes,
    "8-A": two_variances,
    "8-B": three_draws,
    "9-A": all_batches,
    "9-B": which_beta,
    "9-C": sharing_pair,
    "10-A": two_witnesses,
    "10-B": two_states_each,
    "11-A": folded,
    "11-B": three_runs,
    "12-A": his_next_model,
    "12-B": trained_on_his_sum,
    "12-C": term_by_term,
}
