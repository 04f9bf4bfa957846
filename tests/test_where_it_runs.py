"""What stands ready for other places than a reader's own machine: well-formed, and of one mind.

A container, Codespaces, Binder, two kinds of hub. What can be tried without them is tried: a kernel
for another server starts, and a container that is stopped ends JupyterLab.
"""

import json
import os
import re
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import dockerfiles
import equip_server
import psutil
import pytest
import yaml
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import start

ROOT = Path(__file__).resolve().parent.parent
HUB = ROOT / "notebooks" / "teaching" / "hub"
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
IGNORED = (ROOT / ".dockerignore").read_text(encoding="utf-8")
STAGES = dockerfiles.read(DOCKERFILE)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
README = (HUB / "README.md").read_text(encoding="utf-8")
DEVCONTAINER = ROOT / ".devcontainer" / "devcontainer.json"
BUILD = ROOT / ".binder" / "postBuild"


def values(name: str) -> Any:
    """A hub's settings."""
    return yaml.safe_load((HUB / name).read_text(encoding="utf-8"))


def gigabytes(size: str) -> float:
    """2 for 2G."""
    (number,) = re.findall(r"^([\d.]+)G$", size)
    return float(number)


# The container


def test_the_dockerfile_keeps_the_rules() -> None:
    assert dockerfiles.faults(DOCKERFILE) == []


@pytest.mark.parametrize(
    ("good", "bad", "fault"),
    [
        ("python:3.11-slim", "python", "FROM python: no version"),
        ("python:3.11-slim", "python:latest", "FROM python:latest: no version"),
        ("USER 1000", "USER root", "root runs it"),
        ("USER 1000\n", "", "root runs it"),
        ("USER 1000", "USER learner", "USER learner: a hub cannot see that it is not root"),
        ('CMD ["python", ', "CMD python ", "CMD: a shell between; give a list"),
        ("CMD [", 'CMD ["true"]\nCMD [', "not one CMD, at the end"),
        ("WORKDIR /opt/course", "WORKDIR course", "WORKDIR course: not from the root"),
        ("--chown=1000 ", "", "COPY . .: root's"),
        (" --yes", "", "apt-get install: it asks, or brings what it recommends"),
        (" --no-install-recommends", "", "apt-get install: it asks, or brings what it recommends"),
        ("apt-get update \\\n    && ", "", "apt-get install: lists are old, or stay"),
        (" \\\n    && rm -rf /var/lib/apt/lists/*", "", "apt-get install: lists are old, or stay"),
        ("RUN useradd", "RUN sudo useradd", "RUN sudo: not here"),
        (" --no-cache-dir", "", "pip: no --no-cache-dir"),
        (" --constraint constraints.txt", "", "pip: no --constraint constraints.txt"),
        ("PIP_NO_CACHE_DIR=1 ", "", "start.py: pip's cache stays"),
        ("start.py --version", "start.py --index-url http://a.b", "RUN PIP_NO_CACHE_DIR=1: not"),
        ("ENV PATH=", "ENV PIP_INDEX_URL=http://a.b\nENV PATH=", "ENV: an address"),
    ],
)
def test_a_fault_of_a_dockerfile_is_seen(good: str, bad: str, fault: str) -> None:
    assert DOCKERFILE.count(good) >= 1
    found = dockerfiles.faults(DOCKERFILE.replace(good, bad))
    assert any(said.startswith(fault) for said in found), found


def test_what_is_no_dockerfile_is_refused() -> None:
    with pytest.raises(ValueError, match="'FORM' is no instruction"):
        dockerfiles.read(DOCKERFILE.replace("FROM", "FORM"))
    with pytest.raises(ValueError, match="RUN comes before FROM"):
        dockerfiles.read("RUN true\n" + DOCKERFILE)


def test_the_dockerfile_names_what_is_there_and_what_is_sent() -> None:
    named = {
        path
        for stage in STAGES
        for one in stage
        if one.word == "RUN"
        for path in dockerfiles.named_paths(one, ROOT)
    }
    assert {"start.py", "constraints.txt", "course_lib"} <= named
    assert {path for path in named if path.startswith("notebooks/teaching/hub/")}
    for path in named:
        assert (ROOT / path).exists(), path
        assert not dockerfiles.kept_out(path, IGNORED), path


def test_what_git_ignores_is_not_sent_either() -> None:
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    places = [line.rstrip("/").replace("*", "course_lib") for line in ignored]
    sent = [place for place in (".git", *places) if not dockerfiles.kept_out(place, IGNORED)]
    assert sent == []
    assert dockerfiles.kept_out("course_lib/exact/__pycache__", IGNORED)
    for needed in ("course_lib/data.py", "data/mnist.npz", "pyproject.toml", "README.md"):
        assert not dockerfiles.kept_out(needed, IGNORED)


def test_the_container_opens_the_course_and_only_start_py_knows_where_pytorch_is() -> None:
    (command,) = map(json.loads, dockerfiles.words(STAGES, "CMD"))
    assert command[:2] == ["python", "start.py"]
    assert {"--no-browser", "--ServerApp.ip=0.0.0.0"} == set(command[2:])
    (where,) = dockerfiles.words(STAGES, "WORKDIR")
    assert f"PATH={where}/.venv/bin:$PATH" in dockerfiles.words(STAGES, "ENV")
    for path in ("Dockerfile", ".devcontainer/devcontainer.json", ".binder/postBuild"):
        text = (ROOT / path).read_text(encoding="utf-8")
        assert "://" not in text
        assert "start.py --version" in text


def test_each_place_has_a_python_that_the_course_promises() -> None:
    (image,) = re.findall(r"^FROM python:(\d+\.\d+)-slim AS machine$", DOCKERFILE, re.MULTILINE)
    runtime = (ROOT / ".binder" / "runtime.txt").read_text(encoding="utf-8").strip()
    assert runtime == f"python-{image}"
    assert SpecifierSet(PROJECT["requires-python"]).contains(image)
    assert tuple(map(int, image.split("."))) == start.OLDEST  # the one with most years of tests


# Codespaces and Binder


def test_the_devcontainer_is_made_from_the_same_machine() -> None:
    told = json.loads(DEVCONTAINER.read_text(encoding="utf-8"))
    build = told["build"]
    assert (DEVCONTAINER.parent / build["dockerfile"]).resolve() == ROOT / "Dockerfile"
    assert (DEVCONTAINER.parent / build["context"]).resolve() == ROOT
    stages = [stage[0].rest.partition(" AS ")[2] for stage in STAGES]
    assert build["target"] in stages
    created = re.findall(r"useradd .*--uid (\d+) (\w+)", DOCKERFILE)
    assert created == [(dockerfiles.words(STAGES, "USER")[-1], told["remoteUser"])]
    assert [str(port) for port in told["forwardPorts"]] == dockerfiles.words(STAGES, "EXPOSE")
    assert told["postCreateCommand"] == "python start.py --version"
    settings = told["customizations"]["vscode"]["settings"]
    interpreter = settings["python.defaultInterpreterPath"]
    assert interpreter == "${containerWorkspaceFolder}/.venv/bin/python"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no bit for what may be run")
def test_binders_script_is_one_that_runs() -> None:
    assert os.access(BUILD, os.X_OK)
    text = BUILD.read_text(encoding="utf-8")
    assert text.startswith("#!/bin/bash\n")
    subprocess.run(["bash", "-n", str(BUILD)], check=True)
    for path in re.findall(r"[\w/]+\.py\b", text):
        assert (ROOT / path).exists(), path
    assert sorted(path.name for path in BUILD.parent.iterdir()) == ["postBuild", "runtime.txt"]


# The hubs


def test_the_hubs_have_room_for_what_was_measured() -> None:
    most = max(int(size) for size in re.findall(r"^\| `\d\d_\w+` \| (\d+) \|$", README, re.M))
    (server,) = re.findall(r"^\| 8 \| \d+ \| (\d+) \|", README, re.M)
    needed = (most + int(server)) * 2**20 / 1e9  # a notebook and what serves it
    kubernetes, littlest = values("kubernetes.yaml"), values("littlest.yaml")
    memory = kubernetes["singleuser"]["memory"]
    assert gigabytes(memory["guarantee"]) < needed < gigabytes(memory["limit"])
    assert needed < gigabytes(littlest["limits"]["memory"])
    fourth = int(re.findall(r"^\| `04_\w+` \| (\d+) \|$", README, re.M)[0])
    thirty = 30 * (fourth + int(server)) * 2**20 / 1e9, 30 * needed
    said = re.findall(
        r"chapter 4 at once take (\d+) GB, in chapter 9, the largest,\n(\d+) GB", README
    )
    assert said == [tuple(f"{gigabyte:.0f}" for gigabyte in thirty)]


def test_kubernetes_starts_the_image_as_its_user() -> None:
    told = values("kubernetes.yaml")["singleuser"]
    assert told["cmd"] == "jupyterhub-singleuser"
    assert str(told["uid"]) == dockerfiles.words(STAGES, "USER")[-1]
    assert told["image"]["tag"] == PROJECT["version"]
    (where,) = dockerfiles.words(STAGES, "WORKDIR")
    home = told["storage"]["homeMountPath"]
    assert not Path(where).is_relative_to(home)  # a student's disk would hide the course


def test_the_littlest_hub_opens_jupyterlab_and_ends_what_is_forgotten() -> None:
    told = values("littlest.yaml")
    assert told["user_environment"] == {"default_app": "jupyterlab"}
    assert told["services"]["cull"]["enabled"] is True
    commands = re.findall(r"tljh-config set ([\w.]+) (\w+)$", README, re.MULTILINE)
    assert len(commands) == 4
    for place, value in commands:  # as the page sets them one by one
        found = told
        for key in place.split("."):
            found = found[key]
        assert str(found) == value


def test_what_a_hub_needs_is_pinned_and_nothing_twice() -> None:
    lines = (HUB / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if not line.startswith("#")]
    assert [pin for pin in pins if not re.fullmatch(r"==[\w.]+", str(pin.specifier))] == []
    names = [canonicalize_name(pin.name) for pin in pins]
    assert names[:2] == ["jupyterhub", "nbgitpuller"]
    assert f"has jupyterhub {str(pins[0].specifier)[2:]}" in README
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    other = {
        canonicalize_name(line.partition("==")[0]) for line in constraints if line[:1] not in "# "
    }
    assert len(set(names)) == len(names)
    assert not set(names) & other  # the two files could not be used together


def test_the_page_has_the_table_that_its_command_prints() -> None:
    head = re.search(
        r"HEAD = \((.*?)\n\)", (ROOT / "benchmarks" / "hub.py").read_text("utf-8"), re.S
    )
    assert head is not None
    columns = "".join(re.findall(r'"(.*?)(?:\\n.*)?"', head[1]))
    assert columns in README.splitlines()
    (latency,) = re.findall(r"^\| 8 \|.* (\d+) \| \d+ \|$", README, re.MULTILINE)
    assert int(latency) <= 150  # milliseconds from key to picture, as the course promises


def test_the_page_names_what_is_there() -> None:
    for path in re.findall(r"`((?:[\w.-]+/)*[\w-]+\.(?:py|md|yaml|txt|ipynb))`", README):
        assert (HUB / path).exists() or (ROOT / path).exists(), path
    for link in re.findall(r"\]\((?!https:)([^)#]+)\)", README):
        assert (HUB / link).exists(), link
    (notebook,) = set(re.findall(r"urlpath=lab%2Ftree%2Fcourse%2Fnotebooks%2F([\w.]+)", README))
    assert (ROOT / "notebooks" / notebook).exists()


# A server that start.py does not start


@pytest.fixture
def prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another server's environment; the course's is the one of these tests."""
    monkeypatch.setattr(start, "venv_python", lambda: Path(sys.executable))
    (tmp_path / "pyvenv.cfg").touch()
    return tmp_path


@pytest.mark.long
def test_another_server_starts_the_courses_kernel(
    prefix: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_PATH", str(prefix / "share" / "jupyter"))
    for _ in range(2):  # once more does no harm
        assert equip_server.main([str(prefix)]) == 0
    kernels = prefix / "share" / "jupyter" / "kernels"
    assert capsys.readouterr().out.splitlines()[0] == str(kernels / "python3")
    there = KernelSpecManager(kernel_dirs=[str(kernels)], ensure_native_kernel=False)
    assert there.get_all_specs()["python3"]["spec"]["argv"][0] == sys.executable
    manager = KernelManager(kernel_name="python3", kernel_spec_manager=there)
    manager.start_kernel()
    client = manager.blocking_client()
    client.start_channels()
    said: list[str] = []
    try:
        client.wait_for_ready(timeout=60)
        client.execute_interactive(
            "import os, sys; print(sys.executable, os.environ['OMP_NUM_THREADS'])",
            timeout=60,
            output_hook=lambda message: said.append(message["content"].get("text", "")),
        )
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert "".join(said).split() == [sys.executable, "1"]


def test_another_server_shows_stored_pictures(prefix: Path) -> None:
    equip_server.equip(prefix)
    copy = prefix / "share" / "jupyter" / "labextensions" / "course-pictures"
    told = json.loads((copy / "package.json").read_text(encoding="utf-8"))
    assert (copy / told["jupyterlab"]["_build"]["load"]).exists()


@pytest.mark.parametrize(
    ("gone", "complaint"),
    [("pyvenv.cfg", "is no Python environment"), ("python", "`python3 start.py --version` makes")],
)
def test_what_cannot_be_equipped_is_said(
    gone: str,
    complaint: str,
    prefix: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(start, "venv_python", lambda: prefix / "python")
    (prefix / "python").touch()
    (prefix / gone).unlink()
    assert equip_server.main([str(prefix)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("equip_server.py: ")
    assert complaint in line
    assert not (prefix / "share").exists()


# What a container needs of start.py


def test_an_option_that_is_given_replaces_start_pys_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """JupyterLab refuses one that comes twice."""
    seen: list[tuple[str, ...]] = []

    def run(*words: str, threads: int) -> int:
        assert threads == 1
        seen.append(words)
        return 0

    monkeypatch.setattr(start, "run", run)
    notebook = ROOT / "notebooks" / "01_intractable_evidence.ipynb"
    start.open_lab(notebook, ["--no-browser", "--ServerApp.ip=0.0.0.0"])
    start.open_lab(notebook, [])
    addresses = [[word for word in words if ".ip=" in word] for words in seen]
    assert addresses == [["--ServerApp.ip=0.0.0.0"], ["--ServerApp.ip=127.0.0.1"]]
    assert set(seen[1]) - set(seen[0]) == {"--ServerApp.ip=127.0.0.1"}


@pytest.mark.skipif(os.name == "nt", reason="Windows ends a process without asking it")
def test_what_stops_start_py_stops_what_it_started() -> None:
    child = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    parent = f"""
import sys, start
start.venv_python = lambda: sys.executable
sys.exit(start.run("-c", {child!r}))
"""
    command = [sys.executable, "-c", parent]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        started = psutil.Process(int(process.stdout.readline()))
        process.terminate()
        assert process.wait(30) == -signal.SIGTERM % 256
        started.wait(30)
