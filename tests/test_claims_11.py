"""What notebook 11 says of its small models, of its depth study, of decoders that need no second
layer, and of what a reader sees in its explorer.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
import torch
from numpy.typing import ArrayLike
from scipy import stats
from torch import Generator

from course_lib import depth_study as study
from course_lib.distributions import DiagonalGaussian
from course_lib.evaluate import sampled_log_evidence
from course_lib.exact import ScalarChain
from course_lib.explorers.markov_hvae import DepthAgainstOneLayer
from course_lib.nets import GaussianNet
from course_lib.shipped import results
from course_lib.train import Objective, elbo, fit, importance_weighted, warm_up
from course_lib.vae import HVAE, TopDownHVAE

DEPTHS = (2, 3, 5)


@pytest.fixture(scope="module")
def runs() -> study.Study:
    return study.load_study()


def interval(
    a: ArrayLike, b: ArrayLike, statistic: Callable[[Any, Any, int], Any]
) -> tuple[float, float]:
    """A 95 % bootstrap interval by SciPy, with random numbers of its own."""
    found = stats.bootstrap(
        (np.asarray(a), np.asarray(b)),
        lambda x, y, axis: statistic(x, y, axis),
        method="percentile",
        vectorized=True,
        rng=np.random.default_rng(1),
    ).confidence_interval
    return float(found.low), float(found.high)


def less(x: Any, y: Any, axis: int) -> Any:
    return x.mean(axis) - y.mean(axis)


def wider(x: Any, y: Any, axis: int) -> Any:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(x.std(axis, ddof=1) / y.std(axis, ddof=1), nan=1.0, posinf=1e9)


def signs(runs: study.Study, arm: str, depth: int) -> str:
    """For training ELBO, held-out ELBO and log p: + or − if the interval against one layer has no
    zero in it, and 0 if it has.
    """
    found = ""
    for figure in ("train_elbo", "elbo", "log_p"):
        low, high = interval(runs.of(figure, depth, arm), runs.of(figure, 1, arm), less)
        found += "+" if low > 0 else "−" if high < 0 else "0"
    return found


@pytest.mark.parametrize(
    ("arm", "depth", "expected"),
    [
        ("slow", 2, "000"),
        ("slow", 3, "−−−"),
        ("slow", 5, "−−−"),
        ("fast", 2, "+0+"),
        ("fast", 3, "+++"),
        ("fast", 5, "00+"),
    ],
)
def test_which_depth_ends_higher_than_one_layer(
    runs: study.Study, arm: str, depth: int, expected: str
) -> None:
    assert signs(runs, arm, depth) == expected


@pytest.mark.parametrize(
    ("arm", "depth", "by"),
    [
        ("slow", 3, (-2.3, -1.9, -1.3)),
        ("slow", 5, (-6.9, -5.3, -4.8)),
        ("fast", 3, (1.6, 1.1, 1.3)),
    ],
)
def test_by_how_much(runs: study.Study, arm: str, depth: int, by: tuple[float, ...]) -> None:
    for figure, nats in zip(("train_elbo", "elbo", "log_p"), by, strict=True):
        difference = runs.of(figure, depth, arm).mean() - runs.of(figure, 1, arm).mean()
        assert round(difference.item(), 1) == nats


def test_each_depth_at_its_better_rate(runs: study.Study) -> None:
    """One layer ended higher at 0.01, three at 0.05; of log p, 1.1 nats, [0.6, 1.5]."""
    better = {T: [runs.of("train_elbo", T, arm).mean() for arm in ("slow", "fast")] for T in (1, 3)}
    assert better[1][0] > better[1][1]
    assert better[3][1] > better[3][0]
    three, one = runs.of("log_p", 3, "fast"), runs.of("log_p", 1)
    assert round((three.mean() - one.mean()).item(), 1) == 1.1
    low, high = interval(three, one, less)
    assert (low, high) == pytest.approx((0.63, 1.49), abs=0.03)
    low, high = interval(three, runs.of("log_p", 2, "fast"), less)
    assert low < 0 < high  # not clear of two layers


def test_the_spread_over_seeds(runs: study.Study) -> None:
    """At 0.01 five layers spread wider; of two and three it hangs on one run. At 0.05: nothing."""
    one = runs.of("train_elbo", 1)
    three, flat = (runs.of("train_elbo", depth, "fast") for depth in (3, 1))
    ends = np.sqrt(stats.f.ppf((0.975, 0.025), 5, 5))  # of normal figures, six runs each
    found = (three.std() / flat.std()).item() / ends
    assert found == pytest.approx((0.13, 0.95), abs=0.005)
    lows = {}
    for depth in DEPTHS:
        values = runs.of("train_elbo", depth)
        assert interval(values, one, wider)[0] > 1
        lows[depth] = interval(values.sort().values[1:], one, wider)[0]
    assert lows[2] < 1
    assert lows[3] < 1
    assert lows[5] > 1.3
    for depth in DEPTHS:
        low, high = interval(
            runs.of("train_elbo", depth, "fast"), runs.of("train_elbo", 1, "fast"), wider
        )
        assert low < 1 < high


def test_what_is_awake(runs: study.Study) -> None:
    """The top of five sleeps in every run; at the higher rate fewer upper units are active."""
    for arm in ("slow", "fast"):
        assert runs.of("active", 5, arm)[:, 4].max() == 0
    awake = {arm: (runs.of("active", 5, arm) > 0).sum(1) for arm in ("slow", "fast")}
    assert set(awake["slow"].tolist()) <= {3, 4}
    assert set(awake["fast"].tolist()) <= {2, 3}
    for depth in DEPTHS:
        upper = [runs.of("active", depth, arm)[:, 1:].sum(1).mean() for arm in ("slow", "fast")]
        assert upper[0] > upper[1]
    assert runs.of("active", 3, "fast")[:, 2].mean() < 0.2


def test_two_layers_of_counts_wake_unaided(runs: study.Study) -> None:
    """Plainly trained z_2 is in use in every run: some units, and a nat at least."""
    for arm in ("slow", "fast"):
        assert runs.of("active", 2, arm)[:, 1].min() > 0
        assert runs.of("rates", 2, arm)[:, 1].sum(-1).min() > 1


def test_deeper_than_two_plain_loses_at_the_lower_rate_alone(runs: study.Study) -> None:
    """Less two layers; and there a warm-up leaves fewer upper units in use, and does better."""
    for depth in (3, 5):
        low, high = interval(runs.of("log_p", depth), runs.of("log_p", 2), less)
        assert high < 0
        low, high = interval(runs.of("log_p", depth, "fast"), runs.of("log_p", 2, "fast"), less)
        assert high > 0
    for depth in DEPTHS:
        upper = [
            runs.of("active", depth, arm)[:, 1:].sum(1).mean() for arm in ("slow", "slow-warm")
        ]
        assert upper[1] < upper[0] - 1
        low, high = interval(runs.of("log_p", depth, "slow-warm"), runs.of("log_p", depth), less)
        assert low > 0.5


def test_lost_runs_at_equal_width(runs: study.Study) -> None:
    """Two of ten, both among the four deeper ones: 13 % by chance. A lost one has burst KLs."""
    deep, flat = runs.of("train_elbo", 5, "swapped"), runs.of("train_elbo", 1, "fast")
    burst = runs.failures(5, "swapped")  # whose bound was not finite; they have no figures
    assert (len(deep) + burst, len(flat) + runs.failures(1, "fast")) == (4, 6)
    assert int((deep < -150).sum()) + burst == 2
    assert flat.min() > -97
    narrow = runs.of("train_elbo", 1, "swapped")  # 55 units where `flat` has 128
    assert 0.7 < (flat.mean() - narrow.mean()).item() < 1.2
    shown = [runs.of("train_elbo", T, arm).min() for T in study.DEPTHS for arm in ("slow", "fast")]
    assert min(shown) > -110  # a lost one, below −150, ends far below anything in the figure
    pairs = list(itertools.combinations(range(10), 2))
    assert sum(max(pair) < 4 for pair in pairs) / len(pairs) == pytest.approx(0.13, abs=0.005)
    assert stats.fisher_exact(np.array([[2, 2], [0, 6]])).pvalue > 0.1
    rates = runs.of("rates", 5, "swapped").sum(-1)
    assert (rates[deep < -150] > 1000).all()


def test_the_table_says_what_the_runs_say(runs: study.Study) -> None:
    head, *rows = study.depths_table(runs).splitlines()
    assert head.startswith("rate  T  seeds")
    arms = [(arm, T) for arm in ("slow", "fast") for T in study.DEPTHS]
    for row, (arm, T) in zip(rows, arms, strict=True):
        words = row.replace("−", "-").replace("[", "").replace("]", "").replace(",", "").split()
        rate, depth, seeds, *numbers = words
        assert (float(rate), int(depth)) == ({"slow": 0.01, "fast": 0.05}[arm], T)
        assert int(seeds) == len(runs.of("log_p", T, arm))
        step = 1 if T == 1 else 3
        for place, figure in enumerate(("train_elbo", "elbo", "log_p")):
            mean, *ends = (float(word) for word in numbers[step * place : step * (place + 1)])
            values = runs.of(figure, T, arm)
            assert mean == pytest.approx(values.mean().item(), abs=0.0051)
            if ends:
                assert ends == pytest.approx(
                    interval(values, runs.of(figure, 1, arm), less), abs=0.05
                )
        assert float(numbers[3 * step]) == pytest.approx(
            runs.of("train_elbo", T, arm).std().item(), abs=0.0051
        )


def test_a_free_decoder_with_the_chain_s_noise_does_what_two_layers_do() -> None:
    """N(G⁻¹(Φ(z)), 0.4²) has the chain's p(x); G by sums over z_2, and inverted by interpolation.

    z_1 | z_2 ~ N(2 tanh(3 z_2) + 0.7, 0.3²), and G is the law of 3 tanh(z_1/2).
    """
    z_2 = np.linspace(-9, 9, 2001)
    weights = stats.norm.pdf(z_2) / stats.norm.pdf(z_2).sum()
    z_1 = np.linspace(-4.5, 5.5, 2001)
    below = stats.norm.cdf(z_1[:, None], 2 * np.tanh(3 * z_2) + 0.7, 0.3) @ weights
    middle = (np.arange(200_000) + 0.5) / 200_000  # Φ(z): equal shares of z
    means = np.interp(middle, below, 3 * np.tanh(z_1 / 2))  # G⁻¹(Φ(z))
    chain = ScalarChain([(3.0, 0.5, 0.0, 0.4), (2.0, 3.0, 0.7, 0.3)])
    for x in (-3.0, -1.5, 0.0, 1.0, 2.5):
        flat = stats.norm.pdf(x, means, 0.4).mean()
        exact = chain.log_evidence(torch.tensor([x], dtype=torch.float64)).exp().item()
        assert flat == pytest.approx(exact, rel=1e-4)


def test_the_explorer_shows_what_is_to_be_tried() -> None:
    tried = DepthAgainstOneLayer()
    folded = tried.at(b2=0.0, c2=0.0)
    assert abs(folded["kl"]) < 1e-9
    leaning = tried.at(c2=1.5)
    assert abs(leaning["skew"]) > 0.09
    assert leaning["kl"] > 7e-4
    assert leaning["fit_skew"] < 1e-9
    assert abs(tried.at(inside="free")["kl"]) < 1e-5
    even = tried.at(b2=4.0, c2=0.0, inside="none")
    assert abs(even["skew"]) < 1e-9
    assert 5e-5 < even["kl"] < 1.5e-4
    assert even["gaussian_kl"] > 0.5
    bends = [0.0, 0.5, 0.7, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0]
    kls, frees = (
        [tried.at(b2=b, c2=1.5, inside=inside)["kl"] for b in bends] for inside in ("none", "free")
    )
    peak = kls.index(max(kls))
    assert bends[peak] == 0.7
    assert kls[peak] == pytest.approx(0.0625, abs=5e-4)
    assert kls[peak:] == sorted(kls[peak:], reverse=True)
    assert all(free < kl for free, kl in zip(frees, kls, strict=True))
    assert min(frees[bends.index(1.5) :]) > 1e-3
    assert frees[-1] == pytest.approx(0.0145, abs=5e-5)


# ---- The small models ----


@pytest.fixture(scope="module")
def small() -> study.SmallRuns:
    return study.load_small_runs()


def small_interval(small: study.SmallRuns, world: str, two: str, one: str) -> tuple[float, float]:
    """Of held-out log p, both warmed up."""
    upper, lower = (small.of("log_p", world, model, warm=True) for model in (two, one))
    return interval(upper, lower, less)


def test_what_woke_and_what_slept(small: study.SmallRuns) -> None:
    """Five seeds each. Plain, one of two layers sleeps; warmed up, both are awake."""
    plain, warm = (
        {model: small.of("costs", "digits", model, warm=w) for model in ("bottom-up", "top-down")}
        for w in (False, True)
    )
    assert len(plain["bottom-up"]) == len(plain["top-down"]) == 5
    assert plain["bottom-up"][:, 1].max() < 0.005
    assert plain["top-down"][:, 0].max() < 0.005
    assert min(costs.min() for costs in warm.values()) > 0.25
    units = {w: small.of("active", "digits", "bottom-up", warm=w)[:, 0] for w in (False, True)}
    assert set(units[False].tolist()) <= {3, 4}
    assert set(units[True].tolist()) == {8}
    assert set(small.of("active", "digits", "one layer", warm=False)[:, 0].tolist()) == {5}
    active = small.of("active", "digits", "top-down", warm=False)
    assert set(active[:, 1].tolist()) <= {1, 2}
    assert set(active[:, 0].tolist()) == {8}  # they follow z_2
    for model in ("bottom-up", "top-down"):
        for faded in (False, True):
            assert small.of("costs", "mnist", model, warm=faded).min() > 5
    behind = small.of("log_p", "mnist", "top-down", warm=False).max()
    assert behind < -113  # nats below every other training on MNIST
    others = [
        small.of("log_p", "mnist", model, warm=faded).min()
        for model in ("one layer", "one wide layer", "bottom-up", "top-down")
        for faded in (False, True)
        if (model, faded) != ("top-down", False)
    ]
    assert behind < min(others) - 4


def test_most_of_the_gain_is_had_without_a_second_layer(small: study.SmallRuns) -> None:
    """0.7 nats from plain to warmed up, of which one layer leaves 0.1 to 0.2."""
    log_p = {
        (model, warm): small.of("log_p", "digits", model, warm=warm)
        for model in ("one layer", "bottom-up", "top-down")
        for warm in (False, True)
    }
    gain = log_p["bottom-up", True].mean() - log_p["bottom-up", False].mean()
    assert gain.item() == pytest.approx(0.7, abs=0.05)
    low, high = small_interval(small, "digits", "bottom-up", "one layer")
    assert 0.1 < low < high < 0.2
    assert log_p["bottom-up", False].max() < log_p["one layer", False].min()
    assert log_p["top-down", False].mean() < log_p["bottom-up", False].mean() - 0.5
    low, high = small_interval(small, "digits", "bottom-up", "top-down")
    assert -0.1 < low < high < 0.1


def test_a_warm_up_often_helps_where_no_layer_slept(small: study.SmallRuns) -> None:
    """Four of these five; one layer of 20 on MNIST was not helped."""
    helped = {}
    for world, model in (
        ("digits", "one layer"),
        ("digits", "one wide layer"),
        ("mnist", "one layer"),
        ("mnist", "one wide layer"),
        ("mnist", "bottom-up"),
    ):
        warm, plain = (small.of("log_p", world, model, warm=w) for w in (True, False))
        helped[world, model] = bool(warm.mean() > plain.mean())
    assert [pair for pair, better in helped.items() if not better] == [("mnist", "one layer")]


@pytest.mark.slow
def test_a_layer_that_pays_by_one_draw_uses_fewer_units(small: study.SmallRuns) -> None:
    """Three or four in place of five, and it ends as low as the plain chain, in three seeds.

    L_1 is the ELBO with log q(z|x) − log p(z) at one draw for the KL.
    """
    runs = [one_layer_or_two("one layer", importance_weighted(1), seed) for seed in range(3)]
    figures = [study.held_out_figures(*run, seed=seed) for seed, run in enumerate(runs)]
    assert {units for run in figures for units in run["active"]} <= {3, 4}
    chain = small.of("log_p", "digits", "bottom-up", warm=False).mean().item()
    assert np.mean([run["log_p"] for run in figures]) == pytest.approx(chain, abs=0.15)


class OneNetForBoth(TopDownHVAE):
    """Two layers, of which q(z_1|z_2, x) is one net that reads x and z_2, and no product."""

    reads_both: GaussianNet

    def _descend(
        self, x: torch.Tensor, shape: Sequence[int], generator: Generator
    ) -> tuple[list[DiagonalGaussian], list[DiagonalGaussian], list[torch.Tensor]]:
        upper = self.seen_from_below(x)[1]
        z_2 = upper.rsample(shape, generator=generator)
        both = torch.cat([x.expand(*z_2.shape[:-1], -1), z_2], -1)
        lower, arrow = self.reads_both(both), cast(DiagonalGaussian, self.generate(2, z_2))
        return [lower, upper], [arrow, self.prior], [lower.rsample(generator=generator), z_2]


@pytest.mark.slow
def test_the_product_lets_layer_1_sleep_and_not_the_direction(small: study.SmallRuns) -> None:
    """One net in its place: z_2 sleeps, z_1 does not, and one layer's log p is reached."""
    world, ends = study.SMALL_WORLDS["digits"], []
    ink, unseen = world.images()
    for seed in range(3):
        chain = study.fresh(world.architecture("top-down", 64), ink.mean(0), seed=seed)
        chain.__class__ = OneNetForBoth
        own = Generator().manual_seed(seed)
        chain.reads_both = GaussianNet(64 + 4, world.hidden, 8, generator=own)
        settings, anew = replace(world.settings, seed=seed), study.black_or_white
        fit(chain, ink, settings, prepare=anew, objective=elbo, progress_bar=False)
        found = study.held_out_figures(chain, unseen, seed=seed)
        assert found["costs"][1] < 0.01 < 3 < found["costs"][0]
        ends.append(found["log_p"])
    one_layer = small.of("log_p", "digits", "one layer", warm=False).mean().item()
    assert np.mean(ends) == pytest.approx(-22.7, abs=0.1)
    assert np.mean(ends) == pytest.approx(one_layer, abs=0.2)
    assert np.mean(ends) > small.of("log_p", "digits", "top-down", warm=False).max() + 0.5


@pytest.mark.slow
def test_twenty_thousand_draws_find_a_hundredth_more() -> None:
    for model in ("one layer", "bottom-up"):
        trained, ink = one_layer_or_two(model, warm_up(0.6), 0)
        images = study.black_or_white(ink, generator=torch.Generator().manual_seed(0))
        few, many = (sampled_log_evidence(trained, images, k=k, seed=1).nll for k in (500, 20_000))
        assert 0 < few - many < 0.02


def one_layer_or_two(model: str, objective: Objective, seed: int) -> tuple[HVAE, torch.Tensor]:
    """That model of the digits, trained as the small runs are, and the ink of unseen digits."""
    world = study.SMALL_WORLDS["digits"]
    ink, unseen = world.images()
    chain = study.fresh(world.architecture(model, 64), ink.mean(0), seed=seed)
    settings, anew = replace(world.settings, seed=seed), study.black_or_white
    fit(chain, ink, settings, prepare=anew, objective=objective, progress_bar=False)
    return chain, unseen


def test_on_mnist_two_layers_are_two_nats_ahead(small: study.SmallRuns) -> None:
    """Of one layer of 20, in either direction; a layer of 30 wins about half of that."""
    means = {
        model: small.of("log_p", "mnist", model, warm=True).mean().item()
        for model in ("one layer", "one wide layer", "bottom-up", "top-down")
    }
    for model in ("bottom-up", "top-down"):
        low, _ = small_interval(small, "mnist", model, "one layer")
        assert low > 2
        low, high = small_interval(small, "mnist", model, "one wide layer")
        assert 0.5 < low < high < 1.8
        wide, two = means["one wide layer"] - means["one layer"], means[model] - means["one layer"]
        assert 0.45 < wide / two < 0.62
    assert small.of("costs", "mnist", "one layer", warm=False).mean().item() == pytest.approx(
        5 * small.of("costs", "digits", "one layer", warm=False).mean().item(), rel=0.15
    )


def test_the_deeper_model_on_mnist_has_4_per_cent_more_weights() -> None:
    """Net by net: hidden·(inputs + 1) + outputs·(hidden + 1), one hidden layer of 100."""

    def net(inputs: int, outputs: int) -> int:
        return 100 * (inputs + 1) + outputs * 101

    wide = net(784, 60) + net(30, 784)
    two = net(784, 40) + net(20, 784) + net(20, 20) + net(10, 40)
    world = study.SMALL_WORLDS["mnist"]
    for name, count in (("one wide layer", wide), ("bottom-up", two)):
        model = world.architecture(name, 784).build(seed=0)
        assert sum(weights.numel() for weights in model.parameters()) == count
    assert two / wide == pytest.approx(1.04, abs=0.005)


def test_the_second_layer_on_the_digits_has_59_per_cent_more_weights() -> None:
    """Net by net, two hidden layers of 64."""

    def net(inputs: int, outputs: int) -> int:
        return 64 * (inputs + 1) + 64 * 65 + outputs * 65

    one = net(64, 16) + net(8, 64)
    two = one + net(8, 8) + net(4, 16)
    world = study.SMALL_WORLDS["digits"]
    for name, count in (("one layer", one), ("bottom-up", two)):
        model = world.architecture(name, 64).build(seed=0)
        assert sum(weights.numel() for weights in model.parameters()) == count, name
    assert two / one == pytest.approx(1.59, abs=0.005)


def test_the_best_training_of_each_depth(runs: study.Study) -> None:
    """Which has the highest mean log p of at least five runs that were not lost."""
    best, choices = {}, {}
    for depth in study.DEPTHS:
        means = {
            name: runs.kept("log_p", depth, name).mean().item()
            for name, arm in study.ARMS.items()
            if not arm.widths and depth in arm.chains
            if len(runs.kept("log_p", depth, name)) >= 5
        }
        best[depth] = max(means, key=means.__getitem__)
        choices[depth] = len(means)
    assert choices == {1: 4, 2: 6, 3: 6, 5: 6}
    assert best == {1: "fast-warm", 2: "slow-warm", 3: "fast", 5: "fast"}
    ends = {depth: runs.kept("log_p", depth, arm) for depth, arm in best.items()}
    intervals = {depth: interval(ends[depth], ends[1], less) for depth in DEPTHS}
    assert intervals[2] == pytest.approx((0.0, 1.1), abs=0.05)
    assert intervals[3] == pytest.approx((-0.5, 0.5), abs=0.05)
    assert intervals[5] == pytest.approx((-1.2, 0.1), abs=0.06)


def test_without_an_offset_the_opening_picture_does_not_lean() -> None:
    """And of its miss next to nothing is left."""
    tried = DepthAgainstOneLayer()
    leaning, even = tried.at(b2=1.0, c2=1.0), tried.at(c2=0.0)
    assert abs(even["skew"]) < 1e-9
    assert even["kl"] < 0.05 * leaning["kl"]
    assert leaning["kl"] == pytest.approx(0.0298, abs=5e-5)
    biased = tried.at(b2=1.0, c2=1.0, inside="free")  # which gives most of it back
    assert biased["kl"] == pytest.approx(0.0017, abs=5e-5)


def test_the_second_layer_of_the_table_is_larger_as_well() -> None:
    """Chapter 12's table: two and a half nats, 521,000 weights against 425,000, z_1 of 100."""
    one, two = (results()[name] for name in ("mnist_hvae_1", "mnist_hvae_2"))
    assert one["nll"] - two["nll"] == pytest.approx(2.5, abs=0.1)
    assert round(one["parameters"], -3) == 425_000
    assert round(two["parameters"], -3) == 521_000
    assert (one["architecture"]["latents"][0], two["architecture"]["latents"][0]) == (50, 100)
