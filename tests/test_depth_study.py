"""The depth study: equal chains, runs that repeat and resume, intervals that cover, the results."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Generator

from course_lib.depth_study import (
    ARMS,
    DEPTHS,
    Study,
    chain,
    command,
    design,
    difference_interval,
    equal_chain,
    intervals,
    load_study,
    mean_interval,
    parameter_count,
    picture,
    run,
    share_reversed,
    split_digits,
    spread_interval,
)
from course_lib.depth_study.design import Arm, study_settings
from course_lib.depth_study.results import PATH, save_study
from course_lib.train import fit

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.equation("11.7")
def test_equal_chains_have_equally_many_parameters() -> None:
    counts = []
    for depth in DEPTHS:
        built = equal_chain(depth).build(seed=0)
        counts.append(sum(p.numel() for p in built.parameters()))
        assert counts[-1] == parameter_count(equal_chain(depth))
        assert len(equal_chain(depth).latents) == depth
    assert max(counts) / min(counts) < 1.01
    assert counts[0] == 154 * 128 + 80  # (11.7) for T = 1, h = 128
    assert parameter_count(chain(5, 55)) == 154 * 55 + 80 + 4 * (50 * 55 + 32)


def test_from_the_top_equal_chains_have_as_many_parameters_and_narrower_nets() -> None:
    """Each weight and bias of the built nets is counted; a pair of nets more is h² − 8 h dearer."""
    wanted = parameter_count(equal_chain(1))
    for depth in DEPTHS[1:]:
        found = equal_chain(depth, "top-down")
        width = found.hidden[0][0]
        built = sum(p.numel() for p in found.build(seed=0).parameters())
        assert built == parameter_count(found)
        assert abs(built / wanted - 1) < 0.016
        assert width < equal_chain(depth).hidden[0][0]
        neighbours = (parameter_count(chain(depth, width + s, "top-down")) for s in (-1, 1))
        assert all(abs(built - wanted) <= abs(count - wanted) for count in neighbours)
        from_below = parameter_count(chain(depth, width))
        assert built - from_below == (depth - 1) * (width**2 - 8 * width)
    assert parameter_count(chain(1, 55, "top-down")) == parameter_count(chain(1, 55))


def test_the_split_is_always_the_same_and_loses_no_image() -> None:
    train, test = split_digits()
    assert train.shape == (1500, 64)
    assert test.shape == (297, 64)
    assert torch.equal(split_digits()[0], train)
    assert float(train.sum() + test.sum()) == 561718  # all the ink there is


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures from few samples: what is tested does not depend on how many."""
    monkeypatch.setattr(design, "SAMPLES", 2)
    monkeypatch.setattr(design, "K", 5)


def test_a_run_repeats_itself_and_its_figures_fit_together(quick: None) -> None:
    arm = Arm("tiny", "", 0.01, 1)
    first, again = (run(arm, 2, 3, epochs=2) for _ in range(2))
    for row in (first, again):
        row.pop("core_seconds")
    assert first == again
    assert run(arm, 2, 4, epochs=2)["elbo"] != first["elbo"]
    # one ELBO from the terms, one bound of importance weights: E log p̂ rises with k
    assert first["elbo"] < first["log_p"] < first["elbo"] + 30
    assert 0 < first["rates"][0] < -first["elbo"]
    assert len(first["rates"]) == len(first["active"]) == 2
    assert first["curve"][-1] > first["curve"][0]
    assert not first["failed"]


@pytest.mark.parametrize(("arm", "weight"), [("slow", 1.0), ("slow-warm", 0.5), ("slow-both", 0.5)])
def test_an_arm_trains_what_it_says(
    arm: str, weight: float, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The objective and the model that are handed to fit; at 0.3 of the training, β = 0.3/0.6."""
    seen: dict[str, Any] = {}

    def watched(model: Any, data: Any, settings: Any, **kwargs: Any) -> Any:
        seen.update(model=model, rate=settings.learning_rate, objective=kwargs["objective"])
        return fit(model, data, settings, **kwargs)

    monkeypatch.setattr(design, "fit", watched)
    run(ARMS[arm], 2, 0, epochs=1)
    assert seen["rate"] == (0.01 if arm.startswith("slow") else 0.05)
    assert seen["model"].direction == ("top-down" if arm.endswith("both") else "bottom-up")
    x = split_digits()[0][:3]
    bound, _ = seen["objective"](
        seen["model"], x, generator=Generator().manual_seed(1), progress=0.3
    )
    terms = seen["model"].terms(x, generator=Generator().manual_seed(1))
    expected = terms.reconstruction - weight * sum(terms.costs)
    assert torch.allclose(bound, expected, rtol=1e-5)


def test_arms_are_held_against_their_twins() -> None:
    twins = {name: (arm.bottom_up().name, arm.plain().name) for name, arm in ARMS.items()}
    for rate in ("slow", "fast"):
        assert twins[rate] == (rate, rate)
        assert twins[f"{rate}-warm"] == (f"{rate}-warm", rate)
        assert twins[f"{rate}-top-down"] == (rate, rate)
    assert twins["slow-both"] == ("slow-warm", "slow")
    assert all(ARMS[twin].rate == ARMS[name].rate for name in twins for twin in twins[name])


def test_a_rate_beyond_reason_is_recorded_as_a_failure() -> None:
    row = run(Arm("wild", "", 1e6, 1), 5, 0, epochs=1)
    assert row["failed"]
    assert "elbo" not in row


def rows(path: Path) -> list[dict[str, Any]]:
    found = json.loads(path.read_text(encoding="utf-8"))["runs"]
    return [{k: v for k, v in row.items() if k != "core_seconds"} for row in found]


def test_the_command_runs_resumes_and_refuses_other_settings(
    quick: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "study.json"
    arguments = ["--arms", "slow", "fast", "--seeds", "2", "--epochs", "1", "--out", str(out)]
    assert command.main(arguments) == 0
    whole = rows(out)
    assert len(whole) == 2 * 2 * len(DEPTHS)
    assert {(r["arm"], r["depth"], r["seed"]) for r in whole} == {
        (arm, depth, seed) for arm in ("slow", "fast") for depth in DEPTHS for seed in (0, 1)
    }
    study = load_study(out)
    assert study.of("train_elbo", 3, "fast").shape == (2,)
    assert study.of("rates", 5).shape == (2, 5)

    cut = json.loads(out.read_text(encoding="utf-8"))
    del cut["runs"][-2:]  # as if the command had been killed
    out.write_text(json.dumps(cut), encoding="utf-8")
    capsys.readouterr()
    assert command.main(arguments) == 0
    assert rows(out) == whole
    assert capsys.readouterr().out.count("held out") == 2  # only what was missing was run

    assert command.main([*arguments[:-4], "--epochs", "2", "--out", str(out)]) == 2
    assert "was made with epochs 1, now it is 2" in capsys.readouterr().err
    assert rows(out) == whole


def test_an_arm_that_a_file_lacks_joins_it_and_another_arm_of_that_name_does_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_run(arm: Arm, depth: int, seed: int, *, epochs: int) -> dict[str, Any]:
        return {"arm": arm.name, "depth": depth, "seed": seed, "failed": True}

    monkeypatch.setattr(command, "run", no_run)
    out = tmp_path / "study.json"
    arguments = ["--seeds", "1", "--epochs", "1", "--out", str(out), "--arms"]
    assert command.main([*arguments, "slow"]) == 0
    before = rows(out)
    older = json.loads(out.read_text(encoding="utf-8"))
    del older["settings"]["arms"]["slow-both"]  # as a file from before there was such an arm
    out.write_text(json.dumps(older), encoding="utf-8")
    assert command.main([*arguments, "slow-both"]) == 0
    assert rows(out)[: len(before)] == before
    assert [(r["arm"], r["depth"]) for r in rows(out)[len(before) :]] == [
        ("slow-both", depth) for depth in DEPTHS[1:]
    ]
    assert json.loads(out.read_text(encoding="utf-8"))["settings"] == study_settings(1)

    older["settings"]["arms"]["slow"]["rate"] = 0.02
    out.write_text(json.dumps(older), encoding="utf-8")
    capsys.readouterr()
    assert command.main([*arguments, "slow-both"]) == 2
    assert "was made with slow {'rate': 0.02," in capsys.readouterr().err


def test_the_list_says_what_would_be_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--list"]) == 0
    shown = capsys.readouterr().out
    assert "slow: a peak rate of 0.01; 20 seeds, 1,500 steps" in shown
    assert "T = 5: hidden 55, 19,678 parameters" in shown
    assert "slow-top-down: the slow rate, top-down encoder; 8 seeds" in shown
    assert "T = 5: hidden 40, 19,488 parameters" in shown


def test_intervals_hold_the_truth_about_as_often_as_they_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Percentiles of bootstrap samples of 20 draws: narrower than 95 %, and by how much."""
    monkeypatch.setattr(intervals, "RESAMPLES", 1_000)
    generator = Generator().manual_seed(1)
    held = torch.zeros(3)
    for _ in range(300):
        a, b = (torch.randn(20, dtype=torch.float64, generator=generator) for _ in range(2))
        found = mean_interval(a), difference_interval(a, 3 * b), spread_interval(a, 3 * b)
        truths = 0.0, 0.0, 1 / 3
        held += torch.tensor(
            [low < truth < high for (low, high), truth in zip(found, truths, strict=True)]
        )
    shares = held / 300
    assert bool((shares > 0.87).all())
    assert bool((shares < 0.99).all())


def test_share_reversed_by_counting() -> None:
    a, b = torch.tensor([1.0, 2.0, 6.0]), torch.tensor([0.0, 3.0])
    # mean 3 against 1.5; a below b in the pairs (1, 3) and (2, 3)
    assert share_reversed(a, b) == pytest.approx(2 / 6)
    assert share_reversed(b, a) == pytest.approx(2 / 6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: load_study(p / "none.json"), "no results at"),
        (lambda p: load_study(_broken(p)), "holds no results of the depth study"),
        (lambda p: mean_interval(torch.zeros(1)), "n ≥ 2, got"),
        (lambda p: spread_interval(torch.ones(3), torch.ones(9)), "at least 5 draws, got 3 and 9"),
        (lambda p: mean_interval(torch.tensor([1.0, math.nan])), "finite"),
        (lambda p: Study({}, []).of("elbo", 1), "no run of arm 'slow' and depth 1"),
    ],
)
def test_bad_input_is_named(call: Callable[[Path], object], message: str, tmp_path: Path) -> None:
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        call(tmp_path)


def _broken(folder: Path) -> Path:
    (folder / "x.json").write_text("{", encoding="utf-8")
    return folder / "x.json"


def test_the_shipped_results_are_whole_and_of_these_settings() -> None:
    study = load_study()
    assert study.settings == study_settings()
    found = {(r["arm"], r["depth"], r["seed"]) for r in study.runs}
    assert len(found) == len(study.runs)
    assert found == {
        (name, depth, seed)
        for name, arm in ARMS.items()
        for depth in arm.chains
        for seed in range(arm.seeds)
    }
    text = PATH.read_text(encoding="utf-8")
    assert "/" not in text
    assert "python -m course_lib.depth_study" in text
    assert "python -m course_lib.depth_study" in (ROOT / "data" / "README.md").read_text("utf-8")


def test_what_was_read_is_written_as_it_was(tmp_path: Path) -> None:
    save_study(tmp_path / "new" / "study.json", load_study())
    assert (tmp_path / "new" / "study.json").read_bytes() == PATH.read_bytes()
    assert len(list((tmp_path / "new").iterdir())) == 1  # no draft is left


@pytest.mark.parametrize("figure", ["train_elbo", "log_p"])
def test_the_picture_says_its_numbers(figure: str) -> None:
    study = load_study()
    means = [f"{study.of(figure, depth).mean():.1f}".replace("-", "−") for depth in DEPTHS]
    shown = picture(study, figure)
    assert f"plain at 0.01 {', '.join(means)};" in shown.alt
    assert shown.width_px == 800


def test_a_picture_of_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match="figure must be one of train_elbo, elbo, log_p, got 'a'"):
        picture(load_study(), "a")


@pytest.mark.parametrize("option", ["--epochs", "--seeds"])
def test_the_command_names_a_count_of_nothing(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main([option, "0", "--out", str(tmp_path / "none.json")]) == 2
    assert capsys.readouterr().err == f"{option} must be at least 1, got 0\n"


@pytest.mark.parametrize(
    "text", ['{"settings": [], "runs": []}', '{"settings": {}, "runs": [1]}', "[1]"]
)
def test_a_file_of_another_form_is_said_to_be_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "study.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="holds no results of the depth study"):
        load_study(path)
