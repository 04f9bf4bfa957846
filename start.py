"""Starts the course: makes .venv, installs what the course needs into it, opens notebook 1.

    python3 start.py              open the course in JupyterLab (python3 start.py 4: notebook 4)
    python3 start.py test         run the tests, all but the slow ones
    python3 start.py test --quick the mathematics, the style and the types: under 40 seconds
    python3 start.py test --slow  run the slow ones
    python3 start.py pages        make the pages that open from a link: pages/index.html (--single:
                                  each chapter one file; --pdf: on paper, by a Chromium;
                                  --still: with the stored pictures alone, in seconds;
                                  --into FOLDER: there, in place of pages/)
    python3 start.py refresh      run the notebooks again, store their outputs (refresh 1 3: these;
                                  refresh pages: only the generated pages and tables)

Only the standard library is used here, since nothing else is installed yet. Words after the
command go to JupyterLab or pytest: `python3 start.py --no-browser`, `python3 start.py test -k kl`.
"""

# An old Python must get as far as its refusal: annotations that it cannot evaluate are quoted.

import ast
import contextlib
import hashlib
import importlib.util
import itertools
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP = VENV / "installed.txt"
LOG = VENV / "pip.log"
INPUTS = ("pyproject.toml", "constraints.txt")
OLDEST = (3, 11)
COMMANDS = {"test": "test", "refresh": "test", "pages": "pages"}  # and what each installs
# The options of ours, and the command that each follows; what follows them is no value of theirs.
OPTIONS = {
    **dict.fromkeys(("--quick", "--slow"), "test"),
    **dict.fromkeys(("--single", "--pdf", "--still", "--into"), "pages"),
}
# What JupyterLab and nbconvert are told.
IN_LAB = ROOT / "course_lib" / "explorers" / "stage" / "lab"
# The rooms of the mathematics, and the tests of the code's own form: what `test --quick` runs.
MATHEMATICS = (
    "arguments",
    "distributions",
    "exact",
    "bounds",
    "gradients",
    "minibatch",
    "nets",
    "chain_readings",
    "vae",
)
FORM = ("style", "imports", "package", "house", "doctests", "numerals")
QUICK = "not slow and not long"  # pytest marks
# One more than there are cores: while a kernel or a browser is at work for one, the others go on.
# Each holds a gigabyte, so not more than four.
WORKERS = str(min(4, (os.cpu_count() or 1) + 1))
EXPORTERS = ("HTMLExporter", "MarkdownExporter")
MINE = ".".join(map(str, sys.version_info[:2]))

# PyTorch's own index of builds without CUDA. On Linux the package index has only one with it.
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
QUIETLY = ("--disable-pip-version-check", "--no-input", "--no-color")
# Else Python imports from the folder it is started in, where a reader may keep a random.py.
ISOLATED = ("-I", "-X", "utf8")

# Of what is set for pip, these words say where it looks, and how it gets there. They are kept; any
# other, such as `user` or `target`, would lead the course astray.
WHERE = "index-url|pypi-url|extra-index-url|find-links|no-index|constraint"
HOW = (
    "cert|client-cert|trusted-host|proxy|retries|timeout|default-timeout|cache-dir|no-cache-dir|"
    "keyring-provider|use-feature|use-deprecated"
)
# What others set for their own Python, kernels and tests, and what would reach into the course.
# JupyterLab's settings, themes and keys are the reader's own, and stay.
FOREIGN = re.compile(
    "PYTHON(?!(DONTWRITEBYTECODE|PYCACHEPREFIX|UNBUFFERED|UTF8)$)|PYTEST_|IPYTHON|"
    "JUPYTER_PATH$|JUPYTERLAB_DIR$|MPLBACKEND$|MATPLOTLIBRC$|MYPY|RUFF_|COVERAGE_"
)

# What to do about a refusal of the package index, by the first of these that its words match. A
# status stands alone before a blank, as no part of an address does.
ADVICE = (
    (r"\b407 ", "the proxy wants a name and a password: HTTPS_PROXY=http://name:secret@host:port"),
    ("ProxyError", "is the proxy right that HTTPS_PROXY or pip's settings name?"),
    ("ssl certificate: ", "if a filter on the way has its own, PIP_CERT may name a file with it"),
    ("^connection error: ", "is this machine on a network? Only the first start needs one"),
    (r"\b401 ", "the index wants a name and a password"),
    (r"\b403 ", "is this machine allowed to use it?"),
    (r"\b5\d\d ", "try again later"),
)


class Problem(Exception):
    """Something that the person who started the course can put right, said in one line."""


def main(arguments: "list[str]") -> int:  # the course needs Python 3.11 or newer
    """Does what the first word asks. Returns the exit status."""
    command = arguments[0] if arguments else "1"
    try:
        require_python(sys.version_info[:2])
        if command in ("-h", "--help"):
            print(__doc__)
            return 0
        require_plain_path()
        if command in COMMANDS:
            require_writing(command)
            install(COMMANDS[command])
            started = {"test": test, "refresh": refresh, "pages": pages}[command]
            return started(arguments[1:])
        number, options = first_number(arguments)
        notebook = find_notebook(number)
        install()
        return open_lab(notebook, options)
    except (Problem, OSError) as problem:  # OSError: such as a full disk
        print(f"start.py: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("start.py: stopped; the next start carries on from here", file=sys.stderr)
        return 130


def require_python(version: "tuple[int, ...]") -> None:
    """Raises Problem if the interpreter is too old for the course."""
    if version < OLDEST:
        raise Problem(
            f"the course needs Python 3.11 or newer, and this is {version[0]}.{version[1]} "
            f"({sys.executable}); start it with a newer one, such as `python3.11 start.py`"
        )


def require_plain_path() -> None:
    """Raises Problem if the folder's path has what those who are handed it take for a pattern.

    setuptools puts a variable's value in place of {name} and $name, and JupyterLab finds no
    extensions, so shows no explorers, where the path to them has brackets.
    """
    found = re.search(r"[{}\[\]]|\$(?=[A-Za-z_])", str(ROOT))
    if found:
        raise Problem(
            f"{ROOT} has a {found[0]} in its path, on which pip or JupyterLab would stumble: move "
            "the course to a folder without"
        )


def require_writing(command: str) -> None:
    """Raises Problem if the folder is read-only: a notebook can be read there, not more."""
    if not os.access(ROOT, os.W_OK):
        raise Problem(
            f"`{command}` writes into {ROOT}, which is read-only: copy the course to a folder of "
            "your own (to open a notebook, a ready .venv is enough)"
        )


def require_home() -> None:
    """Raises Problem if JupyterLab could not make the folders that it needs, in the home.

    Settings that are there already need not be written; data are, at every start.
    """
    data = f"{os.environ.get('XDG_DATA_HOME') or '~/.local/share'}/jupyter"
    data = "~/Library/Jupyter" if sys.platform == "darwin" else data
    places = {"JUPYTER_CONFIG_DIR": "~/.jupyter", "JUPYTER_DATA_DIR": data}
    for name, usual in places.items():
        # os.path: a user without a home, or with one that is closed to him, is no error yet.
        place = Path(os.environ.get(name) or os.path.expanduser(usual))  # noqa: PTH111
        if name == "JUPYTER_CONFIG_DIR" and os.path.exists(place):  # noqa: PTH110
            continue
        there = next(path for path in (place, *place.parents) if os.path.exists(path))  # noqa: PTH110
        if os.name == "posix" and not os.access(there, os.W_OK):
            raise Problem(
                f"JupyterLab writes into {place}, and {there} is read-only: give it a home of your "
                "own, such as `HOME=/tmp/home python3 start.py`"
            )


def first_number(arguments: "list[str]") -> "tuple[int, list[str]]":
    """The notebook's number, 1 if none is given, and the words left for JupyterLab."""
    require_order(arguments)
    if not arguments or arguments[0].startswith("-"):
        return 1, arguments
    if not arguments[0].isdecimal():
        raise Problem(
            f"{arguments[0]!r} is not a command: give a notebook's number, {', '.join(COMMANDS)} "
            "or --help"
        )
    return int(arguments[0]), arguments[1:]


def require_order(arguments: "list[str]") -> None:
    """Raises Problem if a command, or a notebook's number, stands behind other words."""
    for option in arguments:
        if option in OPTIONS:
            raise Problem(
                f"{option} goes after its command: python3 start.py {OPTIONS[option]} {option}"
            )
    for before, word in itertools.pairwise(arguments):
        value = before.startswith("-") and "=" not in before and before != "--no-browser"
        if (word in COMMANDS or word.isdecimal()) and not value:
            raise Problem(
                f"one command, or one notebook's number, goes first: python3 start.py {word}"
            )


def find_notebook(number: int) -> Path:
    """The notebook with that number. Raises Problem if there is none."""
    paths = sorted((ROOT / "notebooks").glob("*.ipynb"))
    # By their whole name: JupyterLab puts 04_gap-Copy1.ipynb and Untitled.ipynb beside them.
    found = {int(p.name[:2]): p for p in paths if re.fullmatch(r"\d\d_\w+\.ipynb", p.name)}
    if number not in found:
        there = ", ".join(map(str, found))
        raise Problem(f"there is no notebook {number}; there are {there or 'none yet'}")
    return found[number]


def venv_python() -> Path:
    """The environment's own interpreter."""
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def importing(modules: str) -> str:
    """What .venv's Python says when it imports these: its version, such as 3.12, or its error."""
    ask = f"import sys, {modules}; print(*sys.version_info[:2], sep='.')"
    command = [str(venv_python()), *ISOLATED, "-c", ask]
    try:
        ran = subprocess.run(command, capture_output=True, env=surroundings())
    except OSError as error:
        return str(error)
    said = (ran.stderr if ran.returncode else ran.stdout).decode(errors="replace").split("\n")
    return next((line.strip() for line in reversed(said) if line.strip()), f"{ran.returncode}")


def fingerprint() -> str:
    """What the environment was made from: when any of it changes, it is brought up to date."""
    digest = hashlib.sha256(str(ROOT).encode() + b"\0")
    for name in INPUTS:
        digest.update((ROOT / name).read_bytes() + b"\0")
    return digest.hexdigest()


def install(extra: str = "") -> None:
    """Brings .venv up to date with pyproject.toml and constraints.txt; at once if it already is.

    extra: "test" adds what only the tests need, "pages" what only the pages do; once there, it is
    kept up to date as well.
    Raises Problem if the environment cannot be made or filled.
    """
    if up_to_date(extra):
        return
    place = VENV if VENV.exists() else ROOT
    if not os.access(place, os.W_OK):
        raise Problem(f"{VENV} is not up to date, and {place} is read-only: copy the course")
    with alone():
        if up_to_date(extra):  # another start has just seen to it
            return
        had = stamp()[2:]
        found = importing("pip._internal.cli.main")
        if found != MINE:
            make_venv(found)
        extras = sorted({extra, *had} - {""})
        fill_venv(extras)
        ask_nothing()
        started = importing("torch, jupyterlab, course_lib")
        if started != MINE:
            raise Problem(f"what was installed does not start: {started}; see {LOG}")
        STAMP.write_text(" ".join([fingerprint(), MINE, *extras]))


def stamp() -> "list[str]":
    """What .venv was last filled with: a fingerprint, the Python, the extras; or nothing."""
    return STAMP.read_text().split() if STAMP.exists() else []


def up_to_date(extra: str) -> bool:
    """Whether .venv starts, and holds what these files and the extra ask for."""
    there = stamp()
    filled = there[:2] == [fingerprint(), importing("encodings")]
    return filled and (not extra or extra in there[2:])


@contextlib.contextmanager
def alone() -> "Iterator[None]":
    """Keeps other starts from .venv meanwhile: the course's folder is locked, where locks are.

    `kill`, or a container that is stopped, is as Ctrl-C then. Raises Problem if another start holds
    the lock.
    """

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    folder = os.open(ROOT, os.O_RDONLY) if os.name == "posix" else -1
    try:
        lock(folder)
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        if folder >= 0:
            os.close(folder)


def lock(folder: int) -> None:
    """Locks the open folder until it is closed. Raises Problem if another start has done so."""
    if folder < 0:  # on Windows, which has no such locks
        return
    import fcntl

    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Problem(
            "another start is installing the course here: wait until it is done, then start again"
        ) from None
    except OSError:  # such as a shared folder without locks
        pass


def ask_nothing() -> None:
    """JupyterLab in .venv opens without asking whether it may fetch news."""
    folder = VENV / "share" / "jupyter" / "lab" / "settings"
    folder.mkdir(parents=True, exist_ok=True)
    quiet = {"fetchNews": "false", "checkForUpdates": False}
    settings = {"@jupyterlab/apputils-extension:notification": quiet}
    (folder / "overrides.json").write_text(json.dumps(settings))
    place = VENV / "etc" / "jupyter" / "jupyter_nbconvert_config.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(exports()))


def exports() -> "dict[str, dict[str, object]]":
    """What nbconvert must be told so that pages made from notebooks say what a picture shows."""
    return {
        "TemplateExporter": {"extra_template_basedirs": [str(IN_LAB / "templates")]},
        "HTMLExporter": {"template_name": "course"},
        "MarkdownExporter": {"template_name": "course_markdown"},
    }


def make_venv(found: str) -> None:
    """A new empty environment, in place of one of no use. Raises Problem if it cannot be made.

    found: what importing() says of the old one, another version or an error.
    """
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        raise Problem(
            "this Python cannot make virtual environments; "
            f"on Debian or Ubuntu: sudo apt install python{MINE}-venv"
        )
    if VENV.exists():
        why = f"was made by Python {found}" if found[:2] == "3." else f"does not work ({found})"
        print(f"The .venv that is here {why}; it is made anew with {MINE}.", flush=True)
    command = [sys.executable, *ISOLATED, "-m", "venv", "--clear", str(VENV)]
    made = subprocess.run(command, capture_output=True, env=surroundings())
    if made.returncode:
        said = (made.stderr or made.stdout).decode(errors="replace").strip().splitlines()
        raise Problem(f"could not make {VENV}: {said[-1] if said else 'no reason given'}")


def fill_venv(extras: "list[str]") -> None:
    """Installs the course and these extras of pyproject.toml at the versions of constraints.txt.

    Raises Problem with pip's reason, and the name of the file with all that it said.
    """
    LOG.write_text("")
    settings = pip_settings()
    fetch_torch(settings, "235 MB" if "test" in extras else "100 MB")
    course = f".[{','.join(extras)}]" if extras else "."
    wish = ["install", "--editable", course, "--constraint", "constraints.txt"]
    status, said = pip(wish, settings)
    if status:
        raise Problem(f"could not install: {reason(said)}. What pip said is in {LOG}")


def fetch_torch(settings: "dict[str, str]", others: str) -> None:
    """Says what is about to be fetched, and installs PyTorch's build for the CPU where pip would
    find only the one with CUDA: on Linux. others: how much the other packages are."""
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    (torch,) = [pin for pin in pins if pin.startswith("torch==")]
    from_cpu_index = False
    if has(torch):
        size = f"the packages that are not there yet, {others} at most"
    elif any(re.fullmatch(WHERE, word) for word in settings):
        size = f"{others} and the PyTorch that your settings of pip lead to"
    elif platform.system() != "Linux":
        size = f"{others} and PyTorch, 120 MB"
    elif has_gpu():
        size = f"{others} and PyTorch for your NVIDIA GPU, 2.7 GB"
    else:
        size = f"{others} and PyTorch for the CPU, 190 MB, from {CPU_INDEX}"
        from_cpu_index = True
    print(f"Installing the course into .venv, once. About to be fetched: {size}.", flush=True)
    print("When all is there, it is unpacked and tried: another minute or two.", flush=True)
    if from_cpu_index:
        status, said = pip(torch_words(torch), settings)
        if status:
            print(f"No PyTorch from there: {reason(said)}.")
            print("The package index is asked for it; its build, with CUDA, is 2.7 GB.", flush=True)


def has(torch: str) -> bool:
    """Whether .venv has the pinned PyTorch, of whatever build."""
    name = torch.replace("==", "-") + "[.+]*dist-info"
    return any(any(VENV.glob(f"{lib}/site-packages/{name}")) for lib in ("lib/python*", "Lib"))


def torch_words(torch: str) -> "list[str]":
    """What asks pip for PyTorch's build for the CPU, such as 2.13.0+cpu for torch==2.13.0.

    Nothing else comes from that index, and this from nowhere else, so no name can be mistaken; what
    PyTorch needs follows with the course.
    """
    return ["install", torch, "--no-deps", "--index-url", CPU_INDEX, "--retries", "1"]


def pip_settings() -> "dict[str, str]":
    """What pip's settings, in files and variables, say of where and how it fetches."""
    command = [str(venv_python()), *ISOLATED, "-m", "pip", "config", "list"]
    environment = {**surroundings(), "PIP_USER": "0"}  # else only the user's file is listed
    pipe = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE)
    told = "\n".join(pipe.stdout.decode(errors="replace").splitlines())  # UTF-8 on any console
    found = {}
    for section in ("global", "install", ":env:"):  # the later ones prevail
        line = rf"^{section}\.({WHERE}|{HOW})=(['\"].+['\"])$"
        for word, value in re.findall(line, told, re.MULTILINE):
            found[word] = ast.literal_eval(value)
    return found


def has_gpu() -> bool:
    """Whether NVIDIA's driver is on this machine."""
    return bool(shutil.which("nvidia-smi")) or Path("/proc/driver/nvidia").exists()


def pip(words: "list[str]", settings: "dict[str, str]") -> "tuple[int, str]":
    """Runs .venv's pip, and shows what is large of what it fetches.

    Returns its exit status, and all that it said, which is added to LOG too.
    """
    around = {name: text for name, text in surroundings().items() if not name.startswith("PIP_")}
    around.update({f"PIP_{word.upper().replace('-', '_')}": settings[word] for word in settings})
    if "cert" in settings:  # what pip is told goes before what all programs are told
        around.pop("REQUESTS_CA_BUNDLE", None)
        around.pop("CURL_CA_BUNDLE", None)
    # Verbosity as a variable reaches also the pip in pip that fetches what builds the course.
    calm = {"PIP_CONFIG_FILE": os.devnull, "PIP_VERBOSE": "2", "PIP_PROGRESS_BAR": "off"}
    pipe = subprocess.Popen(
        [str(venv_python()), "-m", "pip", *QUIETLY, *words],
        cwd=ROOT,
        env={**around, **calm},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    said = []
    with ended_together(pipe), LOG.open("a", encoding="utf-8") as log:
        assert pipe.stdout is not None
        for line in pipe.stdout:
            said.append(line)
            if not line.lstrip().startswith("Skipping link"):  # 40,000 files for other machines
                log.write(line)
            if re.match(r"\s*Downloading .* MB\)", line):
                print(f"  {line.strip()}", flush=True)
    return pipe.returncode, "".join(said)


@contextlib.contextmanager
def ended_together(process: "subprocess.Popen[str]") -> "Iterator[None]":
    """What stops us stops the process too: it is waited for, and told to end."""
    with process:
        try:
            yield
        except BaseException:
            process.terminate()
            raise


def reason(said: str) -> str:
    """Why pip failed, in one line: its own words, and what they mean where that is known."""
    missing = re.findall(r"No matching distribution found for (\S+)", said)
    if missing:
        return why_missing(missing[-1], said)
    lines = [line.strip() for line in said.splitlines() if line.strip()] or ["no reason given"]
    errors = [line[7:] for line in lines if line.startswith("ERROR: ")] or lines
    conflict = [line for line in errors if line.startswith("Cannot install ")]
    return (conflict or errors)[-1].rstrip(".")


def why_missing(requirement: str, said: str) -> str:
    """Why pip found no file of what it wanted: what it said of the place where it looked."""
    name = re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement)[0]).lower()
    for address, words in re.findall(rf"Could not fetch URL (\S+/{name}/): (.*) - skipping", said):
        words = re.sub(r" for url: .*|['\")]+$", "", words)
        advice = [advice for sign, advice in ADVICE if re.search(sign, words)]
        if advice:  # an index without the package, 404, may be one of several
            core = re.sub(r".*(?: object at \w+>: |[(] ?['\"]|, ['\"])", "", words)
            return f"{address} says: {core} ({advice[0]})"
    untrusted = re.findall("WARNING: (The repository located at .* secure host)", said)
    if untrusted:
        return f"pip refuses the package index: {untrusted[-1]}"
    if "Ignoring indexes:" in said:
        return f"{requirement} is missing, and pip is told to ask no index (no-index, PIP_NO_INDEX)"
    if re.search(rf"link.*{name.replace('-', '[-_.]+')}-\d", said, re.IGNORECASE):
        machine = f"Python {MINE} on {platform.system()} {platform.machine()}"
        return f"there is no build of {requirement} for {machine}; another Python may have one"
    return f"the package index lists no file of {requirement}; is its answer a log-in page?"


def surroundings() -> "dict[str, str]":
    """The environment of all that is started here: the reader's, less what is FOREIGN to it."""
    kept = {name: value for name, value in os.environ.items() if not FOREIGN.match(name)}
    kept.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # a debugger's remark on stderr
    kept.setdefault("PYTHONUTF8", "1")  # Greek letters also where the console has none
    kept["JUPYTER_PREFER_ENV_PATH"] = "1"  # our kernel, though the reader has one of that name
    for name in ("NO_PROXY", "no_proxy"):  # this machine is no business of a proxy
        if name in kept or name == "NO_PROXY":
            kept[name] = ",".join(filter(None, [kept.get(name), "127.0.0.1", "localhost"]))
    return kept


def run(*words: str, threads: "int | None" = None) -> int:
    """Runs the environment's Python in the course's folder. Returns its exit status.

    threads: how many torch may use, unless OMP_NUM_THREADS says so already; None leaves it free.
    """
    environment = surroundings()
    if threads:
        environment.setdefault("OMP_NUM_THREADS", str(threads))
    # An IPython profile of the reader's own, which may change what a cell prints, is left alone.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        environment["IPYTHONDIR"] = profile
        process = subprocess.Popen([venv_python(), *words], cwd=ROOT, env=environment)
        # `kill`, or a container that is stopped, ends JupyterLab too.
        before = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        try:
            return patient(process)
        finally:
            signal.signal(signal.SIGTERM, before)


def patient(process: "subprocess.Popen[bytes]") -> int:
    """The exit status, when it comes."""
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue  # it had the Ctrl-C too: JupyterLab asks first, then ends its kernels


def test(options: "list[str]") -> int:
    """Linting, formatting, types, unit tests, stored outputs and the browser, in one pytest run.

    options: pytest's; --slow among them runs the slow tests, and only these; --quick those that
    quick_files() names. tests/conftest.py puts the longest first: the workers then finish together.
    """
    by_file = ["-n", WORKERS, "--dist", "loadfile", "--no-loadscope-reorder"]
    if "--quick" in options:
        chosen = [*by_file, "-m", QUICK, *quick_files()]
    elif "--slow" in options:  # few and long: who is done takes some of the other's
        chosen = ["-n", WORKERS, "--dist", "worksteal", "-m", "slow", "tests"]
    else:
        notebooks = ["--nbval", "--nbval-current-env", "--nbval-cell-timeout=300", "notebooks"]
        chosen = [*by_file, "-m", "not slow", *notebooks, "tests"]
    rest = [option for option in options if option not in ("--quick", "--slow")]
    return run("-m", "pytest", "-q", *chosen, *rest, threads=1)


def quick_files() -> "list[str]":
    """The tests of the code's form, and those named for a room of the mathematics."""
    names = [path.stem[len("test_") :] for path in sorted((ROOT / "tests").glob("test_*.py"))]
    chosen = [name for name in names if name in FORM]
    for room in MATHEMATICS:
        chosen += [name for name in names if name == room or name.startswith(f"{room}_")]
    return [f"tests/test_{name}.py" for name in chosen]


def refresh(numbers: "list[str]") -> int:
    """Runs the notebooks with these numbers again, or all, and stores their outputs."""
    return run("tests/refresh.py", *numbers, threads=1)


def pages(options: "list[str]") -> int:
    """Makes the pages from the notebooks as they are stored. options: those named above."""
    return run("-m", "course_lib.edition", *options, threads=1)


def open_lab(notebook: Path, options: "list[str]") -> int:
    """JupyterLab on the notebook: this machine only, behind a token, and asking no one for news."""
    require_home()
    print(f"Opening {notebook.name} in JupyterLab; Ctrl-C here stops it.")
    root = f"--ServerApp.root_dir={ROOT}"  # so that links from a notebook to the code work
    # As the default address, so that the addresses it prints lead to the notebook too.
    address = f"--LabApp.default_url=/lab/tree/{notebook.relative_to(ROOT).as_posix()}"
    # One thread: on a busy machine the small nets of the course wait for each other on several.
    given = {option.partition("=")[0] for option in options}  # JupyterLab takes none twice
    own = [word for word in (root, address, *lab_settings()) if word.partition("=")[0] not in given]
    return run("-m", "jupyterlab", *own, *options, threads=1)


def lab_settings() -> "list[str]":
    """JupyterLab's options; a token is its default."""
    settings = [
        "--ServerApp.ip=127.0.0.1",
        "--LabApp.news_url=",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        # Kernels listen on loopback too, where another user of the machine could read along.
        "--KernelManager.transport_encryption=auto",
        # Stored pictures have their words, and show where the kernel that drew them is gone.
        f"--LabServerApp.extra_labextensions_path={IN_LAB}",
        # The same for what its menu exports.
        f"--TemplateExporter.extra_template_basedirs={IN_LAB / 'templates'}",
        *(f"--{name}.template_name={exports()[name]['template_name']}" for name in EXPORTERS),
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        settings.append("--ServerApp.allow_root=True")
    return settings


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
