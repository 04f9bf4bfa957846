"""The explorers of the sixteen models of chapter 5 against torch.distributions, finer grids and
many more samples.
"""

import json
import math
import re
from decimal import Decimal
from typing import Any, cast

import numpy as np
import pytest
import torch
from notebook_rules import FOLDER
from scipy.integrate import simpson
from torch import Tensor
from torch.distributions import Binomial, Independent, Normal, kl_divergence

from course_lib.data import Images, load_digits
from course_lib.evaluate import (
    LatentPlane,
    expected_log_likelihood,
    plane,
    posterior_on_grid,
    surgery,
)
from course_lib.explorers.rate_distortion import RateDistortionTrade, _sentence
from course_lib.explorers.scenes.beta_sweep import BETAS, SweepReport, trained_sweep
from course_lib.explorers.scenes.outlines import outlines
from course_lib.explorers.weighted_objective import WeightedObjective
from course_lib.plots.ledger import printed
from course_lib.vae import VAE, Architecture, stack, unstack

COUNTS = load_digits().images.flatten(1).double()
NOTEBOOK = FOLDER / "05_reconstruction_and_kl.ipynb"
ENDS = (0.1, 1.0, 4.0, 64.0)


@pytest.fixture(scope="module")
def explorer() -> RateDistortionTrade:
    return RateDistortionTrade.example()


@pytest.fixture(scope="module")
def objectives() -> WeightedObjective:
    return WeightedObjective.example()


@pytest.fixture(scope="module")
def vaes() -> list[VAE]:
    """The sixteen models one by one, in float64."""
    return [unstack(trained_sweep(), i).double() for i in range(len(BETAS))]


def image(digit: int) -> Tensor:
    return COUNTS[load_digits().labels.tolist().index(digit)]


def posterior(model: VAE, x: Tensor) -> Independent[Normal]:
    """q(z|x) as torch has it."""
    q = model.encoder(x)
    return Independent(Normal(q.mean.detach(), q.std.detach()), 1)


def likelihood(model: VAE, z: Tensor) -> Independent[Binomial]:
    """p(x|z) as torch has it."""
    return Independent(Binomial(16, logits=model.decoder(z).logits.detach()), 1)  # type: ignore[attr-defined]


PRIOR = Independent(Normal(torch.zeros(2).double(), torch.ones(2).double()), 1)


@pytest.mark.parametrize("beta", ENDS)
def test_means_over_the_data(explorer: RateDistortionTrade, vaes: list[VAE], beta: float) -> None:
    drawn, model = explorer.at(beta=beta), vaes[BETAS.index(beta)]
    q = posterior(model, COUNTS)
    assert drawn["rate"] == pytest.approx(kl_divergence(q, PRIOR).mean().item(), rel=1e-4)
    torch.manual_seed(0)
    z = q.sample((24,))
    cost = -likelihood(model, z).log_prob(COUNTS)  # (24, N)
    within = cost.var(0).mean().item() / len(COUNTS)  # of a mean over images, one sample each
    error = math.sqrt(within * (1 / 24 + 1 / 4))
    assert drawn["distortion"] == pytest.approx(cost.mean().item(), abs=4 * error)
    assert drawn["elbo"] == -(drawn["rate"] + drawn["distortion"])


@pytest.mark.parametrize("beta", [8.0, 16.0, 64.0])
def test_the_rate_falls_into_its_two_parts(
    explorer: RateDistortionTrade, vaes: list[VAE], beta: float
) -> None:
    """The mixture of all q on a grid that is fine for its narrowest part, no sampling."""
    drawn, model = explorer.at(beta=beta), vaes[BETAS.index(beta)]
    q = model.encoder(COUNTS)
    axis = torch.linspace(-9, 9, 601, dtype=torch.float64)
    one, two = (
        Normal(q.mean[:, i, None].detach(), q.std[:, i, None].detach()).log_prob(axis).exp()
        for i in range(2)
    )
    mixture = one.T @ two / len(COUNTS)  # (601, 601)
    plane = torch.cartesian_prod(axis, axis).reshape(601, 601, 2)
    cell = (axis[1] - axis[0]) ** 2
    assert (mixture.sum() * cell).item() == pytest.approx(1.0, abs=1e-6)
    excess = (torch.xlogy(mixture, mixture) - mixture * PRIOR.log_prob(plane)).sum() * cell
    single = unstack(trained_sweep(), BETAS.index(beta)).float()
    generator = torch.Generator().manual_seed(9)
    errors = surgery(single, COUNTS.float(), generator=generator)
    allowed = 4 * errors.mutual_information_error
    assert drawn["aggregate_kl"] == pytest.approx(excess.item(), abs=allowed)
    information = kl_divergence(posterior(model, COUNTS), PRIOR).mean().item() - excess.item()
    assert drawn["mutual_information"] == pytest.approx(information, abs=allowed)


@pytest.mark.parametrize("beta", ENDS)
def test_the_image_terms_without_sampling(
    objectives: WeightedObjective, vaes: list[VAE], beta: float
) -> None:
    """Quadrature with 100² nodes, and torch's densities; one decimal is drawn."""
    points, weights = np.polynomial.hermite.hermgauss(100)
    axis = torch.as_tensor(points * math.sqrt(2))
    mass = torch.as_tensor(weights / weights.sum())
    noise, weight = torch.cartesian_prod(axis, axis), torch.outer(mass, mass).flatten()
    for digit in (0, 7):
        drawn, model = objectives.at(beta=beta, digit=digit), vaes[BETAS.index(beta)]
        q, x = posterior(model, image(digit)), image(digit)
        z = q.mean + q.stddev * noise
        reconstruction = (weight * likelihood(model, z).log_prob(x)).sum().item()
        kl = kl_divergence(q, PRIOR).item()
        assert drawn["image_rate"] == pytest.approx(kl, abs=1e-9)
        assert drawn["image_elbo"] == pytest.approx(reconstruction - kl, abs=1e-2)
        assert drawn["objective"] == pytest.approx(reconstruction - beta * kl, abs=1e-2)


@pytest.mark.parametrize(("beta", "digit"), [(0.1, 0), (1.0, 4), (16.0, 3), (64.0, 9)])
def test_log_evidence_is_that_of_a_finer_grid(
    objectives: WeightedObjective, vaes: list[VAE], beta: float, digit: int
) -> None:
    """Every node of the whole square, six times as close as the first grid's."""
    model = vaes[BETAS.index(beta)]
    exact = posterior_on_grid(model, image(digit), half_width=7.0, nodes=561)
    assert exact.error < 1e-3
    assert exact.edge < 1e-4
    drawn = objectives.at(beta=beta, digit=digit)
    assert drawn["log_evidence"] == pytest.approx(exact.log_evidence, abs=2e-3)


def test_a_small_world_by_simpsons_rule() -> None:
    model: Any = Architecture(3, (2,), ((4,),), "binomial", 16).build(seed=1).double()
    with torch.no_grad():
        model.decoder.logits.weight.mul_(3.0)
    x = torch.tensor([[16.0, 3.0, 0.0], [0.0, 9.0, 7.0]], dtype=torch.float64)
    plane = LatentPlane(model, x)
    axis = torch.linspace(-7, 7, 1001, dtype=torch.float64)
    z = torch.cartesian_prod(axis, axis)
    for row in range(2):
        joint = (likelihood(model, z).log_prob(x[row]) + PRIOR.log_prob(z)).exp()
        inner = simpson(joint.reshape(1001, 1001).numpy(), x=axis.numpy())
        expected = math.log(simpson(inner, x=axis.numpy()))
        assert plane.log_evidence(row) == pytest.approx(expected, abs=1e-6)


def test_more_points_change_nothing(
    objectives: WeightedObjective, vaes: list[VAE], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The narrowest posteriors are those of the smallest β."""
    drawn = objectives.at(beta=0.1, digit=1)["log_evidence"]
    monkeypatch.setattr(plane, "BUDGET", 200_000)
    monkeypatch.setattr(plane, "FINEST", 1 / 512)
    finer = LatentPlane(vaes[0], image(1)[None]).log_evidence(0)
    assert drawn == pytest.approx(finer, abs=1e-4)


def test_every_setting_keeps_the_identity_and_its_place_on_the_screen(
    objectives: WeightedObjective,
) -> None:
    """log p(x) − objective = KL(q ‖ posterior) + (β − 1) KL(q ‖ prior), at all 160 settings."""
    above = 0
    for beta in BETAS:
        for digit in range(10):
            drawn = objectives.at(beta=beta, digit=digit)
            short = drawn["log_evidence"] - drawn["objective"]
            expected = drawn["gap"] + (beta - 1) * drawn["image_rate"]
            assert short == pytest.approx(expected, abs=1e-9)
            assert drawn["gap"] > 0
            assert beta < 1 or short > 0
            above += short < 0
            the_ledger_says_so(objectives, drawn, beta)
    assert above > 20  # of the 50 with β < 1


def the_ledger_says_so(objectives: Any, drawn: dict[str, float], beta: float) -> None:
    evidence, objective, gap = printed(drawn["log_evidence"], drawn["objective"], decimals=1)
    sentence = objectives.sentence
    assert all(text.removeprefix("−") in sentence for text in (evidence, objective, gap))
    assert ("no bound" in sentence) == gap.startswith("−")
    words = objectives.ledger._texts["gap"].get_text().split(" " + gap.removeprefix("−"))[0]
    side = "above by" if gap.startswith("−") else "below by"
    assert words == ("gap =" if beta == 1 else side)  # only at 1 is it KL(q ‖ posterior)


@pytest.mark.parametrize("beta", BETAS)
def test_the_curve_and_the_sentence_have_the_numbers(explorer: Any, beta: float) -> None:
    drawn = explorer.at(beta=beta)
    for curve in (explorer.curve, explorer.near):
        assert curve.here.get_data() == ((drawn["rate"],), (drawn["distortion"],))
        (x0, x1), (y0, y1) = curve.tangent.get_data()
        assert (y1 - y0) / (x1 - x0) == pytest.approx(-beta)
        assert (x0 + x1) / 2 == pytest.approx(drawn["rate"])
    whole, part, rest = printed(drawn["rate"], drawn["mutual_information"], decimals=1)
    sentence = explorer.sentence
    assert f"R = {whole} nats" in sentence
    assert f"{part} say which image it was, and {rest} are waste" in sentence
    assert explorer.parts.get_text() == f"R = {whole} nats: {part} tell the image, {rest} are waste"
    assert float(whole) == pytest.approx(float(part) + float(rest), abs=1e-9)
    shown = (drawn["rate"], drawn["mutual_information"], drawn["aggregate_kl"])
    assert (float(whole), float(part), float(rest)) == pytest.approx(shown, abs=0.101)


@pytest.mark.parametrize(
    ("waste", "ending"),
    [
        (0.132, "0.1 are waste: the codes together are not the prior."),
        (0.0365, "0.0 are waste: the codes together all but coincide with the prior."),
        (0.0, "0.0 are waste: the codes together all but coincide with the prior."),
    ],
)
def test_where_no_waste_is_printed_the_codes_all_but_are_the_prior(
    waste: float, ending: str
) -> None:
    numbers = {"rate": 1.0 + waste, "mutual_information": 1.0, "elbo": -150.0}
    assert _sentence(numbers, 32.0).endswith(ending)


def small(*betas: float) -> tuple[VAE, Tensor, Images]:
    """Untrained models, a weight for each, and a hundred images: what takes no time."""
    one: Any = Architecture(64, (2,), ((4,),), "binomial", 16).build(seed=0)
    few = Images(*(part[:100] for part in load_digits()))
    return stack([one] * len(betas)), torch.tensor(betas).double(), few


def test_without_weight_the_line_is_level() -> None:
    """β = 0 is a model without any KL: D alone counts, and the line has slope 0."""
    explorer: Any = RateDistortionTrade(*small(0.0, 1.0))
    for beta in (1.0, 0.0):
        drawn = explorer.at(beta=beta)
        for curve in (explorer.curve, explorer.near):
            (x0, x1), (y0, y1) = curve.tangent.get_data()
            assert x0 < drawn["rate"] < x1
            assert (y1 - y0) / (x1 - x0) == pytest.approx(-beta)
    explorer.close()


def test_the_close_up_has_one_scale_and_beta_one_in_it(explorer: Any) -> None:
    """So that the line of slope −1 stands at 45 degrees, and touches."""
    box, drawn = explorer.near.ax, explorer.at(beta=1.0)
    (left, right), (low, high) = box.get_xlim(), box.get_ylim()
    across, up = box.bbox.width / (right - left), box.bbox.height / (high - low)
    assert across == pytest.approx(up, rel=1e-6)
    assert left < drawn["rate"] < right
    assert low < drawn["distortion"] < high


def test_the_close_up_says_when_it_lacks_the_dot(explorer: Any) -> None:
    for beta in BETAS:
        drawn, box = explorer.at(beta=beta), explorer.near.ax
        seen = box.viewLim.contains(drawn["rate"], drawn["distortion"])
        words = "" if seen else f"β = {beta:g} lies outside"
        assert explorer.near.outside.get_text() == words
        assert explorer.curve.outside.get_text() == ""
    assert words


def test_the_curve_falls_and_the_rate_falls_with_beta(explorer: RateDistortionTrade) -> None:
    rates = [explorer.at(beta=beta)["rate"] for beta in BETAS]
    assert rates[0] > 8 > rates[9] > 2 > 0.1 > rates[-1]
    assert (np.diff(rates) < 0).all()


def test_an_outline_is_one_standard_deviation_away(explorer: Any) -> None:
    explorer.at(beta=4.0)
    everyone, at = explorer.report.everyone, BETAS.index(4.0)
    x, y = (part[:25] for part in explorer.cloud.get_data())  # of the first image
    mean, std = everyone.mean[at, 0], everyone.std[at, 0]
    assert np.nanmax(x) == pytest.approx((mean[0] + std[0]).item(), rel=1e-6)
    away = ((x - mean[0].item()) / std[0].item()) ** 2 + ((y - mean[1].item()) / std[1].item()) ** 2
    assert np.allclose(away[~np.isnan(away)], 1.0)
    assert np.isnan(outlines(everyone, 8)).any(1).sum() == 16 * 1797


def test_pictures_are_what_the_decoder_gives(objectives: Any, vaes: list[VAE]) -> None:
    objectives.at(beta=16.0, digit=6)
    model = vaes[BETAS.index(16.0)]
    shown = objectives.pair._rows[::-1][..., 0].astype(float)
    rebuilt = likelihood(model, posterior(model, image(6)).mean).mean.reshape(8, 8) / 16
    tile = shown.shape[0] // 8
    x, back = shown[:, : 8 * tile], shown[:, 8 * tile + 2 :]
    assert np.allclose(x[::tile, ::tile], 255 * (1 - image(6).reshape(8, 8) / 16), atol=1)
    assert np.allclose(back[::tile, ::tile], 255 * (1 - rebuilt), atol=1)


def test_the_stored_text_holds_no_trained_number(
    explorer: RateDistortionTrade, objectives: WeightedObjective
) -> None:
    """It is compared on other machines, where training may end a little elsewhere."""
    explorer.at(beta=0.5)
    objectives.at(beta=0.5, digit=7)
    for each in (explorer, objectives):
        assert "β = 0.5" in repr(each)
        assert not any(f"{value:.1f}" in repr(each) for value in each.numbers.values() if value > 1)
    assert "handwritten 7" in repr(objectives)


def test_reset_returns_to_the_opening(
    explorer: RateDistortionTrade, objectives: WeightedObjective
) -> None:
    opening = explorer.reset()
    explorer.at(beta=64.0)
    assert explorer.reset() == opening
    assert "β = 1." in repr(explorer)
    first = objectives.reset()
    objectives.at(beta=64.0, digit=9)
    assert objectives.reset() == first


def test_at_beta_one_the_objective_is_the_elbo(objectives: WeightedObjective) -> None:
    drawn = objectives.at(beta=1.0, digit=3)
    assert drawn["objective"] == drawn["image_elbo"]


def test_what_the_text_says_of_small_weights(vaes: list[VAE]) -> None:
    """At β = 0.1 no sharper than at 1, and draws of the prior fall between the codes."""
    torch.manual_seed(0)
    missed, draws = {}, PRIOR.sample((2000,))
    for beta in (0.1, 1.0):
        model = vaes[BETAS.index(beta)]
        q = posterior(model, COUNTS)
        back = likelihood(model, q.mean).mean / 16
        missed[beta] = (back - COUNTS / 16).square().sum(-1).mean().item()
        if beta == 0.1:
            apart = ((draws[:, None] - q.mean) / q.stddev).norm(dim=-1).amin(1)
    assert missed[0.1] == pytest.approx(missed[1.0], abs=0.005)
    assert (apart > 3).double().mean() > 0.6  # most


@pytest.mark.parametrize(("rate", "unavoidable"), [(9.02, 1.73), (3.99, 0.05)])
def test_finitely_many_codes_cannot_cover_the_prior(rate: float, unavoidable: float) -> None:
    """KL(aggregate ‖ prior) of 1,797 codes at that mean rate, in a world whose own aggregate, that
    of all x, is the prior: two latents with q = N(m, s²), m ~ N(0, 1 − s²), and −2 log s = R.
    """
    torch.manual_seed(1)
    std = math.exp(-rate / 2)
    q = Normal(math.sqrt(1 - std**2) * torch.randn(1797, 2).double(), std)
    z = q.sample()
    mixture = q.log_prob(z[:, None]).sum(-1).logsumexp(1) - math.log(1797)
    excess = (mixture - PRIOR.log_prob(z)).mean().item()
    assert excess == pytest.approx(unavoidable, abs=0.1)
    assert rate < 9 or 0.5 * 2.07 < excess < 2.07  # most of the waste at β = 0.1


def test_the_table_and_the_explorer_agree(explorer: RateDistortionTrade) -> None:
    """The table's own draws, to what the explorer prints."""
    with torch.no_grad():
        generator = torch.Generator().manual_seed(7)
        terms = trained_sweep().terms(COUNTS, (4,), generator=generator)
    for beta, each in zip(BETAS, terms.reconstruction.mean((0, 2)).tolist(), strict=True):
        assert explorer.at(beta=beta)["distortion"] == pytest.approx(-each, abs=1e-6)


def test_the_notebook_trains_these_models() -> None:
    """By the loop that its reader sees: cell by cell, then weight by weight."""
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    cells = ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"]
    space: dict[str, Any] = {}
    for cell in cells:
        if "import" in cell or "def train(" in cell or "train(sweep" in cell:
            exec(cell.split("SwellingCodes()")[0], space)
    weights = zip(space["sweep"].parameters(), trained_sweep().parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in weights)
    assert space["betas"].tolist() == list(BETAS)


def test_bad_input_is_named() -> None:
    three_weights, images = torch.tensor([0.5, 1.0, 2.0]), load_digits()
    with pytest.raises(ValueError, match="betas must have one entry a model, got 3"):
        SweepReport(trained_sweep(), three_weights, images)
    for betas, message in (
        ([1.0, -2.0], "betas must be at least 0, got -2"),
        ([1.0, 1.0], "betas must all differ, got 1 twice"),
        (1.0, r"betas must be \(M,\), one weight a model, got shape \(\)"),
    ):
        with pytest.raises(ValueError, match=message):
            SweepReport(trained_sweep(), betas, images)
    threeless = images._replace(labels=images.labels.masked_fill(images.labels == 3, 5))
    with pytest.raises(ValueError, match="images must show every digit, got no 3"):
        SweepReport(trained_sweep(), BETAS, threeless)
    deep = [Architecture(64, (3,), ((4,),), "binomial", 16).build(seed=i) for i in range(2)]
    with pytest.raises(ValueError, match="models must have 2 latents, got 3"):
        SweepReport(cast(VAE, stack(deep)), [1.0, 2.0], images)
    solid: Any = Architecture(64, (3,), ((4,),), "binomial", 16).build(seed=0).double()
    q = solid.encoder(COUNTS[:2])
    with pytest.raises(ValueError, match="event"):
        expected_log_likelihood(solid, q, COUNTS[:2])


def test_a_posterior_beyond_the_grid_is_refused() -> None:
    """Sixteen of sixteen flips at odds of e^−9 + z/2: the posterior pulls z to 8."""
    far: Any = Architecture(2, (2,), ((),), "binomial", 16).build(seed=0).double()
    with torch.no_grad():
        far.decoder.logits.weight.copy_(0.5 * torch.eye(2))
        far.decoder.logits.bias.fill_(-9.0)
    plane = LatentPlane(far, torch.full((1, 2), 16.0).double())
    with pytest.raises(ValueError, match="reaches beyond"):
        plane.log_evidence(0)


def test_rate_and_distortion_make_minus_the_elbo_as_printed(explorer: RateDistortionTrade) -> None:
    printed_sum = r"costs R = (\S+) nats of code and D = (\S+) more .* ELBO is −(\d+\.\d)\."
    for beta in BETAS:
        drawn = explorer.at(beta=beta)
        found = re.search(printed_sum, explorer.sentence)
        assert found, explorer.sentence
        rate, distortion, cost = (Decimal(text) for text in found.groups())
        assert rate + distortion == cost
        assert abs(float(distortion) - drawn["distortion"]) < 0.15


def test_below_one_no_weight_makes_a_bound(objectives: WeightedObjective) -> None:
    """Some objectives lie below log p(x) there as well; nothing keeps them there."""
    below = 0
    for beta in BETAS:
        for digit in range(10):
            drawn = objectives.at(beta=beta, digit=digit)
            assert objectives.sentence.endswith(": a bound.") == (beta >= 1), objectives.sentence
            below += beta < 1 and drawn["objective"] < drawn["log_evidence"]
    assert below > 0
