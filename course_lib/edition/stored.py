"""A notebook's cells as they are stored, with faults of the file named."""

import json
from pathlib import Path
from typing import Any

Cell = dict[str, Any]
# What a cell has, by its type.
PARTS = {"code": {"source", "metadata", "outputs", "execution_count"}}
FEWEST = {"source"}


def stored_cells(path: Path) -> list[Cell]:
    """The notebook's cells. Raises ValueError, naming the file, if it is no notebook."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise ValueError(f"{path.name}: no UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"{path.name}: no JSON, or not whole: {error}") from error
    cells = raw.get("cells") if isinstance(raw, dict) else None
    if not isinstance(cells, list) or not cells:
        raise ValueError(f"{path.name}: no notebook, for it has no cells")
    for place, cell in enumerate(cells, start=1):
        kind = cell.get("cell_type") if isinstance(cell, dict) else None
        if kind is None:
            raise ValueError(f"{path.name}: cell {place} has no cell_type")
        lacking = sorted(PARTS.get(kind, FEWEST) - set(cell))
        if lacking:
            raise ValueError(f"{path.name}: cell {place} has no {', '.join(lacking)}")
    return cells
