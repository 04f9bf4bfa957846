"""A Dockerfile, read instruction by instruction, and what is wrong with it by the usual rules.

The rules are those of linters of Dockerfiles that matter here: a pinned base, no root, no shell
around the command, nothing left of what a package manager keeps, versions by constraints.txt.
"""

import json
import re
import shlex
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

KNOWN = ("FROM", "ARG", "ENV", "RUN", "USER", "WORKDIR", "COPY", "EXPOSE", "CMD")


@dataclass(frozen=True)
class Instruction:
    """One instruction: its word, and what follows it, continued lines joined."""

    word: str
    rest: str

    def commands(self) -> list[list[str]]:
        """The commands of a RUN, each as its words; those that && joins are several."""
        return [shlex.split(command) for command in self.rest.split("&&")]


def read(text: str) -> list[list[Instruction]]:
    """The stages, each a list of instructions that begins with its FROM.

    Raises ValueError for an instruction that is not among KNOWN, or one before the first FROM.
    """
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    stages: list[list[Instruction]] = []
    for line in re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines():
        if not line.strip():
            continue
        word, _, rest = line.strip().partition(" ")
        if word not in KNOWN:
            raise ValueError(f"{word!r} is no instruction that is expected")
        if word == "FROM":
            stages.append([])
        if not stages:
            raise ValueError(f"{word} comes before FROM")
        stages[-1].append(Instruction(word, rest.strip()))
    return stages


def words(stages: list[list[Instruction]], word: str) -> list[str]:
    """What follows each instruction of that word, in all stages."""
    return [one.rest for stage in stages for one in stage if one.word == word]


def faults(text: str) -> list[str]:
    """What breaks a rule, in the order of the file."""
    stages = read(text)
    found: list[str] = []
    names: set[str] = set()
    for stage in stages:
        base, _, name = stage[0].rest.partition(" AS ")
        if base not in names and not re.fullmatch(r"[\w./-]+:(?!latest$)[\w.-]+", base):
            found.append(f"FROM {base}: no version")
        names.add(name)
        for one in stage:
            found += running(one) if one.word == "RUN" else placed(one)
    users = words(stages, "USER")
    if not users or users[-1].partition(":")[0] in ("root", "0"):
        found.append("root runs it")
    elif not users[-1].partition(":")[0].isdecimal():
        found.append(f"USER {users[-1]}: a hub cannot see that it is not root; give its number")
    if len(words(stages, "CMD")) != 1 or stages[-1][-1].word != "CMD":
        found.append("not one CMD, at the end")
    return found


def placed(one: Instruction) -> list[str]:
    """What is wrong with an instruction that runs nothing."""
    if one.word == "CMD" and not is_list(one.rest):
        return ["CMD: a shell between; give a list"]
    if one.word == "WORKDIR" and not one.rest.startswith("/"):
        return [f"WORKDIR {one.rest}: not from the root"]
    if one.word == "COPY" and "--chown=" not in one.rest:
        return [f"COPY {one.rest}: root's"]
    if "://" in one.rest:
        return [f"{one.word}: an address"]
    return []


def is_list(text: str) -> bool:
    """Whether it is a JSON list of words."""
    try:
        return all(isinstance(word, str) for word in json.loads(text))
    except json.JSONDecodeError:
        return False


def running(one: Instruction) -> list[str]:
    """What is wrong with what a RUN runs."""
    found = []
    commands = one.commands()
    said = [" ".join(command) for command in commands]
    for command, line in zip(commands, said, strict=True):
        if command[0] in ("apt", "sudo", "cd", "curl", "wget") or "://" in line:
            found.append(f"RUN {command[0]}: not here")
        if command[:2] == ["apt-get", "install"]:
            if not {"--yes", "--no-install-recommends"} <= set(command):
                found.append("apt-get install: it asks, or brings what it recommends")
            if said[0] != "apt-get update" or said[-1] != "rm -rf /var/lib/apt/lists/*":
                found.append("apt-get install: lists are old, or stay")
        if "pip install" in line:
            found += [f"pip: no {option}" for option in PIP if option not in line]
        if command[-2:] == ["start.py", "--version"] and "PIP_NO_CACHE_DIR=1" not in command:
            found.append("start.py: pip's cache stays")
    return found


PIP = ("--no-cache-dir", "--constraint constraints.txt")


def kept_out(path: str, ignored: str) -> bool:
    """Whether a file of the folder, by its path from it, is kept out by a .dockerignore.

    Of its language what is used here: names from the root, `*` in a name, `**/` for any depth.
    """
    parts = PurePosixPath(path).parts
    for pattern in ignored.splitlines():
        if not pattern or pattern.startswith("#"):
            continue
        name = pattern.removeprefix("**/")
        depths = range(len(parts)) if name != pattern else range(1)
        if any(fnmatch(parts[depth], name) for depth in depths):
            return True
    return False


def named_paths(one: Instruction, folder: Path) -> list[str]:
    """The words of a RUN that name something of the folder, or should: a/b, x.py, constraints.txt.

    What is made on the way, .venv and beyond, and absolute paths are none of it.
    """
    found = []
    for word in (word for command in one.commands() for word in command):
        own = not word.startswith(("/", ".venv", "-")) and "=" not in word
        if own and ("/" in word or word.endswith((".py", ".txt")) or (folder / word).exists()):
            found.append(word)
    return found
