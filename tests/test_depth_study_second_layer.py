"""The small models: their sizes, where they start, how they are measured and kept."""

import json
import math
from pathlib import Path

import pytest
import torch

from course_lib import depth_study as study
from course_lib.depth_study.second_layer import MODELS, SMALL_WORLDS, save_small_runs, small_run
from course_lib.vae import Architecture, MarkovHVAE, TopDownHVAE

DIGITS = SMALL_WORLDS["digits"]


def test_the_models_of_the_digits() -> None:
    """64 pixels; 8 latents, 12, or 8 and 4, encoded either way; nets of two layers of 64."""
    built = {name: DIGITS.architecture(name, 64).build(seed=0) for name in MODELS}
    sizes = {name: model.sizes for name, model in built.items()}
    two = [64, 8, 4]
    assert sizes == {
        "one layer": [64, 8],
        "one wide layer": [64, 12],
        "bottom-up": two,
        "top-down": two,
    }
    assert isinstance(built["bottom-up"], MarkovHVAE)
    assert isinstance(built["top-down"], TopDownHVAE)
    with pytest.raises(ValueError, match="model must be one of one layer, .*, got 'ladder'"):
        DIGITS.architecture("ladder", 64)


def test_the_first_weights_are_those_of_pytorch() -> None:
    """U(−1/√inputs, 1/√inputs) for weights and biases, and the mean image at the foot."""
    mean = torch.linspace(0.05, 0.95, 64)
    model = study.fresh(Architecture(64, (8,), ((400,),)), mean, seed=3)
    layers = {n: m for n, m in model.named_modules() if isinstance(m, torch.nn.Linear)}
    for layer in layers.values():
        bound = 1 / math.sqrt(layer.in_features)
        assert layer.weight.abs().max() <= bound
        assert layer.weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.1)
    foot = next(m for n, m in layers.items() if n.endswith("logits"))
    assert torch.allclose(foot.bias, torch.log(mean / (1 - mean)), atol=1e-5)


def test_a_seed_decides_the_first_weights_and_leaves_torch_s_own_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    mean = torch.full((64,), 0.3)
    same, again, other = (
        study.fresh(DIGITS.architecture("bottom-up", 64), mean, seed=seed) for seed in (1, 1, 2)
    )
    assert torch.equal(torch.rand(1), expected)
    pairs = zip(same.parameters(), again.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert not torch.equal(next(same.parameters()), next(other.parameters()))


def test_a_decoder_that_ignores_z_is_measured_rightly() -> None:
    """log p(x) of independent pixels, and no costs: q and p are N(0, 1) alike."""
    model = study.fresh(Architecture(4, (1,), ((2,),)), torch.full((4,), 0.25), seed=0)
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if not name.endswith("logits.bias"):
                weights.zero_()
    ink = torch.tensor([[1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0]])  # black or white for certain
    found = study.held_out_figures(model, ink, seed=0)
    by_hand = (3 * math.log(0.25) + 5 * math.log(0.75)) / 2
    assert found["log_p"] == pytest.approx(by_hand, abs=1e-5)
    assert found["elbo"] == pytest.approx(by_hand, abs=1e-5)
    assert found["costs"] == pytest.approx([0], abs=1e-6)
    assert found["active"] == [0]


def test_runs_go_to_disk_and_back(tmp_path: Path) -> None:
    rows = [
        {"world": "digits", "model": "one layer", "warm": warm, "seed": seed, "log_p": -20.0 - seed}
        for warm, seed in ((True, 1), (True, 0), (False, 0))
    ]
    path = tmp_path / "small.json"
    save_small_runs(study.SmallRuns(rows), path)
    assert json.loads(path.read_text(encoding="utf-8")) == rows
    found = study.load_small_runs(path)
    assert found.of("log_p", "digits", "one layer", warm=True).tolist() == [-20.0, -21.0]
    for asked in (("log_p", "mnist"), ("elbo", "digits")):
        with pytest.raises(ValueError, match="there is no"):
            found.of(*asked, "one layer", warm=True)
    path.write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match="holds no runs of small models"):
        study.load_small_runs(path)
    assert study.load_small_runs(tmp_path / "none.json").rows == []


def test_an_unknown_world_is_refused() -> None:
    with pytest.raises(ValueError, match="world must be one of digits, mnist, got 'letters'"):
        small_run("letters", "one layer", False, 0)
    with pytest.raises(ValueError, match="world must be one of digits, mnist, got 'letters'"):
        study.second_layer_picture(study.load_small_runs(), "letters")


def test_the_picture_says_the_means() -> None:
    """Of runs that are made up: plain −3, warmed up −2."""
    rows = [
        {
            "world": "digits",
            "model": model,
            "warm": warm,
            "seed": seed,
            "log_p": -3.0 + warm + 0.1 * (seed - 1),
            "costs": [1.0] if model.startswith("one") else [1.0, 0.5],
        }
        for model in MODELS
        for warm in (False, True)
        for seed in range(3)
    ]
    words = study.second_layer_picture(study.SmallRuns(rows), "digits").alt
    assert "one layer of 12 −3.00 and −2.00" in words
    assert "8 and 4, top-down −3.00 and −2.00" in words


@pytest.mark.slow
def test_a_run_that_ships_is_made_again() -> None:
    """The last digits are another machine's; a tenth of a nat is not."""
    made = small_run("digits", "bottom-up", True, 0)
    stored = study.load_small_runs().of("log_p", "digits", "bottom-up", warm=True)[0].item()
    assert made["log_p"] == pytest.approx(stored, abs=0.1)
