"""What data/README.md says of the depth study: its tables word for word, each sentence on the runs.

Two means are apart if a bootstrap interval of their difference, NumPy's here, has no zero in it.
"""

import itertools
import re

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from course_lib import depth_study as study
from course_lib.depth_study.results import PATH

FIGURES = ("train_elbo", "elbo", "log_p")
DEPTHS = (1, 2, 3, 5)
Numbers = NDArray[np.float64]
Group = tuple[str, int]  # arm and depth


@pytest.fixture(scope="module")
def runs() -> study.Study:
    return study.load_study()


@pytest.fixture(scope="module")
def page() -> str:
    """The section, every blank and line break one blank."""
    text = PATH.with_name("README.md").read_text(encoding="utf-8")
    return " ".join(text.split("### What the depth study says")[1].split())


def sample(runs: study.Study, group: Group, figure: str) -> Numbers:
    return np.asarray(runs.kept(figure, group[1], group[0]))


def resampled(values: Numbers, stream: int) -> Numbers:
    rng = np.random.default_rng(stream)
    return values[rng.integers(len(values), size=(10_000, len(values)))]


def sign(runs: study.Study, a: Group, b: Group, figure: str) -> str:
    """+ or − if the two groups are apart in that figure, 0 if they are not."""
    first, second = sample(runs, a, figure), sample(runs, b, figure)
    means = resampled(first, 1).mean(1) - resampled(second, 2).mean(1)
    low, high = np.quantile(means, (0.025, 0.975))
    return "+" if low > 0 else "−" if high < 0 else "0"


def signs(runs: study.Study, a: Group, b: Group) -> str:
    """Of training ELBO, held-out ELBO and held-out log p, in this order."""
    return "".join(sign(runs, a, b, figure) for figure in FIGURES)


def difference(runs: study.Study, a: Group, b: Group, figure: str = "log_p") -> float:
    return float(sample(runs, a, figure).mean() - sample(runs, b, figure).mean())


def quoted(runs: study.Study, a: Group, b: Group) -> str:
    """A difference in log p and its interval, as the section writes them."""
    low, high = study.difference_interval(
        runs.kept("log_p", a[1], a[0]), runs.kept("log_p", b[1], b[0])
    )
    return f"{difference(runs, a, b):.2f} [{low:+.2f}, {high:+.2f}]".replace("-", "−")


def ratio(
    runs: study.Study, a: Group, b: Group, *, without_lowest: bool = False
) -> tuple[float, float]:
    """A 95 % interval of the ratio of two standard deviations of the training ELBO.

    without_lowest: the lowest run of `a` left out.
    """
    first, second = sample(runs, a, "train_elbo"), sample(runs, b, "train_elbo")
    first = np.sort(first)[1:] if without_lowest else first
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = resampled(first, 1).std(1, ddof=1) / resampled(second, 2).std(1, ddof=1)
    low, high = np.quantile(np.nan_to_num(ratios, nan=1.0), (0.025, 0.975))
    return float(low), float(high)


def of_normal_figures(a: Numbers, b: Numbers) -> tuple[float, float]:
    """The 95 % interval of a ratio of standard deviations that the F-distribution gives."""
    found = a.std(ddof=1) / b.std(ddof=1)
    ends = stats.f.ppf((0.975, 0.025), len(a) - 1, len(b) - 1)
    low, high = found / np.sqrt(ends)
    return float(low), float(high)


def test_the_page_prints_what_the_command_prints(runs: study.Study) -> None:
    text = PATH.with_name("README.md").read_text(encoding="utf-8")
    printed = "\n".join(f"    {line}".rstrip() for line in study.report(runs).splitlines())
    assert printed in text


def test_the_page_s_arms_are_those_of_the_study() -> None:
    text = PATH.with_name("README.md").read_text(encoding="utf-8")
    said = re.findall(r"^\| ([a-z-]+) \| (0\.0[15]) \| (\d+) \|", text, flags=re.MULTILINE)
    assert said == [(arm.name, str(arm.rate), str(arm.seeds)) for arm in study.ARMS.values()]
    sizes = [study.parameter_count(study.equal_chain(T, "top-down")) for T in (2, 3, 5)]
    assert f"({min(sizes):,} to {max(sizes):,})" in text


def test_how_often_an_interval_holds_the_truth(page: str) -> None:
    """Of 4,000 samples of a normal law: three standard errors, and half of a case by rounding."""
    rng = np.random.default_rng(5)
    for n, cases in ((20, 93), (8, 88), (6, 85), (5, 84)):
        held = 0
        for _ in range(4_000):
            means = rng.standard_normal(n)[rng.integers(n, size=(500, n))].mean(1)
            low, high = np.quantile(means, (0.025, 0.975))
            held += low < 0 < high
        assert 100 * held / 4_000 == pytest.approx(cases, abs=2), n
    assert (
        "some 93 cases of 100 with twenty seeds, 88 with eight, 85 with six and 84 with five"
        in page
    )


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (("slow", 2), ("slow", 1), "000"),
        (("slow", 3), ("slow", 1), "−−−"),
        (("slow", 5), ("slow", 1), "−−−"),
        (("fast", 3), ("fast", 1), "+++"),
        (("fast", 3), ("fast", 2), "000"),
        (("fast", 5), ("fast", 1), "00+"),
        (("fast", 1), ("slow", 1), "0−0"),
        (("fast", 2), ("slow", 2), "000"),
        (("fast", 3), ("slow", 3), "+++"),
        (("fast", 5), ("slow", 5), "+++"),
    ],
)
def test_who_wins_plainly_trained(runs: study.Study, a: Group, b: Group, expected: str) -> None:
    assert signs(runs, a, b) == expected


def test_who_wins_with_warm_up(runs: study.Study, page: str) -> None:
    gains = []
    for depth in DEPTHS:
        assert signs(runs, ("slow-warm", depth), ("slow", depth)) == "+++"
        gains.append(difference(runs, ("slow-warm", depth), ("slow", depth)))
    assert f"log p by {min(gains):.1f} to {max(gains):.1f} nats" in page
    one = ("slow-warm", 1)
    assert signs(runs, ("slow-warm", 2), one) == "+0+"
    for depth in (3, 5):
        assert signs(runs, ("slow-warm", depth), one) == "−−−"
    assert f"in log p, by {quoted(runs, ('slow-warm', 2), one)}" in page


def test_what_is_left_of_the_gain_from_depth(runs: study.Study, page: str) -> None:
    three, one, warm = ("fast", 3), ("slow", 1), ("slow-warm", 1)
    assert difference(runs, one, ("fast", 1)) > 0
    assert f"three layers at 0.05 are {quoted(runs, three, one)} nats of log p" in page
    assert sign(runs, three, one, "log_p") == "+"
    assert sign(runs, three, warm, "log_p") == "0"
    assert f"at 0.01 they are {quoted(runs, three, warm)}" in page

    groups = [(arm, T) for arm in study.ARMS if arm != "swapped" for T in study.ARMS[arm].chains]
    means = {
        g: sample(runs, g, "log_p").mean() for g in groups if len(sample(runs, g, "log_p")) >= 5
    }
    assert len(means) == 22
    assert "the best of 22 means" in page
    best = max(means, key=lambda group: means[group])
    flat = max((g for g in means if g[1] == 1), key=lambda group: means[group])
    assert (best, flat) == (("slow-warm", 2), ("fast-warm", 1))
    said = f"{means[best]:.2f}, {quoted(runs, best, flat)} above the highest of one layer"
    assert said.replace("-", "−") in page
    means_apart = [resampled(sample(runs, g, "log_p"), g[1]).mean(1) for g in (best, flat)]
    low = np.quantile(means_apart[0] - means_apart[1], 0.025)
    assert abs(low) < 0.05  # at the edge: zero or just above


def test_who_wins_from_the_top(runs: study.Study, page: str) -> None:
    losses = []
    for depth in (2, 3, 5):
        assert signs(runs, ("slow-top-down", depth), ("slow", depth)) == "−−−"
        losses.append(round(difference(runs, ("slow", depth), ("slow-top-down", depth)), 1))
    assert losses == [1.4, 2.8, 4.7]
    assert "by 1.4, 2.8 and 4.7 nats of log p" in page
    assert signs(runs, ("fast-top-down", 2), ("fast", 2)) == "+00"
    assert signs(runs, ("fast-top-down", 2), ("fast", 1)) == "+0+"
    assert signs(runs, ("fast-top-down", 3), ("fast", 1)) == "−−−"


def test_both(runs: study.Study) -> None:
    for depth in (2, 3, 5):
        assert signs(runs, ("slow-both", depth), ("slow-warm", depth)) == "−−−"
    for depth, expected in ((2, "000"), (3, "+++"), (5, "+++")):
        assert signs(runs, ("slow-both", depth), ("slow-top-down", depth)) == expected


def test_what_is_steadier(runs: study.Study, page: str) -> None:
    """Of all ratios to one layer one alone stays above 1 without its lowest run."""
    clear = []
    for arm, about in study.ARMS.items():
        for depth in about.chains:
            if depth > 1 and arm != "swapped" and len(sample(runs, (arm, depth), "log_p")) >= 5:
                one = (about.bottom_up().name, 1)
                low, high = ratio(runs, (arm, depth), one)
                without = ratio(runs, (arm, depth), one, without_lowest=True)
                assert high > 1, (arm, depth)
                if low > 1:
                    clear.append((arm, depth, without[0] > 1))
    hangs_on_one = [("slow", 2, False), ("slow", 3, False), ("slow-top-down", 5, False)]
    assert sorted(clear) == sorted([*hangs_on_one, ("slow", 5, True)])
    five, one_layer = runs.kept("train_elbo", 5), runs.kept("train_elbo", 1)
    low, high = study.spread_interval(five.sort().values[1:], one_layer)
    assert f"without their lowest run [{low:.1f}, {high:.1f}]" in page
    shown = study.spread_interval(five, one_layer)
    stds = [sample(runs, ("slow", depth), "train_elbo").std(ddof=1) for depth in (5, 1)]
    assert f"{stds[0] / stds[1]:.1f} [{shown[0]:.1f}, {shown[1]:.1f}] times as widely" in page
    for a, b in ((("fast", 3), ("fast", 1)), (("slow-warm", 5), ("slow", 5))):
        low, high = of_normal_figures(sample(runs, a, "train_elbo"), sample(runs, b, "train_elbo"))
        assert f"[{low:.2f}, {high:.2f}]" in page
    low, high = ratio(runs, ("slow-warm", 5), ("slow", 5))
    assert high < 1
    shown = study.spread_interval(
        runs.kept("train_elbo", 5, "slow-warm"), runs.kept("train_elbo", 5)
    )
    # Two bootstraps of 10,000: their ends differ by what the draws do.
    assert shown == pytest.approx((low, high), abs=0.03)
    stds = [sample(runs, (arm, 5), "train_elbo").std(ddof=1) for arm in ("slow-warm", "slow")]
    assert f"{stds[0] / stds[1]:.1f} [{shown[0]:.1f}, {shown[1]:.1f}] times" in page


def test_which_runs_are_lost(runs: study.Study, page: str) -> None:
    lost = {
        arm: [runs.lost(T, arm) for T in about.chains]
        for arm, about in study.ARMS.items()
        if arm != "swapped"
    }
    assert lost == {
        "slow": [0, 0, 0, 0],
        "slow-warm": [0, 0, 0, 0],
        "slow-top-down": [0, 0, 0],
        "slow-both": [0, 0, 0],
        "fast": [0, 0, 0, 0],
        "fast-warm": [0, 5, 8, 0],
        "fast-top-down": [0, 3, 5],
    }
    assert "warm-up 13 of 32 (0, 5, 8 and 0 of eight at T = 1, 2, 3 and 5)" in page
    assert "top-down encoder 8 of 24 (0, 3 and 5 at T = 2, 3 and 5)" in page
    for arm, count in (("fast", 24), ("fast-warm", 32), ("fast-top-down", 24)):
        assert sum(row["arm"] == arm for row in runs.runs) == count


def test_what_is_in_use(runs: study.Study, page: str) -> None:
    for arm in ("slow", "fast", "slow-warm", "fast-warm"):
        assert sample(runs, (arm, 5), "active")[:, 4].max() == 0
    units = [sample(runs, (arm, 2), "active")[:, 1].mean() for arm in ("slow-warm", "slow")]
    nats = [sample(runs, (arm, 2), "rates")[:, 1].mean() for arm in ("slow-warm", "slow")]
    assert f"{units[0]:.1f} against {units[1]:.1f}, and these cost more, {nats[0]:.1f} nats" in page
    assert f"against {nats[1]:.1f}: they" in page
    for figure, expected in (("active", "−"), ("rates", "+")):
        a, b = (sample(runs, (arm, 2), figure)[:, 1] for arm in ("slow-warm", "slow"))
        low, high = np.quantile(resampled(a, 1).mean(1) - resampled(b, 2).mean(1), (0.025, 0.975))
        assert ("+" if low > 0 else "−" if high < 0 else "0") == expected
    for depth in DEPTHS[1:]:
        warm, plain = (sample(runs, (arm, depth), "active") for arm in ("slow-warm", "slow"))
        assert (warm.mean(0)[1:] <= plain.mean(0)[1:]).all()
        assert warm[:, 1:].sum(1).mean() < plain[:, 1:].sum(1).mean()
    third = sample(runs, ("slow-warm", 3), "rates")[:, 2].mean()
    assert f"The third of three layers costs {third:.2f} nats there" in page
    middle = sample(runs, ("fast-top-down", 3), "rates")[:, 1]
    assert middle.max() < 0.001
    most = int(sample(runs, ("fast-top-down", 3), "active")[:, 1].max())
    assert f"has up to {most} active units" in page


def test_the_error_of_the_estimate(runs: study.Study) -> None:
    errors = [
        sample(runs, (arm, T), "log_p_error").max()
        for arm, T in itertools.product(study.ARMS, DEPTHS)
        if T in study.ARMS[arm].chains and len(sample(runs, (arm, T), "log_p"))
    ]
    assert max(errors) < 0.04
