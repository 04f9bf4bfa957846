"""What the two READMEs hold of the results files: `python3 start.py refresh pages` writes it."""

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from course_lib.data import FOLDER
from course_lib.evaluate.table import recipes_table
from course_lib.shipped import RECIPES, Recipe, all_runs, results
from course_lib.shipped.results import read_rows

sys.path.append(str(FOLDER.parent / "benchmarks"))
best_chain = import_module("best_chain")

DATA_PAGE = FOLDER / "README.md"
PAGES = [DATA_PAGE, FOLDER.parent / "README.md"]
INDENT = "    "  # what Markdown sets as code
TRIES = f"{INDENT}change "
MODELS = "| name | sizes | SHA-256 |"


def seeds_of(recipe: str) -> list[dict[str, Any]]:
    """The recipe's trainings of 300 epochs, one a seed."""
    return [row for row in all_runs() if (row["recipe"], row["epochs"]) == (recipe, 300)]


def write() -> Iterator[Path]:
    """Brings both pages up to date, and yields each."""
    for page in PAGES:
        page.write_text(render(page.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
        yield page


def render(text: str) -> str:
    """The page as of today: its table of recipes; if it has them, of the tries and the models."""
    text = replaced(text, f"{INDENT}recipe", INDENT, indented(recipes_table(all_runs())))
    if TRIES in text:
        text = replaced(text, TRIES, INDENT, indented(best_chain.table(read_rows(best_chain.LOG))))
    return replaced(text, MODELS, "|", models_table()) if MODELS in text else text


def replaced(text: str, first: str, start: str, block: str) -> str:
    """The text with another block in place of the one whose first line starts with `first`.

    Its lines all start with `start`, blank ones between them aside. Raises ValueError if there is
    none.
    """
    lines = text.splitlines()
    begin = next((i for i, line in enumerate(lines) if line.startswith(first)), None)
    if begin is None:
        raise ValueError(f"the page has no line that starts with {first!r}")
    end = begin
    while end < len(lines) and (lines[end].startswith(start) or not lines[end]):
        end += 1
    while not lines[end - 1]:
        end -= 1
    return "\n".join([*lines[:begin], *block.splitlines(), *lines[end:]]) + "\n"


def indented(text: str) -> str:
    return "\n".join(INDENT + line if line else line for line in text.splitlines())


def models_table() -> str:
    """Sizes and checksum of each recipe that the table of recipes shows."""
    shown = {row["recipe"] for row in all_runs()}
    rows = [models_row(recipe) for name, recipe in RECIPES.items() if name in shown]
    return "\n".join([MODELS, "|---|---|---|", *rows])


def models_row(recipe: Recipe) -> str:
    digest = results().get(recipe.name, {}).get("sha256")
    return f"| {recipe.name} | {sizes(recipe)} | {f'`{digest}`' if digest else 'does not ship'} |"


def sizes(recipe: Recipe) -> str:
    """Such as 784-(200-200)-50: latents, and in brackets the hidden layers between them."""
    parts = [str(recipe.architecture.data)]
    for hidden, latents in zip(
        recipe.architecture.hidden, recipe.architecture.latents, strict=True
    ):
        parts += [f"({'-'.join(map(str, hidden))})", str(latents)]
    return "-".join(parts)
