"""How the package speaks of errors: kinds are told apart by class, and advice works when followed.

Whoever writes a message with advice in it writes what a reader would do next into ADVICE: here if
it speaks of models and training, else into `advice.py`.
"""

import ast
import hashlib
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from advice import MATHEMATICS
from advice_for_classes import FOR_CLASSES
from test_start_advice import ADVISED
from torch import Generator, Tensor, nn

from course_lib import checkpoint, data, depth_study
from course_lib.arguments import NotFiniteError, located, require_finite
from course_lib.depth_study import command as study_command
from course_lib.distributions import Bernoulli
from course_lib.edition.placing import require_own
from course_lib.evaluate import command as evaluate_command
from course_lib.evaluate import local_posterior
from course_lib.evaluate import rows as evaluate_rows
from course_lib.index import command as index_command
from course_lib.nets import GaussianNet, LogitNet
from course_lib.shipped import RECIPES, NamedObjective, Recipe, load_model
from course_lib.shipped import command as train_command
from course_lib.shipped.results import read_rows
from course_lib.train import (
    Settings,
    TrainingDiverged,
    fit,
    free_bits,
    importance_weighted,
    objectives,
    warm_up,
)
from course_lib.train.objectives import weighted_elbo
from course_lib.vae import (
    VAE,
    Architecture,
    MarkovHVAE,
    TopDownHVAE,
    active_units,
    stack,
    unstack,
)
from start import Problem

PACKAGE = Path(data.__file__).parent
HERE = Path(__file__).parent
START = HERE.parent / "start.py"
VERBS = (
    "add|ask|average|build|call|choose|compare|compute|convert|copy|get|give|keep|look|move|name|"
    "pass|raise|read|remove|see|start|sudo|take|try|use"
)
PLACE = re.compile(r"\{\w*\}")  # where something is filled in
SUGGESTS = re.compile(
    rf"(?:^\W*|[;:,(.?] |\b(?:and|or|then) )(?:{VERBS})\b(?! must\b)|\b(?:use|need)\b|"
    r"\bmay (?:have|name)\b|\bwants\b|such as|instead|did you mean|\?$|\? ",
    re.IGNORECASE,
)


SOURCES = sorted(PACKAGE.rglob("*.py"))


def compared(tree: ast.AST) -> Iterator[str]:
    """Where the text of a caught error decides: str(error) in a comparison, or its beginning."""
    for handler in ast.walk(tree):
        if not isinstance(handler, ast.ExceptHandler) or handler.name is None:
            continue
        for node in ast.walk(handler):
            text = ast.unparse(node)
            match node:
                case ast.Compare(left=left, comparators=others):
                    sides = [left, *others]
                case ast.Call(func=ast.Attribute(value=value, attr="startswith" | "endswith")):
                    sides = [value]
                case ast.Call(func=ast.Attribute(value=ast.Name(id="re")), args=arguments):
                    sides = list(arguments)
                case _:
                    continue
            if any(f"str({handler.name})" in ast.unparse(s) for s in sides):
                yield text


def test_the_reader_sees_an_error_told_by_its_text() -> None:
    faulty = """
try: f()
except ValueError as error:
    if "finite" in str(error) or str(error).startswith("x") or re.match("x", str(error)):
        raise
    print(str(error))
"""
    assert len(list(compared(ast.parse(faulty)))) == 3


EVERYWHERE = [*SOURCES, *sorted(HERE.glob("*.py"))]


@pytest.mark.parametrize("path", EVERYWHERE, ids=lambda path: str(path.relative_to(HERE.parent)))
def test_no_error_is_told_by_its_text(path: Path) -> None:
    assert not list(compared(ast.parse(path.read_text(encoding="utf-8"))))


def test_a_place_is_added_and_the_class_stays() -> None:
    nan = torch.tensor(float("nan"))
    with pytest.raises(NotFiniteError, match="^here: x must be finite, got nan$"), located("here"):
        require_finite("x", nan)
    with pytest.raises(ValueError, match="^layer 2: no$") as caught, located("layer 2"):
        raise ValueError("no")
    assert type(caught.value) is ValueError


# Of these test_exercises and test_exercises_kinds try every word.
OF_EXERCISES = ("Exercise", "Mistake", "Blanks", "MultipleChoice", "Design")


def messages(tree: ast.AST) -> Iterator[str]:
    """Every text but docstrings, the help of a command, and what an exercise says of an answer.

    What is filled in reads as {}.
    """
    hidden: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg in ("help", "description", "prog"):
            hidden |= set(ast.walk(node))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in OF_EXERCISES:
            hidden |= set(ast.walk(node))
        if isinstance(node, ast.Expr):  # a docstring
            hidden |= {node.value} if isinstance(node.value, ast.Constant) else set()
        if isinstance(node, ast.JoinedStr):
            hidden |= set(node.values)
    for node in ast.walk(tree):
        if node in hidden:
            continue
        if isinstance(node, ast.JoinedStr):
            parts = (v.value if isinstance(v, ast.Constant) else "{}" for v in node.values)
            yield "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def advice() -> list[str]:
    """Every message of the package and of start.py that suggests something.

    What the pages say stands in edition/…words.py, and is tried in a browser; what an exercise
    says of an answer is tried by the tests of exercises.
    """
    exercises = PACKAGE / "exercises"
    spoken = {p for p in exercises.glob("*.py") if p.name != "registry.py"}
    paths = [p for p in (*SOURCES, START) if p not in spoken and not p.name.endswith("words.py")]
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in paths)
    found = {message for tree in trees for message in messages(tree)}
    return sorted(m for m in found if " " in m and "\n" not in m and SUGGESTS.search(m))


TINY = Architecture(6, (2,), ((5,),))


@dataclass
class Desk:
    """What a reader has: a folder, and a recipe that trains in no time."""

    folder: Path
    patch: pytest.MonkeyPatch

    def train(self, *words: str) -> int:
        recipe = Recipe("small", "", Architecture(64, (2,), ((4,),), "binomial"), Settings(1))
        self.patch.setitem(RECIPES, "small", replace(recipe, images="digits"))
        return train_command.main(["small", "--out", str(self.folder / "a.safetensors"), *words])

    def with_small(self) -> "Desk":
        """A recipe of MNIST that does not ship, of six steps."""
        recipe = Recipe("small", "", Architecture(784, (3,), ((4,),)), Settings(1, 10_000))
        self.patch.setitem(RECIPES, "small", recipe)
        return self

    def study(self, out: str, epochs: int) -> int:
        row = {"arm": "slow", "failed": True}
        self.patch.setattr(
            study_command, "run", lambda arm, depth, seed, epochs: row | {"depth": depth, "seed": 0}
        )
        options = ["--arms", "slow", "--seeds", "1", "--epochs", str(epochs)]
        return study_command.main([*options, "--out", str(self.folder / out)])

    def read(self) -> bytes:
        """A data file that was committed and then spoilt."""
        path, whole = self.folder / "data" / "a.npz", b"whole"
        path.parent.mkdir(exist_ok=True)
        if not (self.folder / ".git").exists():
            path.write_bytes(whole)
            for words in ("init -q", "add data", f"{AUTHOR} commit -qm first"):
                self.git(words)
            path.write_bytes(b"spoilt")
        whole_print = data.Fingerprint(len(whole), hashlib.sha256(whole).hexdigest())
        return data.read_checked(path, whole_print)

    def git(self, words: str) -> None:
        subprocess.run(["git", *words.split()], cwd=self.folder, check=True)


AUTHOR = "-c user.name=reader -c user.email=reader@example.org"


def rng() -> Generator:
    return Generator().manual_seed(0)


def tiny() -> VAE:
    model = TINY.build(seed=0)
    assert isinstance(model, VAE)
    return model


def flips(size: int = 6, dtype: torch.dtype = torch.float32) -> Tensor:
    return (torch.rand(16, size, generator=rng()) < 0.3).to(dtype)


def trained(model: Any, rate: float = 1e-2, *, x: Tensor | None = None, **more: Any) -> object:
    optimiser = more.pop("optimiser", "adam")
    settings = Settings(2, 8, rate, optimiser=optimiser)
    return fit(model, flips() if x is None else x, settings, progress_bar=False, **more)


def in_inference_mode() -> VAE:
    """The library's own weights can learn wherever they are made; converted ones cannot."""
    with torch.inference_mode():
        return tiny().double()


def bilinear(model: Any, x: Tensor, *, generator: Generator, progress: float) -> Any:
    value = -model(x, x).square().sum(-1)
    return value, {"elbo": value}


def detached(model: Any, x: Tensor, *, generator: Generator, progress: float) -> Any:
    value = model.elbo(x, generator=generator)
    return value.detach(), {"elbo": value}


def net(inputs: int, outputs: int, **more: Any) -> GaussianNet:
    return GaussianNet(inputs, more.pop("hidden", ()), outputs, generator=rng(), **more)


def restored(desk: Desk, model: MarkovHVAE) -> None:
    checkpoint.save(desk.folder / "a", tiny().double().state_dict(), {})
    checkpoint.restore(model, checkpoint.load(desk.folder / "a")[0], source="a")


def fixed_std() -> VAE:
    return VAE(net(6, 2), net(2, 6, std=0.1))


def restored_with_fixed_std(model: VAE) -> None:
    """From a file that holds the fixed std in float32 too."""
    tensors = {name: value.float() for name, value in fixed_std().state_dict().items()}
    checkpoint.restore(model, tensors, source="a")


def grey(count: int = 3) -> Tensor:
    return data.load_mnist("test").images[:count].flatten(1)


def mnist_elbo(x: Tensor) -> Tensor:
    return load_model("mnist_vae_2d").elbo(x, generator=rng())


def resumed(desk: Desk, words: str) -> None:
    if not (desk.folder / "a.training").exists():
        assert desk.train() == 0
    assert desk.train(*words.split()) == 0


def other_epochs(desk: Desk, out: str) -> None:
    if not (desk.folder / "a.json").exists():
        assert desk.study("a.json", 1) == 0
    assert desk.study(out, 2) == 0


def kept(desk: Desk, *names: str) -> None:
    """The rows of copies of a model in one file."""
    for name in names:
        path = desk.folder / name
        path.parent.mkdir(exist_ok=True)
        shutil.copy(RECIPES["mnist_vae_2d"].path, path)
    files = [str(desk.folder / name) for name in names]
    rows = desk.folder / "rows.json"
    evaluated([*files, "--save", str(rows)], desk)
    assert len(read_rows(rows)) == len(names)


def mnist_trained(desk: Desk) -> None:
    words = ["small", "--out", str(desk.folder / "s.safetensors")]
    desk.with_small()
    assert train_command.main(words) == 0


def nameless(model: Any, x: Tensor, *, generator: Generator, progress: float) -> Any:
    return model.elbo(x, generator=generator)


def named(model: Any, x: Tensor, *, generator: Generator, progress: float) -> Any:
    elbo = model.elbo(x, generator=generator)
    return elbo, {"elbo": elbo}


# A piece of the message, what calls for it, and what a reader does who follows it.
Act = Callable[[Desk], object]
ADVICE: list[tuple[str, Act, Act]] = [
    *MATHEMATICS,
    *FOR_CLASSES,
    (
        "move that away, or give an empty folder with --into",
        lambda desk: pages_beside(desk.folder, "mine.txt"),
        lambda desk: pages_beside(desk.folder / "empty"),
    ),
    (
        "Try a smaller learning rate",
        lambda _: trained(tiny(), 1e6),
        lambda _: trained(tiny(), 1e-2),
    ),
    (
        "look for NaN in the data",
        lambda _: trained(tiny(), x=torch.full((9, 6), torch.nan)),
        lambda _: trained(tiny(), x=torch.full((9, 6), torch.nan).nan_to_num()),
    ),
    (
        "call model.requires_grad_(True) to train it",
        lambda _: trained(load_model("mnist_vae_2d"), x=flips(784)),
        lambda _: trained(load_model("mnist_vae_2d").requires_grad_(True), x=flips(784)),
    ),
    (
        "call requires_grad_(True) on those that are to be trained",
        lambda _: trained(frozen_but_for_a_stranger(), objective=objectives.elbo),
        lambda _: trained(frozen_but_for_a_stranger().requires_grad_(True)),
    ),
    (
        "take one with unstack",
        lambda _: active_units(stack([tiny(), tiny()]), flips(), generator=rng()),
        lambda _: active_units(unstack(stack([tiny(), tiny()]), 0), flips(), generator=rng()),
    ),
    (
        "it was detached",
        lambda _: trained(tiny(), objective=detached),
        lambda _: trained(tiny(), objective=objectives.elbo),
    ),
    (
        'use optimiser="adam"',
        lambda _: trained(nn.Bilinear(6, 6, 2, False), objective=bilinear, optimiser="muon"),
        lambda _: trained(nn.Bilinear(6, 6, 2, False), objective=bilinear, optimiser="adam"),
    ),
    (
        "give importance_weighted(5)",
        lambda _: trained(tiny(), objective=importance_weighted),
        lambda _: trained(tiny(), objective=importance_weighted(5)),
    ),
    (
        "give warm_up(0.5)",
        lambda _: trained(tiny(), objective=warm_up),
        lambda _: trained(tiny(), objective=warm_up(0.5)),
    ),
    (
        "give free_bits(0.5)",
        lambda _: trained(tiny(), objective=free_bits),
        lambda _: trained(tiny(), objective=free_bits(0.5)),
    ),
    (
        "such as Architecture(…).build(seed=0)",
        lambda _: trained(TINY),
        lambda _: trained(TINY.build(seed=0)),
    ),
    (
        "build it outside",
        lambda _: trained(in_inference_mode(), x=flips(dtype=torch.float64)),
        lambda _: trained(tiny().double(), x=flips(dtype=torch.float64)),
    ),
    (
        "build or convert the model outside",
        lambda _: local_posterior(in_inference_mode(), flips().double(), generator=rng()),
        lambda _: local_posterior(tiny().double(), flips().double(), generator=rng(), steps=1),
    ),
    (
        "convert it with .to(torch.float32) (grey levels 0..255 with data.binarise)",
        lambda _: mnist_elbo(grey()),
        lambda _: mnist_elbo(data.binarise(grey(), generator=rng())),
    ),
    (
        "convert it with .to(torch.float32)",
        lambda _: mnist_elbo(flips(784, torch.float64)),
        lambda _: mnist_elbo(flips(784, torch.float64).to(torch.float32)),
    ),
    (
        "convert it with .to(torch.float64)",
        lambda _: tiny().double().elbo(flips(), generator=rng()),
        lambda _: tiny().double().elbo(flips().to(torch.float64), generator=rng()),
    ),
    (
        'move it with .to("cpu")',
        lambda _: tiny().elbo(flips().to("meta"), generator=rng()),
        lambda _: tiny().elbo(flips().to("cpu"), generator=rng()),
    ),
    (
        'move it with .to("cpu")',
        lambda _: trained(tiny(), x=flips().to("meta")),
        lambda _: trained(tiny(), x=flips().to("cpu")),
    ),
    (
        "move it with .cpu()",
        lambda desk: checkpoint.save(desk.folder / "a", {"x": flips().to("meta")}, {}),
        lambda desk: checkpoint.save(desk.folder / "a", {"x": flips().cpu()}, {}),
    ),
    (
        "convert them with .float()",
        lambda _: net(6, 2).bfloat16()(flips().bfloat16()),
        lambda _: net(6, 2).bfloat16().float()(flips()),
    ),
    (
        'ask for Settings(precision="bfloat16")',
        lambda _: trained(tiny().bfloat16(), x=flips().bfloat16()),
        lambda _: fit(tiny(), flips(), Settings(1, precision="bfloat16"), progress_bar=False),
    ),
    (
        "convert them all with .double() or .float()",
        lambda _: VAE(net(6, 2), net(2, 6).double()),
        lambda _: [VAE(net(6, 2).double(), net(2, 6).double()), VAE(net(6, 2), net(2, 6).float())],
    ),
    (
        "convert the model with .to(torch.float64)",
        lambda desk: restored(desk, tiny()),
        lambda desk: restored(desk, tiny().to(torch.float64)),
    ),
    (
        "convert the model with .to(torch.float32)",
        lambda _: restored_with_fixed_std(fixed_std().double()),
        lambda _: restored_with_fixed_std(fixed_std().double().to(torch.float32)),
    ),
    (
        "convert it with .double()",
        lambda _: weighted_elbo(torch.tensor([1, 2])),
        lambda _: trained(
            stack([tiny(), tiny()]), objective=weighted_elbo(torch.tensor([1, 2]).double())
        ),
    ),
    (
        "such as torch.Generator().manual_seed(0)",
        lambda _: tiny().sample(3, generator=0),  # type: ignore[arg-type]
        lambda _: tiny().sample(3, generator=torch.Generator().manual_seed(0)),
    ),
    (
        "such as (5,)",
        lambda _: tiny().elbo(flips(), 5, generator=rng()),  # type: ignore[arg-type]
        lambda _: tiny().elbo(flips(), (5,), generator=rng()),
    ),
    (
        "such as (200, 200)",
        lambda _: net(6, 2, hidden=200),
        lambda _: net(6, 2, hidden=(200, 200)),
    ),
    (
        "such as (50,) and ((200, 200),)",
        lambda _: Architecture(784, (50,), (200, 200)).build(seed=0),  # type: ignore[arg-type]
        lambda _: Architecture(784, (50,), ((200, 200),)).build(seed=0),
    ),
    (
        "with rsample, such as DiagonalGaussian",
        lambda _: VAE(LogitNet(6, (), 2, generator=rng()), net(2, 6)).elbo(
            flips(), generator=rng()
        ),
        lambda _: VAE(net(6, 2), net(2, 6)).elbo(flips(), generator=rng()),
    ),
    (
        "give features and a Gaussian of them, such as GaussianNet",
        lambda _: TopDownHVAE([LogitNet(6, (), 2, generator=rng())], [tiny().decoder]),  # type: ignore[list-item]
        lambda _: TopDownHVAE([GaussianNet(6, (), 2, generator=rng())], [tiny().decoder]),
    ),
    (
        "give a distribution, such as GaussianNet",
        lambda _: VAE(nn.Linear(6, 2), nn.Linear(2, 6)),
        lambda _: VAE(net(6, 2), net(2, 6)).elbo(flips(), generator=rng()),
    ),
    (
        "such as Bernoulli",
        lambda _: LogitNet(2, (), 6, "bernoulli", generator=rng()),  # type: ignore[arg-type]
        lambda _: LogitNet(2, (), 6, Bernoulli, generator=rng())(torch.zeros(1, 2)),
    ),
    (
        "such as ARMS['slow']",
        lambda _: depth_study.run("slow", 1, 0, epochs=1),  # type: ignore[arg-type]
        lambda _: depth_study.run(depth_study.ARMS["slow"], 1, 0, epochs=1),
    ),
    (
        "get it back with `git checkout -- data/a.npz`",
        lambda desk: desk.read(),
        lambda desk: [desk.git("checkout -- data/a.npz"), desk.read()],  # type: ignore[func-returns-value]
    ),
    ("add --resume to go on", lambda desk: resumed(desk, ""), lambda d: resumed(d, "--resume")),
    (
        "remove it to start again",
        lambda desk: resumed(desk, ""),
        lambda desk: [(desk.folder / "a.training").unlink(), desk.train()],  # type: ignore[func-returns-value]
    ),
    (
        "name another file with --out",
        lambda desk: other_epochs(desk, "a.json"),
        lambda desk: other_epochs(desk, "b.json"),
    ),
    (
        "is no chapter, such as 4, no equation, such as 8.3, and no exercise, such as 3.d",
        lambda _: index_command.answer(["kl"]),
        lambda _: [index_command.answer([word]) for word in ("4", "8.3", "3.d")],
    ),
    (
        "so use the package from there",
        lambda desk: index_command.answer([], desk.folder),
        lambda _: index_command.answer([], HERE.parent),
    ),
    (
        '"cpu", "cuda" or a GPU such as "cuda:1"',
        lambda desk: desk.train("--device", "gpu"),
        lambda desk: desk.train("--device", "cpu"),
    ),
    (
        "without --device the CPU computes",
        lambda desk: desk.train("--device", "cuda:99"),
        lambda desk: desk.train(),
    ),
    (
        "numbers must be a tuple such as (5,)",
        lambda _: NamedObjective("importance_weighted", 5),  # type: ignore[arg-type]
        lambda _: NamedObjective("importance_weighted", (5,)),
    ),
    (
        "its weight ends at 1: a recipe cannot have both",
        lambda _: NamedObjective("warm_up", (0.5, 0.0, 2.0)),
        lambda _: NamedObjective("warm_up", (0.5, 0.0)),
    ),
    (
        'such as NamedObjective("warm_up", (1 / 3,))',
        lambda _: Recipe("small", "", TINY, Settings(1), objective=warm_up(0.5)),  # type: ignore[arg-type]
        lambda _: Recipe("small", "", TINY, Settings(1), NamedObjective("warm_up", (1 / 3,))),
    ),
    ("ask for --table", lambda _: evaluated([]), lambda desk: evaluated(["--table"], desk)),
    (
        "name a model or a file",
        lambda _: evaluated([]),
        lambda desk: evaluated(["mnist_vae_2d"], desk),
    ),
    (
        "give the files different names",
        lambda desk: kept(desk, "a/m.safetensors", "b/m.safetensors"),
        lambda desk: kept(desk, "a/m.safetensors", "b/n.safetensors"),
    ),
    (
        "does not ship: train it with python -m course_lib.train small, and give the file",
        lambda desk: evaluated(["small"], desk.with_small()),
        lambda desk: [mnist_trained(desk), evaluated([str(desk.folder / "s.safetensors")], desk)],  # type: ignore[func-returns-value]
    ),
    (
        "name a recipe; --list shows them",
        lambda _: train_command.main(["--resume"]),
        lambda desk: [train_command.main(["--list"]), desk.train("--resume")],
    ),
    (
        'must return the bound and its terms by name, such as (elbo, {"elbo": elbo})',
        lambda _: trained(tiny(), objective=nameless),
        lambda _: trained(tiny(), objective=named),
    ),
]


# What reads like advice and is none, or none that a test could follow.
NO_ADVICE = (
    # test_pieces and test_pieces_workers bring these, and follow them
    "--workers and --scheduler need Dask, which is not installed; in the course's folder: "
    "python -m pip install --editable '.[cluster]' --constraint constraints.txt",
    "give --workers or --scheduler, not both",
    "the scheduler at {} has no worker; start some, one for each processor: dask worker {} "
    "--nthreads 1",
    "the worker at {} runs {} pieces at once; start it with --nthreads 1",
    "{} ended one worker after another: have they memory enough? ({})",
    # test_slides brings it
    "this needs what the pages need: python3 start.py pages installs it, or pip '.[pages]'",
    "^> ?",  # a pattern
    "take w = {} and the prior as q, but x = {}.",  # the words of an exercise
    "A chain of latents: keep some, draw the rest anew",  # a heading
    "With β = {} the code of this {} costs {} nats. Along the first latent it is {} wide, where "
    "the prior is 1. What it decodes to misses x by {} in squared ink, and {} of {} latents {} in "
    "use.",  # a picture's sentence
    "{} has no name such as 4.1",  # test_edition_guesses brings it
    "add up the blocks, from 0, in nats",  # a picture's title
    "given x instead",  # a choice of an explorer
    "is this machine allowed to use it?",  # only those who run the index can answer
    "start.py: stopped; the next start carries on from here",
    "start.py: {}",
    "there is no build of {} for {}; another Python may have one",  # a Python that is not here
)


def pages_beside(folder: Path, *names: str) -> None:
    """Asks whether pages may go to a folder with these files in it."""
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).touch()
    require_own(folder)


def swapped() -> VAE:
    """A decoder where the encoder belongs: the sizes fit."""
    return VAE(LogitNet(2, (), 6, generator=rng()), net(6, 2))


def frozen_but_for_a_stranger() -> MarkovHVAE:
    """A model with one weight that may change, and no part in its ELBO."""
    model = tiny().requires_grad_(False)
    model.stranger = nn.Parameter(torch.zeros(1))
    return model


def evaluated(words: list[str], desk: Desk | None = None) -> None:
    """The command on two images; what takes long, the sum over a plane, is left out."""
    few = ["--images", "2", "--k", "2"] if desk else []
    if desk:
        few += ["--work", str(desk.folder / "work")]
        desk.patch.setattr(evaluate_rows, "plane_figures", lambda *_: {"exact_nll": 0.0})
    assert evaluate_command.main([*words, *few]) == 0


def said(act: Act, desk: Desk, output: pytest.CaptureFixture[str]) -> str:
    """The message that a fault brings, raised or printed."""
    try:
        act(desk)
    except (ValueError, TrainingDiverged, NotImplementedError, Problem) as error:
        return str(error)
    except (LookupError, FileNotFoundError) as error:  # of the index, whose command prints it
        return str(error.args[0])
    except AssertionError:  # a command that did not return 0
        pass
    return output.readouterr().err


@pytest.mark.parametrize(("piece", "fault", "remedy"), ADVICE, ids=[a[0] for a in ADVICE])
def test_advice_works_when_it_is_followed(
    piece: str,
    fault: Act,
    remedy: Act,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    desk = Desk(tmp_path, monkeypatch)
    assert piece in said(fault, desk, capsys)
    remedy(desk)


def test_all_advice_is_followed_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each message of the rooms that suggests something is one that a fault above brings."""
    heard = []
    for number, (_, fault, _) in enumerate(ADVICE):
        (tmp_path / str(number)).mkdir()
        heard.append(said(fault, Desk(tmp_path / str(number), monkeypatch), capsys))
    patterns = {text: ".*".join(map(re.escape, PLACE.split(text))) for text in advice()}
    untested = [
        text
        for text, pattern in patterns.items()
        if not any(re.search(pattern, message, re.DOTALL) for message in heard)
    ]
    known = {*NO_ADVICE, *ADVISED}
    assert sorted(set(untested) - known) == []  # advice that has no case in ADVICE
    assert sorted(known - set(untested)) == []  # said no longer, or has a case after all
