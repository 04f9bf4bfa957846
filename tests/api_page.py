"""The page of what each room offers, notebooks/API.md: a table a room, from the source alone."""

import re
from pathlib import Path

from course_lib.index import ROOT, PublicName, Room, collect_rooms

HEADER = """# The rooms of course_lib

Written by `python3 start.py refresh`; a test fails when it is stale. The rooms stand in the order
of the mathematics: a room imports only rooms above it. Each table has what a room offers, how it is
called, and the [equations](EQUATIONS.md) that it computes.
"""
HEAD = "| name | what it is | equations |\n|---|---|---|"


def render(rooms: list[Room]) -> str:
    """The Markdown of the page."""
    parts = [HEADER]
    for room in rooms:
        parts.append(f"## {room.name}\n\n{room.sentence} [Source](../{room.file})\n")
        if room.names:
            parts.append("\n".join([HEAD, *map(row, room.names), ""]))
    return "\n".join(parts)


def row(public: PublicName) -> str:
    """One row; a bar inside a column would end it, so it is escaped."""
    called = f"`{public.place.name}{public.signature}`".replace("|", r"\|")
    tags = ", ".join(f"[{tag}](EQUATIONS.md)" for tag in public.tags)
    return f"| [{called}](../{public.place.file}) | {in_words(public.sentence)} | {tags} |"


def in_words(sentence: str) -> str:
    """The sentence with what Markdown would take for its own escaped, code left as it is."""
    parts = re.split(r"(`[^`]*`)", sentence.replace("|", r"\|"))
    return "".join(
        part if part.startswith("`") else re.sub(r"([*_<$])", r"\\\1", part) for part in parts
    )


def write(root: Path = ROOT) -> Path:
    """Writes the page. Returns its path."""
    path = root / "notebooks" / "API.md"
    path.write_text(render(collect_rooms(root)), encoding="utf-8", newline="\n")
    return path
