"""Explorer of chapter 3: what Jensen's inequality loses, the way up in q, the way up in θ."""

from functools import lru_cache

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.bounds import log_weights
from course_lib.distributions import DiagonalGaussian, expectation
from course_lib.explorers.scenes.ascent import (
    ROUNDS,
    STEPS,
    QPath,
    X,
    ascend_model,
    ascend_q,
    observations,
)
from course_lib.explorers.scenes.log_weight_panel import EDGE, LogWeightPanel, Z
from course_lib.explorers.scenes.small_worlds import world_and_x
from course_lib.explorers.scenes.trail import Trail
from course_lib.explorers.stage import Choice, Explorer, Reading, Slider
from course_lib.plots import COLOURS, above, label, number, panels, printed, style

WORLDS = ("linear, x = 1.25", "tanh, x = 2")
QS = ("re-fitted", "held still")
TOP = 1.15  # of the densities
NATS = (-6.0, -0.5)  # of log-weights and bounds
PER_POINT = (-2.6, -1.6)  # of means over the data


class LogWeights(Explorer):
    """q against the exact posterior, and the log-weight with its two levels.

    Numbers, in nats: log_evidence, log p(x) by quadrature; elbo and gap, their difference; lowest
    and highest log-weight within μ ± 2σ.
    """

    title = "The log-weight, its mean, and the log of the mean weight"
    height_px = 380
    controls = (
        Choice("world", "world", WORLDS, start=WORLDS[0]),
        Slider("mean", "mean of q, μ", -1.0, 2.5, 0.05, start=0.0),
        Slider("std", "standard deviation of q, σ", 0.2, 2.0, 0.02, start=1.0),
    )

    def build(self, figure: Figure) -> None:
        """Left the two densities, right the log-weight."""
        left, right = panels(figure, (36, 44), left=20, right=14, top=50, bottom=52, across=64)
        style(left, x="latent z", keep="x").set(xlim=(-EDGE, EDGE), ylim=(0, TOP))
        above(left, 0.0, 30, "your q(z)", of="q")
        above(left, 0.0, 11, "exact posterior p(z|x)", of="posterior")
        z = Z[:, 0].numpy()
        self.band = left.fill_between(z, 0, 0 * z, color=COLOURS["posterior"], alpha=0.15)
        self.band.set_linewidth(0)
        (self.posterior,) = left.plot(z, 0 * z, color=COLOURS["posterior"], linewidth=2.2)
        (self.q,) = left.plot(z, 0 * z, color=COLOURS["q"], linewidth=2.2)
        (self.peak,) = left.plot([], [], "^", color=COLOURS["q"], markersize=9, clip_on=False)
        self.panel = LogWeightPanel(right, NATS)
        self.moving(self.band, self.posterior, self.q, self.peak, *self.panel.artists)

    def update(self, world: str, mean: float, std: float) -> Reading:
        """Moves the densities, the log-weight and its levels, and reads them."""
        model, x = world_and_x(world)
        q = DiagonalGaussian.from_std(mean, std)
        evidence = _log_evidence(world)
        elbo = expectation(q, lambda z: log_weights(model, q, x, z)).item()
        log_q = q.log_prob(Z)
        posterior = (log_weights(model, q, x, Z) + log_q - evidence).exp().numpy()
        self.band.set_data(Z[:, 0].numpy(), 0, posterior)
        self.posterior.set_ydata(posterior)
        self.q.set_ydata(log_q.exp().numpy())
        tall = log_q.max().exp().item() > TOP
        self.peak.set_data([mean] if tall else [], [0.97 * TOP] if tall else [])
        self.panel.move(model, x, q, evidence, elbo)
        inner = q.mean + q.std * torch.linspace(-2, 2, 801, **DOUBLE).unsqueeze(-1)
        lowest, highest = log_weights(model, q, x, inner).aminmax()
        numbers = {
            "log_evidence": evidence,
            "elbo": elbo,
            "gap": evidence - elbo,
            "lowest": lowest.item(),
            "highest": highest.item(),
        }
        return Reading(numbers, _sentence(numbers, mean, std))


class GradientAscent(Explorer):
    """q goes uphill on the ELBO, step by step, in the tanh world with x = 2 observed.

    Numbers: mean and std of q; log_evidence, elbo and gap, nats; spread, the standard deviation of
    the log-weight under q, nats.
    """

    title = "Gradient ascent in q: the log-weight flattens, the gap closes"
    height_px = 380
    controls = (Slider("step", "steps taken", 0, STEPS, 1, start=0),)

    def build(self, figure: Figure) -> None:
        """Left the log-weight, right the ELBO by step."""
        left, right = panels(figure, (44, 36), left=64, right=14, top=50, bottom=52, across=40)
        self.world, self.x = world_and_x(WORLDS[1])
        self.path = _path()
        self.evidence = _log_evidence(WORLDS[1])
        self.panel = LogWeightPanel(left, NATS)
        style(right, x="steps taken", keep="x").set(xlim=(0, STEPS + 0.5), ylim=NATS)
        above(right, 0.0, 30, "ELBO, step by step", of="elbo")
        above(right, 0.0, 11, "log p(x) does not move", of="evidence")
        right.axhline(self.evidence, color=COLOURS["evidence"], linewidth=2)
        self.trail = Trail(right, self.path.elbo, [self.evidence] * (STEPS + 1))
        self.moving(*self.panel.artists, *self.trail.artists)

    def update(self, step: int) -> Reading:
        """Moves q to where it stands after so many steps."""
        mean, std, elbo = self.path.mean[step], self.path.std[step], self.path.elbo[step]
        q = DiagonalGaussian.from_std(mean, std)
        self.panel.move(self.world, self.x, q, self.evidence, elbo)
        self.trail.move(step)

        def squared(z: Tensor) -> Tensor:
            return (log_weights(self.world, q, self.x, z) - elbo).square()

        numbers = {
            "mean": mean,
            "std": std,
            "log_evidence": self.evidence,
            "elbo": elbo,
            "gap": self.evidence - elbo,
            "spread": expectation(q, squared).sqrt().item(),
        }
        _, bound, lost = printed(self.evidence, elbo)
        done = "1 step" if step == 1 else f"{step} steps"
        return Reading(
            numbers,
            f"After {done} q = N({number(mean, 2)}, {number(std, 2)}²). The log-weight "
            f"spreads by {number(numbers['spread'], 2)} nats under q; the ELBO is {bound}, and "
            f"{lost} are lost.",
        )


class ModelAscent(Explorer):
    """The model goes uphill on the mean ELBO of 200 x's, with or without its q's.

    Numbers: log_evidence and elbo, means over the x's, and gap, nats; a, b, c and s of the model.
    """

    title = "Gradient ascent in θ: the bound and log p(x), with q and without"
    height_px = 380
    controls = (
        Choice("qs", "the q's are", QS, start=QS[0]),
        Slider("round", "rounds", 0, ROUNDS, 1, start=3),
    )

    def build(self, figure: Figure) -> None:
        """Left the data and the model's p(x), right ELBO and log p(x) by round."""
        left, right = panels(figure, (40, 40), left=20, right=14, top=50, bottom=52, across=64)
        style(left, x="observed x", keep="x").set(xlim=(X[0].item(), X[-1].item()), ylim=(0, 0.62))
        above(left, 0.0, 30, "200 observations", of="axis")
        above(left, 0.0, 11, "the model's p(x)", of="evidence")
        bins = np.linspace(-2.75, 4.25, 29)
        left.hist(
            observations().numpy(), bins.tolist(), density=True, color=COLOURS["axis"], alpha=0.5
        )
        (self.density,) = left.plot(X, 0 * X, color=COLOURS["evidence"], linewidth=2.2)
        style(right, x="rounds", y="nats per x", keep="xy")
        right.set(xlim=(0, ROUNDS + 0.6), ylim=PER_POINT)
        above(right, 0.0, 30, "mean log p(x)", of="evidence")
        above(right, 0.42, 30, "mean ELBO", of="elbo")
        above(right, 0.74, 30, "gap", of="gap")
        paths = [ascend_model(name == QS[0]) for name in QS]
        self.paths = dict(zip(QS, paths, strict=True))
        self.trails = {
            name: Trail(right, path.elbo, path.log_evidence) for name, path in self.paths.items()
        }
        self._draw_both_ways(right)
        trails = [artist for trail in self.trails.values() for artist in trail.artists]
        self.moving(self.density, *trails)

    def _draw_both_ways(self, ax: Axes) -> None:
        """Where they lead, faintly."""
        for (name, path), high in zip(self.paths.items(), (-1.67, -2.02), strict=True):
            label(ax, ROUNDS - 0.6, high, f"q's {name}", of="axis", ha="right")
            for values, of in ((path.log_evidence, "evidence"), (path.elbo, "elbo")):
                ax.plot(values, color=COLOURS[of], alpha=0.22, linewidth=1.2)

    def update(self, qs: str, round: int) -> Reading:
        """Moves the model to where it stands after so many rounds."""
        path = self.paths[qs]
        self.density.set_ydata(path.density[round].numpy())
        for name, trail in self.trails.items():
            trail.move(round if name == qs else None)
        evidence, elbo = path.log_evidence[round], path.elbo[round]
        a, b, c, s = path.parameters[round].tolist()
        numbers = {"log_evidence": evidence, "elbo": elbo, "gap": evidence - elbo}
        log_p, bound, lost = printed(evidence, elbo)
        done = "1 round" if round == 1 else f"{round} rounds"
        return Reading(
            numbers | {"a": a, "b": b, "c": c, "s": s},
            f"After {done}, the q's {qs}: the mean ELBO is {bound} nats, the mean log p(x) "
            f"{log_p}, and {lost} lie between them.",
        )


@lru_cache(maxsize=2)
def _log_evidence(world: str) -> float:
    """log p(x) by quadrature."""
    model, x = world_and_x(world)
    return model.log_evidence(x).item()


@lru_cache(maxsize=1)
def _path() -> QPath:
    """The steps of GradientAscent, from the prior."""
    world, x = world_and_x(WORLDS[1])
    return ascend_q(world, x, 0.0, 1.0)


def _sentence(r: dict[str, float], mean: float, std: float) -> str:
    evidence, elbo, gap = printed(r["log_evidence"], r["elbo"])
    return (
        f"With q = N({number(mean, 2)}, {number(std, 2)}²) the log of the mean weight is log p(x) "
        f"= {evidence} nats and the mean of the log-weights, the ELBO, is {elbo}: {gap} lost. "
        f"Within two standard deviations the log-weight runs from {number(r['lowest'], 2)} to "
        f"{number(r['highest'], 2)}."
    )
