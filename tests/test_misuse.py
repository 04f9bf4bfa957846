"""What a reader may well try and should not: every public function answers in its own words.

Each call once ended in an error of torch, NumPy or Python that named no argument, or in a wrong
result without a word.
"""

import math
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Generator, Tensor, nn

from course_lib import arguments, checkpoint, data, depth_study, nets, train
from course_lib import evaluate as ev
from course_lib.distributions import Bernoulli
from course_lib.evaluate import command as evaluate_command
from course_lib.evaluate.codes import best_prior
from course_lib.shipped import RECIPES, Recipe, load_model, save_model
from course_lib.shipped import command as train_command
from course_lib.train import Settings
from course_lib.vae import VAE, Architecture, MarkovHVAE, stacked

FLAT = Architecture(6, (2,), ((5,),))
DEEP = Architecture(6, (2, 2), ((5,), (5,)))


class Things:
    """One of everything that a call may need."""

    def __init__(self, folder: Path) -> None:
        self.g = Generator().manual_seed(0)
        self.m: Any = FLAT.build(seed=0)
        self.deep: Any = DEEP.build(seed=0)
        self.x = (torch.rand(8, 6, generator=self.g) < 0.5).float()
        self.q = self.m.mean_factors(self.x)[0]
        self.folder = folder

    def net(self, **change: Any) -> nets.GaussianNet:
        given: dict[str, Any] = {"inputs": 6, "hidden": (5,), "outputs": 2, "generator": self.g}
        return nets.GaussianNet(**given | change)

    def tanh(self, **change: Any) -> object:
        return data.sample_tanh_world(3, generator=self.g, **change)

    def line(self, **change: Any) -> object:
        given: dict[str, Any] = {"loadings": torch.ones(2, 1), "offset": torch.ones(2)}
        given |= {"noise_std": 1.0, "generator": self.g}
        return data.sample_linear_world(3, **given | change)

    def save(self, tensors: Any, about: Any) -> None:
        checkpoint.save(self.folder / "a", tensors, about)

    def gap(self, local: Any, **change: Any) -> object:
        given: dict[str, Any] = {"generator": self.g, "samples": 2, "k": 2}
        return ev.inference_gap(self.m, self.x, local, **given | change)


COUNT = "must be a whole number of at least"
MISUSE: list[tuple[Callable[[Things], object], str]] = [
    # chains
    (lambda a: a.m.elbo(a.x, 5, generator=a.g), "shape must be a tuple such as (5,), got 5"),
    (lambda a: a.m.elbo(a.x.double(), generator=a.g), "encoder 1: value must be torch.float32"),
    (lambda a: a.m.elbo(a.x.numpy(), generator=a.g), "must be a tensor of floats, got ndarray"),
    (lambda a: a.deep.infer(0, a.x), "level must lie in 1..2, got 0"),
    (lambda a: a.m.infer("1", a.x), "level must lie in 1..1, got '1'"),
    (lambda a: a.deep.generate(3, torch.zeros(8, 2)), "level must lie in 1..2, got 3"),
    (lambda a: a.m.resample(torch.zeros(8, 3), 1, generator=a.g), "z must have 2 entries"),
    (lambda a: MarkovHVAE(a.net(), a.net()), "encoders must be a list of nets, got GaussianNet"),  # type: ignore[arg-type]
    (lambda a: VAE(nn.Linear(6, 2), nn.Linear(2, 6)), "such as GaussianNet, got Linear"),
    (lambda a: VAE(a.net(), None), "decoders must be modules"),  # type: ignore[arg-type]
    (lambda a: VAE(a.net(), a.net(inputs=2, outputs=6).double()), "share one precision"),
    # architectures and nets
    (lambda a: Architecture(6, 2, ((5,),)).build(seed=0), "one entry a layer"),  # type: ignore[arg-type]
    (lambda a: Architecture(6, (2,), (5,)).build(seed=0), "hidden must be a tuple"),  # type: ignore[arg-type]
    (
        lambda a: Architecture(6, (2,), ((5,),), "binomial", 0).build(seed=0),
        f"count {COUNT} 1, got 0",
    ),
    (lambda a: FLAT.build(seed=1.5), "seed must be a whole number"),  # type: ignore[arg-type]
    (lambda a: FLAT.build(seed=-(2**63) - 1), "got -9223372036854775809"),
    (lambda a: Architecture.from_dict({}), "no architecture can be read from {}"),
    (lambda a: a.net(hidden=5), "hidden must be a tuple such as (200, 200), got 5"),
    (lambda a: a.net(generator=0), "generator must be a torch.Generator"),
    (lambda a: a.net(std=None), "std must be one number, got None"),
    (lambda a: a.net(std=torch.ones(2)), "std must be one number, got tensor([1., 1.])"),
    (lambda a: a.net(scale=0.0), "scale must be positive, got 0"),
    (lambda a: a.net(scale="a"), "scale must be one number, got 'a'"),
    (lambda a: nets.LogitNet(2, (), 6, "b", generator=a.g), "family must be a distribution"),  # type: ignore[arg-type]
    (
        lambda a: nets.likelihood_net("binomial", 2, (), 6, generator=a.g, count=-1),
        f"count {COUNT} 1, got -1",
    ),
    (lambda a: nets.set_output_mean(a.m, a.x.mean(0)), "a LogitNet, got VAE"),
    # sweeps
    (lambda a: stacked.stack(a.m), "models must be a list of models, got VAE"),
    (lambda a: stacked.stack([FLAT, FLAT]), "models must hold HVAEs, got Architecture"),  # type: ignore[type-var]
    (lambda a: stacked.stack([a.m, FLAT.build(seed=0).double()]), "of one precision"),
    (lambda a: stacked.unstack(a.m, 0), "model must be a stacked one, as stack(models) gives it"),
    (lambda a: stacked.unstack(stacked.stack([a.m, a.m]), 1.0), f"index {COUNT} 0, got 1.0"),  # type: ignore[arg-type]
    (lambda a: train.weighted_elbo(1.0), "betas must be (M,), got shape ()"),  # type: ignore[arg-type]
    (lambda a: fit_with(a.m, [1.0, 2.0]), "betas (2,) must be as many as the models"),
    (lambda a: fit_with(stacked.stack([a.m, a.m]), [1.0]), "whose terms have shape (2, 8)"),
    # objectives
    (lambda a: train.warm_up("a"), "until must be one number, got 'a'"),  # type: ignore[arg-type]
    (lambda a: train.warm_up(0.5, None), "start must be one number, got None"),  # type: ignore[arg-type]
    (lambda a: train.free_bits("a"), "nats must be one number, got 'a'"),  # type: ignore[arg-type]
    # evaluation
    (lambda a: ev.sampled_log_evidence(a.m, a.x, seed="a"), "seed must be a whole number"),  # type: ignore[arg-type]
    (lambda a: ev.sampled_log_evidence(a.m, a.x, first=-1), f"first {COUNT} 0, got -1"),
    (lambda a: ev.sampled_log_evidence(a.m, a.x.byte(), k=2), "x must be torch.float32"),
    (
        lambda a: ev.fitted_log_evidence(a.m, a.x, generator=a.g, widen=torch.ones(3)),  # type: ignore[arg-type]
        "widen must be one number",
    ),
    (lambda a: ev.fitted_posterior(a.m, a.x[0], generator=a.g), "x must be (N, D)"),
    (lambda a: ev.fitted_posterior(a.m, a.x.byte(), generator=a.g), "x must be torch.float32"),
    (
        lambda a: ev.annealed_log_evidence(a.m, a.x.double(), generator=a.g),
        "x must be torch.float32",
    ),
    (lambda a: ev.local_posterior(a.m, a.x, generator=a.g, rate=-1), "rate must be positive"),
    (lambda a: ev.local_posterior(a.m, a.x[0], generator=a.g), "x must be (N, D)"),
    (lambda a: ev.local_posterior(a.deep, a.x, generator=a.g), "one layer of latents, got 2"),
    (lambda a: a.gap(a.m.infer(1, a.x[:2])), "local must have batch (8,), got (2,)"),
    (lambda a: a.gap((a.x, a.x)), "local must be a DiagonalGaussian, got tuple"),
    (lambda a: a.gap(a.q, samples=0), f"samples {COUNT} 1, got 0"),
    (lambda a: a.gap(a.q, k=0), f"k {COUNT} 1, got 0"),
    (lambda a: ev.posterior_on_grid(a.m, a.x[0], half_width=0), "half_width must be positive"),
    (lambda a: ev.posterior_on_grid(a.m, a.x[0].byte()), "x must be torch.float32"),
    (lambda a: ev.plane_log_evidence(a.m, a.x, step="a"), "step must be one number"),  # type: ignore[arg-type]
    (lambda a: pairs(a.x[:, :5]), "x must have 6 entries"),
    (lambda a: pairs(a.x[0]), "x must be (B, D) and logits (S, D), got (6,) and (3, 6)"),
    (lambda a: pairs(a.x.double()), "must have one dtype"),
    (lambda a: ev.log_probs_of_pairs(a.q, a.x), "flips or counts, got DiagonalGaussian"),
    (lambda a: ev.surgery(a.deep, a.x, generator=a.g), "one layer of latents, got 2"),
    (lambda a: ev.log_aggregate(a.m.infer(1, a.x[0]), torch.zeros(3, 2)), "q must have batch"),
    (lambda a: ev.log_aggregate(a.q, torch.zeros(3, 2), chunk=0), f"chunk {COUNT} 1, got 0"),
    # Draws of every q: each would be held against the q of its own place alone, with no sum.
    (
        lambda a: ev.log_aggregate(a.q, a.q.sample((5,), generator=a.g)),
        "z must be (M, 2), got (5, 8, 2)",
    ),
    (lambda a: ev.log_aggregate(a.q, torch.zeros(3)), "z must have 2 entries on its last axis"),
    (lambda a: best_prior(a.x), "q must be a distribution, got Tensor"),  # type: ignore[arg-type]
    # data
    (lambda a: a.tanh(a=[1.0, 2.0]), "a must be one number, got [1.0, 2.0]"),
    (lambda a: a.tanh(s=torch.ones(2)), "s must be one number, got tensor([1., 1.])"),
    (lambda a: a.line(noise_std=[1.0, 2.0]), "noise_std must be one number"),
    (lambda a: a.line(offset=torch.ones(2).double()), "must have one dtype"),
    # files
    (lambda a: a.save([a.x], {}), "tensors must be a dictionary, got list"),
    (lambda a: a.save({"a": [1, 2]}, {}), "a must be a tensor, got list"),
    (lambda a: a.save({1: a.x}, {}), "the names of tensors must be text, got 1"),
    (lambda a: a.save({"a": a.x.to_sparse()}, {}), "a must be a dense tensor"),
    (lambda a: a.save({"a": a.x}, {"a": a.x}), "about must hold plain values, as JSON knows"),
    (lambda a: load_model("data/digits.npz"), "an archive that may hold one"),
    # the depth study
    (lambda a: depth_study.chain(0, 3), f"depth {COUNT} 1, got 0"),
    (lambda a: depth_study.parameter_count(Architecture(6, (2,), ((3, 4),))), "one hidden layer"),
    (lambda a: depth_study.run(depth_study.ARMS["swapped"], 2, 0), "depth [1, 5], got 2"),
    (lambda a: depth_study.run(depth_study.ARMS["slow"], 1, -1), f"seed {COUNT} 0, got -1"),
    (lambda a: depth_study.load_study().failures(9), "there is no run of arm 'slow' and depth 9"),
    (lambda a: depth_study.share_reversed(torch.ones(5), torch.ones(1)), "got (1,)"),
]


def fit_with(model: nn.Module, betas: list[float]) -> None:
    x = torch.ones(8, 6)
    objective = train.weighted_elbo(betas)
    train.fit(model, x, Settings(1), objective=objective, progress_bar=False)


def pairs(x: Tensor) -> Tensor:
    return ev.log_probs_of_pairs(Bernoulli(torch.zeros(3, 6)), x)


@pytest.mark.parametrize(("call", "message"), MISUSE, ids=[message for _, message in MISUSE])
def test_misuse_is_answered_in_the_courses_own_words(
    call: Callable[[Things], object], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        call(Things(tmp_path))


def test_a_damaged_study_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"\xd8\x0e")
    with pytest.raises(ValueError, match="holds no results of the depth study"):
        depth_study.load_study(path)


def test_one_number_may_come_as_any_scalar() -> None:
    for value in (2, 2.0, torch.tensor(2.0), torch.tensor(2.0, dtype=torch.float64)):
        number = arguments.require_number("n", value, positive=True)  # type: ignore[arg-type]
        assert number == 2.0
        assert isinstance(number, float)


def test_one_image_shows_no_spread() -> None:
    model, g = FLAT.build(seed=0), Generator().manual_seed(0)
    assert isinstance(model, VAE)
    one = ev.sampled_log_evidence(model, torch.ones(1, 6), k=5)
    assert math.isnan(one.sampling_error)
    assert math.isnan(ev.surgery(model, torch.ones(1, 6), generator=g).aggregate_kl_error)


def test_a_model_of_doubles_comes_back_as_one(tmp_path: Path) -> None:
    """Not rounded to float32 without a word."""
    recipe = Recipe("small", "", FLAT, Settings(1, 8))
    model = FLAT.build(seed=0).double()
    x = (torch.rand(8, 6, generator=Generator().manual_seed(0)) < 0.5).double()
    history = train.fit(model, x, recipe.settings, progress_bar=False)
    save_model(tmp_path / "a", model, recipe, history)
    found = load_model(tmp_path / "a").state_dict()
    assert all(torch.equal(found[name], weight) for name, weight in model.state_dict().items())


@pytest.mark.parametrize(
    ("command", "words", "message"),
    [
        (train_command.main, ["mnist_vae", "--epochs", "0"], f"epochs {COUNT} 1, got 0"),
        (train_command.main, ["nothing"], "no recipe 'nothing'"),
        (
            evaluate_command.main,
            ["nothing"],
            "there is no file nothing, and no model of that name: mnist_vae, ",
        ),
        (evaluate_command.main, ["mnist_hvae_2_warm"], "mnist_hvae_2_warm does not ship: train it"),
        (
            evaluate_command.main,
            ["mnist_vae", "--save", "."],
            "--save needs a file, and . is a folder",
        ),
        (
            evaluate_command.main,
            ["mnist_vae", "--seed", str(2**64)],
            "seed must be a whole number from",
        ),
        (
            evaluate_command.main,
            ["mnist_vae", "--cross-check", "--chains", "0"],
            f"chains {COUNT} 1, got 0",
        ),
        (
            evaluate_command.main,
            ["mnist_vae", "--cross-check", "--temperatures", "-3"],
            f"temperatures {COUNT} 1, got -3",
        ),
        (evaluate_command.main, ["mnist_vae", "--images", "1"], "images must be at least 2"),
        (evaluate_command.main, ["mnist_vae", "--images", "2", "--k", "0"], f"k {COUNT} 1, got 0"),
    ],
)
def test_commands_say_what_is_wrong_and_return_2(
    command: Callable[[list[str]], int],
    words: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    place = ["--out", str(tmp_path / "a")] if command is train_command.main else []
    assert command([*words, *place]) == 2
    assert message in capsys.readouterr().err


def test_two_models_of_one_name_are_not_kept_in_one_row(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second would silently take the first one's place."""
    monkeypatch.chdir(tmp_path)
    for folder in ("a", "b"):
        Path(folder).mkdir()
        shutil.copy(RECIPES["mnist_vae_2d"].path, f"{folder}/m.safetensors")
    models = ["a/m.safetensors", "b/m.safetensors"]
    assert evaluate_command.main([*models, "--save", "rows.json"]) == 2
    said = capsys.readouterr()
    assert "a/m.safetensors and b/m.safetensors would have one row in rows.json" in said.err
    assert not said.out
    assert not Path("rows.json").exists()
    Path("rows.json").write_text("{}")
    assert evaluate_command.main([models[0], "--save", "rows.json"]) == 2
    assert "rows.json holds no rows of results" in capsys.readouterr().err


def test_a_cross_check_takes_no_row_of_another_kind_away(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row of one kind has the place of its model, in which a row of the other would be lost."""
    monkeypatch.chdir(tmp_path)
    for kept, more, says in (
        ("results", ["--cross-check"], "holds rows of figures; --save those of a cross-check in"),
        ("routes", [], "holds rows of cross-checks; --save those of figures in another file"),
    ):
        shutil.copy(RECIPES["mnist_vae"].path.with_name(f"{kept}.json"), "rows.json")
        before = Path("rows.json").read_bytes()
        words = ["mnist_vae", "--images", "2", "--k", "2", "--save", "rows.json", *more]
        words += ["--chains", "1", "--temperatures", "1", "--work", "work"]
        assert evaluate_command.main(words) == 2
        said = capsys.readouterr()
        assert f"rows.json {says}" in said.err
        assert not said.out
        assert Path("rows.json").read_bytes() == before


def test_every_model_that_ships_is_evaluated_beside_those_that_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own = tmp_path / "own.safetensors"
    shutil.copy(RECIPES["mnist_vae_2d"].path, own)
    asked: list[str] = []
    monkeypatch.setattr(evaluate_command, "_print_results", lambda o, _: asked.extend(o.models))
    assert evaluate_command.main([str(own), "mnist_vae", "--shipped"]) == 0
    ships = [name for name, recipe in RECIPES.items() if recipe.ships]
    assert asked == [*ships, str(own)]


def test_a_training_that_diverges_ends_the_command_with_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    digits = Architecture(64, (2,), ((4,),), "binomial")
    recipe = Recipe("wild", "", digits, Settings(2, 100, 1e6), images="digits")
    monkeypatch.setitem(RECIPES, "wild", recipe)
    assert train_command.main(["wild", "--out", str(tmp_path / "a")]) == 2
    assert "Try a smaller learning rate (now 1e+06)" in capsys.readouterr().err


def test_what_needs_no_slopes_takes_weights_from_inference_mode() -> None:
    x = torch.ones(2, 6).double()
    expected = ev.sampled_log_evidence(FLAT.build(seed=0).double(), x, k=3).log_evidence
    with torch.inference_mode():
        model = FLAT.build(seed=0).double()
    assert torch.equal(ev.sampled_log_evidence(model, x, k=3).log_evidence, expected)
