"""What start.py advises when pip fails, followed step by step until a package is there.

A company's network in small: a proxy that wants a password, behind it a package index that signs
its certificate itself, wants a password too, is busy once, and asks its guests to log in.
"""

import base64
import io
import ssl
import threading
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import SHUT_WR, create_connection, socket
from typing import Any

import certifi
import pytest
from test_start_pip import LISTED, LOG_IN, certificate, here

import start

__all__ = ["here"]  # a fixture
HOST = "packages.example"
PASSWORD = "Basic " + base64.b64encode(b"name:secret").decode()
# In the order in which a reader meets it here.
ADVISED = (
    "is this machine on a network? Only the first start needs one",
    "is the proxy right that HTTPS_PROXY or pip's settings name?",
    "the proxy wants a name and a password: HTTPS_PROXY=http://name:secret@host:port",
    "if a filter on the way has its own, PIP_CERT may name a file with it",
    "the index wants a name and a password",
    "try again later",
    "the package index lists no file of {}; is its answer a log-in page?",
)
WHEEL = "course_wish-1.0-py3-none-any.whl"


@cache
def wheel() -> bytes:
    """The package course-wish, with nothing in it."""
    folder, file = "course_wish-1.0.dist-info", io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        about = "Metadata-Version: 2.1\nName: course-wish\nVersion: 1.0\n"
        archive.writestr(f"{folder}/METADATA", about)
        kind = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        archive.writestr(f"{folder}/WHEEL", kind)
        archive.writestr(f"{folder}/RECORD", "")
    return file.getvalue()


class Quiet(BaseHTTPRequestHandler):
    """Answers without a line on the console."""

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "text/html", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


class Index(Quiet):
    """What stands between a reader and the package is taken off the list `hurdles` by the test."""

    hurdles: list[str]

    def do_GET(self) -> None:
        if self.headers["Authorization"] != PASSWORD:
            self.answer(401, WWW_Authenticate="Basic realm=packages")
        elif "busy" in self.hurdles:
            self.answer(503)
        elif "log in" in self.hurdles:
            self.answer(200, LOG_IN)
        elif self.path.endswith(".whl"):
            self.answer(200, wheel())
        else:
            self.answer(200, LISTED.format(WHEEL).encode())


class Proxy(Quiet):
    """Leads every address to the index, for those who know the password."""

    index: int

    def do_CONNECT(self) -> None:
        if self.headers["Proxy-Authorization"] != PASSWORD:
            self.answer(407, Proxy_Authenticate="Basic realm=company")
            return
        with create_connection(("127.0.0.1", self.index)) as beyond:
            self.send_response(200)
            self.end_headers()
            back = threading.Thread(target=pump, args=(beyond, self.connection), daemon=True)
            back.start()
            pump(self.connection, beyond)
            back.join()


def pump(source: socket, sink: socket) -> None:
    """Passes on what comes, to the end."""
    try:
        while chunk := source.recv(65536):
            sink.sendall(chunk)
        sink.shutdown(SHUT_WR)
    except OSError:  # the other side has closed
        pass


@pytest.fixture
def company(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """The proxy's port, and the certificate of the index."""
    public, key = certificate(tmp_path, HOST)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, key)
    Index.hurdles = ["busy", "log in"]
    with (
        ThreadingHTTPServer(("127.0.0.1", 0), Index) as index,
        ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as proxy,
    ):
        index.socket = context.wrap_socket(index.socket, server_side=True)
        Proxy.index = index.server_port
        for server in (index, proxy):
            threading.Thread(target=server.serve_forever, daemon=True).start()
        yield proxy.server_port, public
        for server in (index, proxy):
            server.shutdown()


def fetched(folder: Path) -> str:
    """What start.py says of an attempt with the settings of the surroundings; "" if it worked."""
    once = {"retries": "0", "timeout": "20", "no-cache-dir": "true", **start.pip_settings()}
    words = ["download", "--no-deps", "--dest", str(folder), "course_wish==1.0"]
    status, said = start.pip(words, once)
    return start.reason(said) if status else ""


def test_each_piece_of_advice_is_a_step_towards_the_package(
    here: Path, company: tuple[int, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, public = company
    put = monkeypatch.setenv
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):  # left alone, they outdo PIP_CERT
        put(name, certifi.where())
    steps: list[Callable[[], object]] = [
        lambda: put("PIP_INDEX_URL", f"https://{HOST}/simple"),
        lambda: put("HTTPS_PROXY", f"127.0.0.1:{port}"),
        lambda: put("HTTPS_PROXY", f"http://name:secret@127.0.0.1:{port}"),
        lambda: put("PIP_CERT", str(public)),
        lambda: put("PIP_INDEX_URL", f"https://name:secret@{HOST}/simple"),
        lambda: Index.hurdles.remove("busy"),
        lambda: Index.hurdles.remove("log in"),
    ]
    put("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    put("HTTPS_PROXY", "http://127.0.0.1:9")
    for advice, follow in zip(ADVISED, steps, strict=True):
        said = fetched(here)
        assert all(part in said for part in advice.split("{}")), said
        follow()
    assert fetched(here) == ""
    assert (here / WHEEL).read_bytes() == wheel()
