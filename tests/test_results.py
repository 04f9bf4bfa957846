"""The figures of the models that ship: of the files that ship, and the same wherever they stand."""

import hashlib
import json
import math
import re
import statistics
from itertools import pairwise
from typing import Any

import pytest
import result_pages

from course_lib import checkpoint
from course_lib.data import FOLDER
from course_lib.evaluate import command
from course_lib.evaluate.added import TABLED
from course_lib.evaluate.table import routes_header, routes_line
from course_lib.shipped import (
    RECIPES,
    all_runs,
    curve_path,
    require_recipe,
    results,
    routes,
    training_facts,
)
from course_lib.shipped import command as training
from course_lib.vae import Architecture

SHIPPED = sorted(FOLDER.glob("*.safetensors"))
DATA_PAGE, _ = PAGES = result_pages.PAGES


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_model_is_its_recipe_trained_to_the_end(path: Any) -> None:
    recipe = RECIPES[path.stem]
    _, about = checkpoint.load(path)
    assert Architecture.from_dict(about["architecture"]) == recipe.architecture
    assert about["last_epoch"]["epoch"] == recipe.settings.epochs
    assert about.get("objective", recipe.objective.as_list()) == recipe.objective.as_list()
    assert path.stat().st_size < 4e6


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_its_figures_are_of_this_file(path: Any) -> None:
    row = results()[path.stem]
    assert row["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert row.items() >= training_facts(path).items()


def test_the_results_are_of_the_models_that_ship() -> None:
    """Neither more nor fewer, and each with the checksum that data/README.md gives."""
    assert SHIPPED
    assert {path.stem for path in SHIPPED} == set(results())
    page = DATA_PAGE.read_text(encoding="utf-8")
    assert all(f"`{row['sha256']}`" in page for row in results().values())


@pytest.mark.parametrize("row", all_runs(), ids=lambda row: row["model"])
def test_a_row_is_of_its_recipe_and_measured_as_all_are(row: Any) -> None:
    assert require_recipe(row).published == row["published"]
    assert {name: row[name] for name in TABLED} == TABLED
    assert row["elbo"] == pytest.approx(-row["distortion"] - sum(row["costs"]))
    # What data/README.md says of the errors.
    assert row["monte_carlo_error"] < 0.004
    assert row["sampling_error"] < (0.465 if row["recipe"] == "mnist_vae_2d" else 0.25)


def test_a_model_has_its_curve_or_is_named_among_those_that_came_before() -> None:
    page = DATA_PAGE.read_text(encoding="utf-8")
    (named,) = re.findall(r"Trained before curves were kept:\s+([^.]*)\.", page)
    without = [path.stem for path in SHIPPED if not curve_path(path).exists()]
    assert sorted(re.findall(r"`(\w+)`", named)) == without


# Recipes that only the slower processor has trained, and one of much the same nets.
WITHOUT_A_FAST_ONE = {
    "mnist_hvae_2_narrow": "mnist_hvae_2",
    "mnist_hvae_3_free": "mnist_hvae_3",
}


def test_the_trainings_of_the_slower_processor_are_named() -> None:
    """They took several times as long for a parameter as the fastest of their recipe and epochs."""
    said = " ".join(DATA_PAGE.read_text(encoding="utf-8").split())
    (told,) = re.findall(r"Only (seeds? [^.]*?), come from an AMD EPYC", said)
    named: set[tuple[str, int]] = set()
    parts = re.findall(r"(seeds? [\d and]+?|all) of ((?:`\w+`(?:, of | and of )?)+)", told)
    for seeds, recipes in parts:
        named |= {
            (row["recipe"], row["training_seed"])
            for row in all_runs()
            if f"`{row['recipe']}`" in recipes
            and (seeds == "all" or str(row["training_seed"]) in re.findall(r"\d+", seeds))
        }
    per_parameter = {
        (row["recipe"], row["epochs"], row["training_seed"]): row["training_minutes"]
        / row["parameters"]
        for row in all_runs()
    }
    times: dict[tuple[str, int], float] = {}
    for (recipe, epochs, seed), time in per_parameter.items():
        twin = WITHOUT_A_FAST_ONE.get(recipe, recipe)
        same = [t for (r, e, _), t in per_parameter.items() if (r, e) == (twin, epochs)]
        times[recipe, seed] = max(time / min(same), times.get((recipe, seed), 0))
    assert {run for run, ratio in times.items() if ratio > 3} == named
    assert {round(times[run]) for run in named} == {3, 4, 5, 6}
    assert "three to six times as long as the other" in said


def test_recipes_with_another_rate_are_named() -> None:
    said = " ".join(DATA_PAGE.read_text(encoding="utf-8").split())
    told = re.findall(r"a peak rate of 0\.01, of `(\w+)` ([\d.]+) \(", said)
    rates = {row["recipe"]: row["settings"]["learning_rate"] for row in all_runs()}
    others = {name: rate for name, rate in rates.items() if rate != 0.01}
    assert {name: float(rate) for name, rate in told} == others


def test_the_list_of_recipes_has_the_figures_of_each_that_was_measured(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert training.main(["--list"]) == 0
    said = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    files = [FOLDER / "results.json", FOLDER / "other_runs.json"]
    rows = [row for file in files for row in json.loads(file.read_text(encoding="utf-8"))]
    first = {
        row["recipe"]: row
        for row in rows
        if row["training_seed"] == 0 and "_epochs" not in row["model"]
    }
    assert set(said) == set(RECIPES)
    for name, line in said.items():
        told = f"NLL {first[name]['nll']:.2f}," if name in first else "not measured"
        assert told in line


def test_one_layer_beats_the_published_likelihood_from_three_seeds() -> None:
    recipe = RECIPES["mnist_hvae_1"]
    seeds = [
        row
        for row in all_runs()
        if (row["recipe"], row["epochs"]) == (recipe.name, recipe.settings.epochs)
    ]
    assert len(seeds) >= 3
    assert all(row["nll"] < row["published"] + 0.2 for row in seeds)
    assert all(row["training_minutes"] < 90 for row in seeds)


def test_two_routes_agree_on_each_model_that_was_cross_checked() -> None:
    """The files that ship, where they do; and the two routes that do not rest on the encoder."""
    assert routes()
    shipped = results()
    for name, row in routes().items():
        assert name in RECIPES
        assert name not in shipped or row["sha256"] == shipped[name]["sha256"]
        (fitted, one), (annealed, other) = row["fitted"], row["annealed"]
        assert abs(annealed - fitted) <= 2 * math.hypot(one, other) < 0.1


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_the_pages_print_what_the_command_prints(
    page: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Word for word; `python3 start.py refresh pages` brings them up to date."""
    text = page.read_text(encoding="utf-8")
    assert text == result_pages.render(text), "python3 start.py refresh pages"
    assert command.main(["--table"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) > 2 * len(results())
    lines = text.splitlines()
    begin = lines.index(f"    {printed[0]}")
    assert [line.removeprefix("    ") for line in lines[begin : begin + len(printed)]] == printed


def test_the_page_says_by_how_much_seeds_differ() -> None:
    """The standard deviations of all recipes that were trained from several seeds."""
    seeds: dict[tuple[str, int], list[float]] = {}
    for run in all_runs():
        seeds.setdefault((run["recipe"], run["epochs"]), []).append(run["nll"])
    spreads = [statistics.stdev(nlls) for nlls in seeds.values() if len(nlls) > 1]
    text = " ".join(DATA_PAGE.read_text(encoding="utf-8").split())
    assert f"spread by {min(spreads):.2f} to {max(spreads):.2f} nats" in text
    (recipe, _), nlls = max(seeds.items(), key=lambda item: statistics.pstdev(item[1]))
    assert f"The widest is `{recipe}`" in text
    assert f"its seeds lie up to {max(nlls) - min(nlls):.1f} nats apart" in text


def test_the_published_order_is_that_of_every_seed() -> None:
    recipes = ("mnist_hvae_1", "mnist_iwae_1", "mnist_hvae_2", "mnist_iwae_2")
    nlls = {recipe: [row["nll"] for row in result_pages.seeds_of(recipe)] for recipe in recipes}
    text = " ".join(DATA_PAGE.read_text(encoding="utf-8").split())
    assert f"In {', '.join(f'`{r}`' for r in recipes[:-1])} and `{recipes[-1]}` the NLL" in text
    assert all(len(ours) == 3 and statistics.stdev(ours) < 0.1 for ours in nlls.values())
    published = [results()[recipe]["published"] for recipe in recipes]
    assert published == sorted(published, reverse=True)
    assert all(min(worse) > max(better) for worse, better in pairwise(nlls.values()))
    means = [statistics.mean(ours) for ours in nlls.values()]
    apart = [worse - better for worse, better in pairwise(means)]
    assert f"neighbours lie {min(apart):.1f} to {max(apart):.1f} nats apart" in text


def test_what_is_left_of_a_second_layer_in_nets_of_the_same_size() -> None:
    nlls = {
        recipe: [row["nll"] for row in result_pages.seeds_of(recipe)]
        for recipe in ("mnist_hvae_1", "mnist_hvae_2", "mnist_hvae_2_narrow")
    }
    assert all(len(ours) == 3 for ours in nlls.values())
    one, two, narrow = map(statistics.mean, nlls.values())
    parameters = {row["recipe"]: row["parameters"] for row in all_runs()}
    assert parameters["mnist_hvae_2_narrow"] < parameters["mnist_hvae_1"]
    text = " ".join(DATA_PAGE.read_text(encoding="utf-8").split())
    assert (
        f"`mnist_hvae_2_narrow` has {parameters['mnist_hvae_2_narrow']:,} parameters, fewer than "
        f"one layer's {parameters['mnist_hvae_1']:,}, and reads {narrow:.2f}: of the "
        f"{one - two:.1f} nats that a second layer gains, {one - narrow:.1f} are left" in text
    )


def test_what_free_bits_gain_on_three_layers() -> None:
    plain, warm, free = (
        [row["nll"] for row in result_pages.seeds_of(f"mnist_hvae_3{how}")]
        for how in ("", "_warm", "_free")
    )
    text = " ".join(DATA_PAGE.read_text(encoding="utf-8").split())
    assert len(free) == 3
    assert f"free bits read {min(free):.2f} to {max(free):.2f}, warm-up {max(warm):.2f} or" in text
    assert f"nothing {min(plain):.2f} to {max(plain):.2f}" in text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_a_page_that_is_stale_is_brought_up_to_date(page: Any) -> None:
    """And nothing else of it is touched."""
    text = page.read_text(encoding="utf-8")
    assert text.count("83.50 83.62 83.56") == 1
    assert result_pages.render(text.replace("83.50 83.62 83.56", "83.50 83.62")) == text
    lines = text.splitlines(keepends=True)
    dropped = "".join(line for line in lines if not line.startswith("    mnist_hvae_2 "))
    assert result_pages.render(dropped) == text
    longer = text.replace("    mnist_hvae_2 ", "    mnist_hvae_x\n    mnist_hvae_2 ")
    assert result_pages.render(longer) == text
    with pytest.raises(ValueError, match="no line that starts with '    recipe'"):
        result_pages.render("nothing")


def test_the_page_of_the_data_prints_the_cross_checks() -> None:
    text = one_space(PAGES[0].read_text(encoding="utf-8"))
    for row in routes().values():
        assert one_space(routes_header(row)) in text
        for printed in routes_line(row, "annealed").splitlines():
            assert one_space(printed) in text


def one_space(text: str) -> str:
    return re.sub(r" +", " ", text).strip()
