"""Trainings as pieces that any machine may do: what is to be trained, and the files it comes to."""

import base64
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from course_lib import checkpoint
from course_lib.pieces import Piece
from course_lib.shipped.curves import curve_path
from course_lib.shipped.devices import usable_device
from course_lib.shipped.files import model_name
from course_lib.shipped.recipe import Recipe
from course_lib.shipped.recipes import RECIPES, recipe_named
from course_lib.shipped.training import train_recipe
from course_lib.train import TrainingDiverged

Files = dict[str, str]


@dataclass(frozen=True)
class Training:
    """One training: of which recipe, what is other than it says, and where the model goes.

    changes: of the settings, such as {"seed": 1}. Raises ValueError if there is no such recipe,
    its settings refuse the changes, or there can be no model at `out`.
    """

    name: str
    out: Path
    changes: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        recipe_named(self.name).changed(**self.changes)
        beside = (".training", ".curve.json")  # what lies beside a model has these names
        if not self.out.name or self.out.is_dir() or self.out.name.endswith(beside):
            raise ValueError(f"no model can be written to {str(self.out)!r}")

    @property
    def recipe(self) -> Recipe:
        """The recipe with its changes."""
        return RECIPES[self.name].changed(**self.changes)

    @property
    def is_finished(self) -> bool:
        """Whether the model and its curve are there. Raises ValueError if another model is."""
        if not (self.out.exists() and curve_path(self.out).exists()):
            return False
        about = checkpoint.load(self.out)[1]
        for name, value in self.recipe.said.items():
            if about.get(name) != value:
                raise ValueError(f"{self.out} has {name} {about.get(name)}, asked for is {value}")
        return True

    def piece(self, device: str) -> Piece:
        """What a worker does for it: see `trained_files`."""
        where = str(self.out.resolve())
        key = self.recipe.said | {"device": device}
        return Piece(
            model_name(self.out), key, trained_files, (self.name, self.changes, where, device)
        )


def trained_files(name: str, changes: dict[str, int], out: str, device: str) -> Files:
    """Trains as `train_recipe` does: model (the bytes of its file in base64) and curve (its text).

    It goes on from a checkpoint that another worker left beside `out`; where there is no such
    folder, on a machine with a disk of its own, it starts anew in a folder that goes afterwards.
    If the training diverges, failed alone says at which step, and what to try.
    """
    recipe, path = RECIPES[name].changed(**changes), Path(out)
    with ExitStack() as stack:
        if not path.parent.is_dir():
            path = Path(stack.enter_context(tempfile.TemporaryDirectory())) / path.name
        try:
            where = usable_device(device)
            train_recipe(recipe, path, resume=True, device=where, progress_bar=False)
        except TrainingDiverged as error:
            return {"failed": str(error)}
        model = base64.b64encode(path.read_bytes()).decode()
        return {"model": model, "curve": curve_path(path).read_text(encoding="utf-8")}


def write_files(out: Path, files: Files) -> None:
    """Puts what `trained_files` gave where it belongs. Raises TrainingDiverged if it failed."""
    if "failed" in files:
        raise TrainingDiverged(files["failed"])
    checkpoint.write_whole(curve_path(out), files["curve"].encode())
    checkpoint.write_whole(out, base64.b64decode(files["model"]))
