"""The library relies on no global default: numbers are the same, bit for bit, in any surroundings.

Surroundings: torch's default dtype and device, its gradient and inference modes, NumPy's error
state. Inputs are made inside them, as a reader's cell would, so they may be inference tensors.
"""

import ast
import contextlib
import importlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
import torch
from exercise_kinds import EXACT, exact
from refresh import FOLDER, execute
from torch import Generator, Tensor

from course_lib import checkpoint, depth_study
from course_lib.chain_readings import sample_terms
from course_lib.checks import verify
from course_lib.data import (
    binarise,
    load_digits,
    load_mnist,
    sample_linear_world,
    sample_tanh_world,
)
from course_lib.evaluate import (
    annealed_log_evidence,
    fitted_log_evidence,
    inference_gap,
    local_posterior,
    plane_log_evidence,
    posterior_on_grid,
    rate_distortion,
    sampled_log_evidence,
    surgery,
)
from course_lib.evaluate.codes import best_prior
from course_lib.evaluate.estimates import binarised_test_images
from course_lib.evaluate.rows import code_figures, results_row
from course_lib.exercises import judged
from course_lib.index import notebook_paths
from course_lib.nets import LIKELIHOODS, GaussianNet
from course_lib.shipped import Recipe, load_model, train_recipe, training_data
from course_lib.shipped import command as train_command
from course_lib.train import (
    History,
    Objective,
    Settings,
    fit,
    free_bits,
    importance_weighted,
    warm_up,
)
from course_lib.train.objectives import elbo, weighted_elbo
from course_lib.vae import HVAE, VAE, Architecture, FlatTwin, active_units, stack, unstack

Found = dict[str, Any]


@contextlib.contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextlib.contextmanager
def all_of_them() -> Iterator[None]:
    with contextlib.ExitStack() as surroundings:
        for enter in SURROUNDINGS.values():
            if enter is not all_of_them:
                surroundings.enter_context(enter())
        yield


SURROUNDINGS: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "float64": lambda: default_dtype(torch.float64),
    "bfloat16": lambda: default_dtype(torch.bfloat16),
    "meta": lambda: torch.device("meta"),
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "numpy raises": lambda: np.errstate(all="raise"),
    "all of them": all_of_them,
}


def rng() -> Generator:
    return Generator().manual_seed(11)


def pixels(count: int) -> Tensor:
    """Black and white digits: (count, 64)."""
    return (load_digits().images[:count].flatten(1) > 7).float()


def bernoulli(*latents: int) -> HVAE:
    return Architecture(64, latents, ((8,),) * len(latents)).build(seed=0)


def weights(model: torch.nn.Module) -> Found:
    return dict(model.state_dict())


def trained(model: Any, settings: Settings, objective: Objective = elbo, **more: Any) -> Found:
    history = fit(model, pixels(48), settings, objective=objective, progress_bar=False, **more)
    return weights(model) | {"history": without_clock(history)}


def without_clock(history: History) -> list[Found]:
    return [{k: v for k, v in row.items() if k != "core_seconds"} for row in history.rows]


def data_sets(folder: Path) -> Found:
    worlds = sample_tanh_world(5, generator=rng())
    like = worlds[0]
    lines = sample_linear_world(5, loadings=like.T, offset=like[0], noise_std=0.5, generator=rng())
    mnist = load_mnist("test").images[:20]
    drawn = binarise(mnist, generator=rng())
    return {"digits": load_digits(), "mnist": drawn, "tanh": worlds, "linear": lines}


def models(folder: Path) -> Found:
    found: Found = {}
    for kind in LIKELIHOODS:
        model = Architecture(64, (3, 2), ((5,), (4,)), kind, learned_prior=True).build(
            seed=1, data_mean=pixels(48).mean(0)
        )
        x = pixels(6)
        found |= {f"{kind} {name}": value for name, value in weights(model).items()}
        found[kind] = (
            model.terms(x, (2,), generator=rng()),
            model.importance_weighted(x, 3, generator=rng()),
            model.sample(4, generator=rng()),
            model.reconstruct(x, 2, generator=rng()).mean,
        )
    return found


def a_fixed_std(folder: Path) -> Found:
    net = GaussianNet(64, (3,), 2, std=0.6, generator=rng())
    return weights(net) | {"q": net(pixels(3)).log_std}


def training(folder: Path) -> Found:
    fast = Settings(2, 16, 1e-2, 2, "muon", 0.9, "bfloat16")
    path = folder / "a.training"
    found = {
        "adam": trained(bernoulli(2), Settings(2, 16, 1e-2)),
        "muon": trained(bernoulli(3, 2), fast, warm_up(0.5), checkpoint=path),
        "iwae": trained(bernoulli(2), Settings(1, 16, 1e-2), importance_weighted(3)),
        "bits": trained(bernoulli(3, 2), Settings(1, 16, 1e-2), free_bits(0.1, 0.5)),
        "resumed": trained(bernoulli(3, 2), fast, warm_up(0.5), checkpoint=path, resume=True),
    }
    return found | {"saved": checkpoint.load(path)[0]}


def a_sweep(folder: Path) -> Found:
    together = stack([bernoulli(2), bernoulli(2)])
    betas = torch.tensor([0.3, 1.7], dtype=torch.float64, device="cpu")
    found = trained(together, Settings(2, 16, 1e-2), weighted_elbo(betas))
    return found | {f"second {k}": v for k, v in weights(unstack(together, 1)).items()}


def evaluation(folder: Path) -> Found:
    model, deep, x, g = bernoulli(2), bernoulli(3, 2), pixels(6), rng()
    assert isinstance(model, VAE)
    local = local_posterior(model, x, generator=g, steps=3)
    return {
        "likelihood": sampled_log_evidence(deep, x, k=20),
        "fitted": fitted_log_evidence(deep, x, generator=g, k=20, steps=3),
        "annealed": annealed_log_evidence(deep, x, generator=g, chains=2, temperatures=4),
        "codes": rate_distortion(deep, x, samples=2, generator=g),
        "surgery": surgery(model, x, generator=g),
        "units": active_units(deep, x, generator=g),
        "prior": best_prior(model.infer(1, x)).mean,
        "local": (local.mean, local.log_std),
        "gap": inference_gap(model, x, local, generator=g, samples=5, k=7),
        "grid": posterior_on_grid(model, x[0], nodes=21),
        "plane": plane_log_evidence(model, x, step=0.5),
        "row": code_figures(deep, x, 0),
        "test images": binarised_test_images(5, 0),
    }


def recipes(folder: Path) -> Found:
    chain = Architecture(64, (2,), ((4,),), "binomial")
    recipe = Recipe("small", "a test", chain, Settings(1, 600, 1e-2), images="digits")
    data, scale, prepare = training_data("digits")
    out = folder / "small.safetensors"
    trained = train_recipe(recipe, out, progress_bar=False)
    evaluated = folder / "evaluated"
    return {
        "data": (data, scale, prepare(data, generator=rng())),
        "trained": weights(trained),
        "loaded": weights(load_model(out)),
        "shipped": weights(load_model("mnist_vae_2d")),
        "list": train_command.main(["--list"]),
        "rows": results_row("mnist_vae", k=3, images=2, seed=0, work=evaluated)["nll"],
    }


def the_depth_study(folder: Path) -> Found:
    row = depth_study.run(depth_study.ARMS["fast"], 2, 0, epochs=1)
    study = depth_study.load_study()
    runs = study.of("train_elbo", 1), study.of("train_elbo", 2)
    depth_study.picture(study)
    return {
        "row": {name: value for name, value in row.items() if name != "core_seconds"},
        "mean": depth_study.mean_interval(runs[0]),
        "difference": depth_study.difference_interval(*runs),
        "spread": depth_study.spread_interval(*runs),
    }


def other_views(folder: Path) -> Found:
    chain, x = bernoulli(3, 2), pixels(3)
    flat_chain = FlatTwin(chain)
    return {
        "terms": sample_terms(chain, x, groups=2, size=4, generator=rng()),
        "unrolled": flat_chain.log_weights(x, 5, generator=rng()),
        "latents": flat_chain.latents(x[:, :5]),
    }


def comparisons(folder: Path) -> Found:
    """Every exercise answered as it is meant to be, and a table of routes to one number."""
    importlib.import_module("course_lib.exercises")  # registers them
    exercises = {name: replace(exact(name)) for name in EXACT}  # none computed
    answers = {name: exercise.expected() for name, exercise in exercises.items()}
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        verify("2.1", numbers=0.1 + 0.2, tensor=pixels(1).double().sum() * 0 + 0.3)
    return {
        "exact": {name: exercise.exact for name, exercise in exercises.items()},
        "known": {name: exercise.known for name, exercise in exercises.items()},
        "verdicts": {name: judged(name, answer) for name, answer in answers.items()},
        "table": shown.getvalue(),
    }


PACKAGE = Path(checkpoint.__file__).parent
PATHS: list[Callable[[Path], Found]] = [
    data_sets,
    models,
    a_fixed_std,
    training,
    a_sweep,
    evaluation,
    recipes,
    the_depth_study,
    other_views,
    comparisons,
]


def flat(found: object, name: str = "") -> dict[str, Any]:
    """Every tensor, number and word in nested results, by the path that leads to it."""
    if isinstance(found, Tensor):
        assert found.device.type == "cpu", name
        return {name: (found.dtype, tuple(found.shape), found.detach().contiguous().tolist())}
    if hasattr(found, "__dataclass_fields__"):
        found = vars(found)
    if isinstance(found, (list, tuple)):
        found = dict(enumerate(found))
    if isinstance(found, dict):
        parts = (flat(value, f"{name}/{key}") for key, value in found.items())
        return {place: value for part in parts for place, value in part.items()}
    return {name: found}


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What every path finds in ordinary surroundings."""
    return {path.__name__: flat(path(tmp_path_factory.mktemp("clean"))) for path in PATHS}


@pytest.mark.parametrize("surroundings", SURROUNDINGS)
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.__name__)
def test_the_numbers_are_the_same_in_any_surroundings(
    path: Callable[[Path], Found],
    surroundings: str,
    clean: dict[str, dict[str, Any]],
    tmp_path: Path,
) -> None:
    with SURROUNDINGS[surroundings]():
        results = path(tmp_path)
    found, expected = flat(results), clean[path.__name__]
    assert found.keys() == expected.keys()
    other = [name for name in found if repr(found[name]) != repr(expected[name])]  # NaN is NaN
    assert not other


# Much is computed when a module is imported: here that too happens in the other surroundings.
PROGRAM = """
import json, sys, pathlib, torch, traceback
torch.set_default_device("meta")
torch.set_default_dtype(torch.float64)
from test_hostile_settings import PATHS, flat
sys.stdout, out = sys.stderr, sys.stdout
results = {}
for path in PATHS:
    folder = pathlib.Path(sys.argv[1], path.__name__)
    folder.mkdir()
    try:
        found = {name: repr(value) for name, value in flat(path(folder)).items()}
    except Exception:
        found = traceback.format_exc()
    results[path.__name__] = found
print(json.dumps(results), file=out)
"""


@pytest.fixture(scope="module")
def set_before_the_imports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What every path finds in a process of its own, or the error that it ended with."""
    folders = [str(Path(__file__).parent), str(PACKAGE.parent)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(folders), "PYTHONUTF8": "1"}
    folder = str(tmp_path_factory.mktemp("before"))
    program = [sys.executable, "-W", "error", "-c", PROGRAM, folder]
    run = subprocess.run(program, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-3000:]
    results: dict[str, Any] = json.loads(run.stdout)
    return results


# Rooms open where they are first named, which may be under inference mode; slopes are asked later.
IMPORTED_UNDER_INFERENCE_MODE = """
import importlib, pkgutil, sys, torch
with torch.inference_mode():
    import course_lib
    for found in pkgutil.walk_packages(course_lib.__path__, "course_lib."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)

def tensors(value):
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from tensors(part)

for name, module in sorted(sys.modules.items()):
    # An explorer works outside inference mode, whatever it is opened under: see stage.work.
    if name.startswith("course_lib.") and not name.startswith("course_lib.explorers."):
        for constant, value in vars(module).items():
            if any(tensor.is_inference() for tensor in tensors(value)):
                print(name, constant)

from course_lib.distributions import ContinuousBernoulli, kl_divergence
from course_lib.exact import tanh_world

a = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
torch.autograd.grad(tanh_world(a=a).log_evidence([0.5]), a)
logits = torch.tensor([0.5], dtype=torch.float64, requires_grad=True)
kl_divergence(ContinuousBernoulli(logits), ContinuousBernoulli(2 * logits)).backward()
"""


def test_what_is_imported_under_inference_mode_serves_a_later_slope() -> None:
    program = [sys.executable, "-W", "error", "-c", IMPORTED_UNDER_INFERENCE_MODE]
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent), "PYTHONUTF8": "1"}
    run = subprocess.run(program, env=environment, capture_output=True, text=True, check=False)
    assert (run.stdout, run.returncode) == ("", 0), run.stdout + run.stderr[-3000:]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.__name__)
def test_the_numbers_are_the_same_where_they_are_set_before_the_imports(
    path: Callable[[Path], Found],
    clean: dict[str, dict[str, Any]],
    set_before_the_imports: dict[str, Any],
) -> None:
    found, expected = set_before_the_imports[path.__name__], clean[path.__name__]
    assert isinstance(found, dict), found
    assert found.keys() == expected.keys()
    other = [name for name, value in expected.items() if found[name] != repr(value)]
    assert not other


ROOMS = sorted(path for path in PACKAGE.iterdir() if list(path.rglob("*.py")) or path.is_file())
WHOLE = {"randint", "randperm", "arange", "tril_indices", "triu_indices"}  # int64 in any case
MAKERS = WHOLE | {
    *("tensor", "as_tensor", "asarray", "scalar_tensor", "zeros", "ones", "empty", "full", "eye"),
    *("linspace", "logspace", "rand", "randn", "normal"),
}


def careless(source: str) -> list[str]:
    """Calls that make a tensor of torch's default precision, or in its default place."""
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="torch"), attr=name)):
                given = {word.arg for word in node.keywords}
                wanted = {"device"} if name in WHOLE else {"dtype", "device"}
                if name in MAKERS and None not in given and not wanted <= given:
                    found.append(ast.unparse(node))
                if name == "where" and all(is_number(arg) for arg in node.args[1:]):
                    found.append(ast.unparse(node))
    return found


def is_number(node: ast.expr) -> bool:
    """Whether it is one that is written out, with or without a sign."""
    return isinstance(node.operand if isinstance(node, ast.UnaryOp) else node, ast.Constant)


def test_the_reader_sees_careless_calls() -> None:
    assert len(careless("torch.zeros(3); torch.where(x, 1.0, -2.0); torch.randperm(4)")) == 3
    kind = "torch.zeros(3, dtype=t, device=d); torch.zeros(2, **kind); torch.where(x, 1.0, y)"
    assert not careless(f"{kind}; torch.arange(3, device=d); x.new_zeros(4)")


@pytest.mark.parametrize("room", ROOMS, ids=lambda path: path.stem)
def test_every_tensor_says_its_precision_and_its_place(room: Path) -> None:
    for path in [room] if room.suffix == ".py" else sorted(room.rglob("*.py")):
        assert not careless(path.read_text(encoding="utf-8")), path


@pytest.mark.slow
@pytest.mark.parametrize("path", notebook_paths(FOLDER), ids=lambda path: path.stem)
def test_a_notebook_runs_with_another_default_precision(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    first = "import torch\n\ntorch.set_default_dtype(torch.float64)"
    notebook.cells.insert(0, nbformat.v4.new_code_cell(first))
    execute(notebook, FOLDER)
