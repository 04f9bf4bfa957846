"""start.py and pip: what is asked of it, what it must not heed, why it failed, in its own words.

The pip of this environment meets a package index on this machine that refuses in every way.
"""

import os
import platform
import shutil
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import start

ROOT = Path(__file__).resolve().parent.parent
LOG_IN = b"<html><body><h1>Guest network</h1><a href='/login'>Log in</a></body></html>"
LISTED = "<a href='{0}'>{0}</a>"


class Refusal(BaseHTTPRequestHandler):
    """Answers the first part of the path: a status or a page; and as a proxy, 407."""

    def do_GET(self) -> None:
        word = self.path.split("/")[1]
        pages = {
            "page": LOG_IN,
            "other": LISTED.format("course_wish-1.0-cp27-none-win32.whl").encode(),
        }
        body = pages.get(word, b"")
        self.send_response(200 if word in pages else int(word))
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_CONNECT(self) -> None:
        self.send_response(407)
        self.send_header("Proxy-Authenticate", "Basic realm=company")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def index() -> Iterator[str]:
    """The address of the refusing index."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusal) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def self_signed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an index with a certificate that nobody vouches for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate(tmp_path_factory.mktemp("tls"), "localhost"))
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusal) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"https://127.0.0.1:{server.server_port}"
        server.shutdown()


def certificate(folder: Path, host: str) -> tuple[Path, Path]:
    """The files of a certificate for the host, which it signs itself, and of its key."""
    openssl = shutil.which("openssl")
    if not openssl:
        pytest.skip("no openssl on this machine to make a certificate with")
    certificate, key = folder / "self_signed.crt", folder / "self_signed.pem"
    wish = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", f"/CN={host}"]
    name = ["-addext", f"subjectAltName=DNS:{host}"]
    command = [openssl, *wish, *name, "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """start.py's pip is the one of this environment, and what it says is kept in a folder."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy") or "CERT" in name]:
        monkeypatch.delenv(name)
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setattr(start, "venv_python", lambda: Path(sys.executable))
    monkeypatch.setattr(start, "LOG", tmp_path / "pip.log")
    return tmp_path


def refused(settings: dict[str, str]) -> str:
    """Why pip could not fetch the package course-wish, which is nowhere."""
    once = {"retries": "0", "timeout": "20", "no-cache-dir": "true", **settings}
    status, said = start.pip(["download", "--no-deps", "course_wish==1.0"], once)
    assert status
    assert "course_wish" in start.LOG.read_text(encoding="utf-8")
    line = start.reason(said)
    assert "\n" not in line
    return line


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("401", "{}/401/course-wish/ says: 401 Client Error: Unauthorized (the index wants a name"),
        ("403", "{}/403/course-wish/ says: 403 Client Error: Forbidden (is this machine allowed"),
        ("503", "{}/503/course-wish/ says: too many 503 error responses (try again later)"),
        (
            "404",
            "the package index lists no file of course_wish==1.0; is its answer a log-in page?",
        ),
        (
            "page",
            "the package index lists no file of course_wish==1.0; is its answer a log-in page?",
        ),
        ("other", f"there is no build of course_wish==1.0 for Python {start.MINE} on "),
    ],
)
def test_an_index_that_refuses_is_quoted(word: str, line: str, index: str, here: Path) -> None:
    said = refused({"index-url": f"{index}/{word}"})
    assert said.startswith(line.format(index))
    if word == "other":
        assert f"{platform.system()} {platform.machine()}; another Python may have one" in said


def test_a_package_that_one_index_refuses_and_another_lacks(index: str, here: Path) -> None:
    """The index that lacks it is one of two, and not the cause."""
    said = refused({"index-url": f"{index}/404", "extra-index-url": f"{index}/403"})
    assert said.startswith(f"{index}/403/course-wish/ says: 403 Client Error")


def test_a_certificate_that_is_not_trusted_is_named(self_signed: str, here: Path) -> None:
    said = refused({"index-url": f"{self_signed}/404"})
    assert "certificate verify failed" in said
    assert said.endswith("(if a filter on the way has its own, PIP_CERT may name a file with it)")


def test_a_proxy_that_wants_a_password_is_named(index: str, here: Path) -> None:
    said = refused({"index-url": "https://packages.example/simple", "proxy": index})
    assert "407 Proxy Authentication Required (the proxy wants a name and a password: " in said


def test_a_proxy_that_is_not_there_is_named(here: Path) -> None:
    nobody = "http://127.0.0.1:9"
    said = refused({"index-url": "https://packages.example/simple", "proxy": nobody})
    assert said.endswith("(is the proxy right that HTTPS_PROXY or pip's settings name?)")


def test_no_network_is_named(here: Path) -> None:
    said = refused({"index-url": "http://127.0.0.1:9/simple"})
    assert said.endswith("(is this machine on a network? Only the first start needs one)")
    assert "refused" in said


def test_no_index_is_named(here: Path) -> None:
    said = refused({"no-index": "1"})
    assert said == (
        "course_wish==1.0 is missing, and pip is told to ask no index (no-index, PIP_NO_INDEX)"
    )


def test_a_host_that_pip_does_not_trust_is_named(here: Path) -> None:
    said = refused({"index-url": "http://packages.example/simple"})
    assert said.startswith("pip refuses the package index: The repository located at packages.ex")


# Numbers and words of an address that are none of the refusal.
POOL = (
    "HTTPSConnectionPool(host='proxy-407.certificate', port={port}): Max retries exceeded "
    "with url: /{port}/course-wish/"
)
OBJECT = "<pip._vendor.urllib3.connection.HTTPSConnection object at 0x7f3a{port}b1d90>"


@pytest.mark.parametrize("port", ["401", "403", "407", "500", "503", "50407"])
@pytest.mark.parametrize(
    ("words", "end"),
    [
        (
            f"connection error: {POOL} (Caused by NewConnectionError('{OBJECT}: "
            "Failed to establish a new connection: [Errno 111] Connection refused'))",
            "Connection refused (is this machine on a network? Only the first start needs one)",
        ),
        (
            f"connection error: {POOL} (Caused by ProxyError('Cannot connect to "
            f"proxy.', NewConnectionError('{OBJECT}: Failed: [Errno 111] Connection refused')))",
            "refused (is the proxy right that HTTPS_PROXY or pip's settings name?)",
        ),
        (
            f"There was a problem confirming the ssl certificate: {POOL} "
            "(Caused by SSLError(SSLCertVerificationError(1, 'certificate verify failed')))",
            "failed (if a filter on the way has its own, PIP_CERT may name a file with it)",
        ),
        (
            f"{POOL} (Caused by ResponseError('too many 502 error responses'))",
            "too many 502 error responses (try again later)",
        ),
        (
            "404 Client Error: Not Found for url: https://a/{port}/course-wish/",
            "the package index lists no file of course_wish==1.0; is its answer a log-in page?",
        ),
    ],
)
def test_an_address_is_no_reason(words: str, end: str, port: str) -> None:
    words = words.format(port=port)
    said = f"Could not fetch URL https://a/{port}/course-wish/: {words} - skipping\n"
    said += "ERROR: No matching distribution found for course_wish==1.0\n"
    assert start.reason(said).endswith(end)


ODD = """\
Collecting numpy==2.4.6
ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device

Removed build tracker: 'pip-build-tracker'
"""
CONFLICT = """\
ERROR: Cannot install course and numpy<2 because these have conflicting dependencies.

The conflict is caused by:
    course 0.1.0 depends on numpy
ERROR: ResolutionImpossible: for help visit the documentation
"""
BUILD = """\
  error: subprocess-exited-with-error
  \u2570\u2500> No available output.
ERROR: Failed building wheel for coverage
hint: See above for details.
"""


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (ODD, "Could not install packages due to an OSError: [Errno 28] No space left on device"),
        (CONFLICT, "Cannot install course and numpy<2 because these have conflicting dep"),
        (BUILD, "Failed building wheel for coverage"),
        ("python: No module named pip\n", "python: No module named pip"),
        ("", "no reason given"),
    ],
)
def test_what_is_not_understood_is_quoted(said: str, line: str) -> None:
    assert start.reason(said).startswith(line)


ASTRAY = {"user": "true", "target": "elsewhere", "prefix": "elsewhere", "no-deps": "true"}
FETCHING = {
    "index-url": "https://packages.example/simple",
    "find-links": "/wheels here\n/and there",
    "cert": "/certificates/it's.pem",
    "timeout": "7",
}


def test_pip_heeds_what_says_where_and_how_it_fetches_and_nothing_else(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a file, and from variables, which prevail; as pip itself lists what it heeds."""
    lines = "".join(
        f"{word} = {value}\n".replace("\n/", "\n  /")
        for word, value in {**FETCHING, **ASTRAY}.items()
    )
    (here / "pip.conf").write_text(f"[global]\n{lines}[install]\ntimeout = 8\nroot = elsewhere\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(here / "pip.conf"))
    monkeypatch.setenv("PIP_TIMEOUT", "9")
    monkeypatch.setenv("PIP_INDEX_URL", "")
    for word in ("USER", "TARGET", "PREFIX", "REQUIRE_VIRTUALENV", "DRY_RUN"):
        monkeypatch.setenv(f"PIP_{word}", "1")
    settings = start.pip_settings()  # the machine's own settings may be among them
    assert settings.items() >= {**FETCHING, "timeout": "9"}.items()
    status, said = start.pip(["config", "list"], settings)
    assert not status
    heeded = {line.split("=")[0].split(".")[-1] for line in said.splitlines() if ":env:" in line}
    ours = {"config-file", "verbose", "progress-bar", "no-input"}
    assert heeded | ours == {*settings, *ours}
    assert not heeded & {*ASTRAY, "root", "dry-run", "require-virtualenv"}


@pytest.fixture
def asked(here: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What pip is asked, on Linux without a GPU and with no settings; it says that all is well."""
    words: list[list[str]] = []

    def pip(wish: list[str], settings: dict[str, str]) -> tuple[int, str]:
        words.append(wish)
        return 0, ""

    monkeypatch.setattr(start, "pip", pip)
    monkeypatch.setattr(start, "pip_settings", dict)
    monkeypatch.setattr(start, "VENV", here)
    monkeypatch.setattr(start, "has_gpu", lambda: False)
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    return words


COURSE = ["install", "--editable", ".", "--constraint", "constraints.txt"]
CPU = ["--no-deps", "--index-url", "https://download.pytorch.org/whl/cpu", "--retries", "1"]


def pinned() -> str:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return next(line for line in lines if line.startswith("torch=="))


def test_linux_without_a_gpu_has_torch_alone_from_the_index_of_cpu_builds(
    asked: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    start.fill_venv([])
    assert asked == [["install", pinned(), *CPU], COURSE]
    assert "100 MB and PyTorch for the CPU, 190 MB, from https://download.pytorch.org/whl/cpu." in (
        capsys.readouterr().out
    )


def test_where_that_index_is_out_of_reach_the_ordinary_one_follows_with_its_size(
    asked: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def pip(wish: list[str], settings: dict[str, str]) -> tuple[int, str]:
        asked.append(wish)
        return (1, "ERROR: no route\n") if "--index-url" in wish else (0, "")

    monkeypatch.setattr(start, "pip", pip)
    start.fill_venv([])
    assert asked[1:] == [COURSE]
    why, then = capsys.readouterr().out.splitlines()[-2:]
    assert why == "No PyTorch from there: no route."
    assert then == "The package index is asked for it; its build, with CUDA, is 2.7 GB."


@pytest.mark.parametrize(
    ("system", "gpu", "settings", "size"),
    [
        ("Linux", True, {}, "100 MB and PyTorch for your NVIDIA GPU, 2.7 GB."),
        ("Darwin", False, {}, "100 MB and PyTorch, 120 MB."),
        ("Windows", True, {}, "100 MB and PyTorch, 120 MB."),
        ("Linux", False, {"no-index": "1"}, "the PyTorch that your settings of pip lead to."),
        (
            "Linux",
            False,
            {"find-links": "/wheels"},
            "the PyTorch that your settings of pip lead to.",
        ),
        ("Linux", False, {"constraint": "/pins"}, "the PyTorch that your settings of pip lead to."),
        ("Linux", False, {"index-url": "https://packages.example"}, "settings of pip lead to."),
    ],
)
def test_elsewhere_one_step_brings_all(
    system: str,
    gpu: bool,
    settings: dict[str, str],
    size: str,
    asked: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(start, "has_gpu", lambda: gpu)
    monkeypatch.setattr(start, "pip_settings", lambda: settings)
    start.fill_venv([])
    assert asked == [COURSE]
    line = capsys.readouterr().out.splitlines()[0]
    assert line.endswith(size)


def test_a_proxy_is_no_other_place(asked: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "pip_settings", lambda: {"proxy": "http://proxy", "cert": "/c.pem"})
    start.fill_venv([])
    assert len(asked) == 2


@pytest.mark.parametrize("folder", ["lib/python3.12/site-packages", "Lib/site-packages"])
@pytest.mark.parametrize(
    ("build", "there"), [("", True), ("+cpu", True), (".post1", True), ("0", False)]
)
def test_torch_is_fetched_once(
    folder: str, build: str, there: bool, asked: list[list[str]], here: Path
) -> None:
    version = pinned().replace("==", "-")
    (here / folder / f"{version}{build}.dist-info").mkdir(parents=True)
    start.fill_venv(["test"])
    tests = ["install", "--editable", ".[test]", "--constraint", "constraints.txt"]
    assert asked == ([tests] if there else [["install", pinned(), *CPU], tests])
