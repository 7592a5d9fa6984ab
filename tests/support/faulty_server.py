"""A real HTTP server on 127.0.0.1 that misbehaves on demand, for the tests of the data layer."""

import contextlib
import os
import re
import socket
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from utils.data.fetching import network, responses


def stay_on_this_machine(monkeypatch) -> None:
    """Make waits short, forget earlier answers and outside settings, allow only loopback."""
    for name in list(os.environ):
        is_set = name.startswith("COURSE_") and name != "COURSE_DATA_DIR"  # which is the test's own
        if name.lower().endswith("_proxy") or is_set:
            monkeypatch.delenv(name)
    monkeypatch.setattr(responses, "BACKOFF_SECONDS", 0.01)
    monkeypatch.setattr(network, "PROBE_SECONDS", 0.5)
    monkeypatch.setattr(network, "_probed", {})
    resolve = socket.getaddrinfo

    def only_loopback(host, *arguments, **options):
        if host not in ("127.0.0.1", "localhost"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return resolve(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", only_loopback)


@dataclass(frozen=True)
class Fault:
    """How one request is answered; the default is: correctly.

    Attributes:
        status: answer with this status and no file.
        headers: further headers.
        body: serve these bytes instead of the file's.
        stop_after: stop after so many bytes of the body ...
        hang: ... and keep the connection open (a stall) instead of closing it (a cut).
        ignore_range: answer a Range request with 200 and the whole file.
        content_range: send this Content-Range instead of the right one.
        pause: seconds to wait before each quarter of the body.
        no_length: do not say how long the body is.
    """

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    stop_after: int | None = None
    hang: bool = False
    ignore_range: bool = False
    content_range: str | None = None
    pause: float = 0.0
    no_length: bool = False


@dataclass(frozen=True)
class Seen:
    """One request that arrived, and how many bytes of a body it is sent."""

    path: str
    range: str | None
    sent: int


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # clients that connect at the same moment


class FaultyServer:
    """Serves `files` (path -> content); a path's first requests meet its `faults`, one each.

    `seen` lists the requests that arrived, `connections` counts the connections.
    """

    def __init__(self, keep_alive: bool = False):
        self.keep_alive = keep_alive
        self.connections = 0
        self.files: dict[str, bytes] = {}
        self.faults: dict[str, list[Fault]] = {}
        self.seen: list[Seen] = []
        self.closing = threading.Event()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    def __enter__(self) -> "FaultyServer":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def address(self) -> str:
        """The base URL, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def add(self, path: str, content: bytes, faults: Iterable[Fault] = ()) -> str:
        """Serve `content` at `path` (which starts with a slash); return the URL."""
        self.files[path] = content
        self.faults[path] = list(faults)
        return self.address + path

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1" if server.keep_alive else "HTTP/1.0"

            def setup(self):
                server.connections += 1
                super().setup()

            def do_GET(self):
                path = urlsplit(self.path).path  # as a proxy it is asked for whole addresses
                faults = server.faults.get(path)
                fault = faults.pop(0) if faults else Fault()
                # A client that goes away in the middle is part of the tests.
                with contextlib.suppress(ConnectionError):
                    self.answer(path, fault)

            def saw(self, path: str, sent: int) -> None:
                # Before the answer: the client may be done with it before this thread is.
                server.seen.append(Seen(path, self.headers.get("Range"), sent))

            def answer(self, path: str, fault: Fault) -> None:
                content = server.files.get(path) if fault.body is None else fault.body
                if fault.status is not None or content is None:
                    self.saw(path, 0)
                    self.send_response(fault.status or 404)
                    for name, value in fault.headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
                start = int(wanted[1]) if wanted and not fault.ignore_range else 0
                body = content[start:]
                stop = len(body) if fault.stop_after is None else fault.stop_after
                self.saw(path, len(body[:stop]))
                if start and not body:
                    self.send_response(416)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                self.send_response(206 if start else 200)
                if start:
                    right = f"bytes {start}-{len(content) - 1}/{len(content)}"
                    self.send_header("Content-Range", fault.content_range or right)
                for name, value in fault.headers.items():
                    self.send_header(name, value)
                if not fault.no_length:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.send_body(body[:stop], fault.pause)
                if stop < len(body):
                    self.close_connection = True
                if fault.hang:
                    server.closing.wait(10)

            def send_body(self, body: bytes, pause: float) -> None:
                quarter = max(1, -(-len(body) // 4))
                for start in range(0, len(body), quarter):
                    server.closing.wait(pause)
                    self.wfile.write(body[start : start + quarter])
                    self.wfile.flush()

            def log_message(self, *_):
                pass

        return Handler
