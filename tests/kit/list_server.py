"""A server of lists over https on loopback, as good or as bad as a test wants."""

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from kit.certificates import authority, server_context

HOME = "lists.home.arpa"


@dataclass
class Page:
    """What is given for a path. `pause` seconds come before every octet of the body; `claims` is the Content-Length if it is to
    be another than it is, None for none."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    claims: int | None = -1
    pause: float = 0.0
    etag: str = ""


@dataclass
class ListServer:
    """`asked` holds the path and headers of every request."""

    port: int
    pages: dict[str, Page] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"https://{host}:{self.port}{path}"

    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]


def zipped(body: bytes) -> Page:
    return Page(gzip.compress(body), headers={"Content-Encoding": "gzip"})


def trusted(directory: Path) -> dict[str, str]:
    """The environment in which the server is believed."""
    path = directory / "authority.pem"
    path.write_text(authority().pem)
    return {"SSL_CERT_FILE": str(path)}


@contextmanager
def list_server(*names: str) -> Iterator[ListServer]:
    """Its certificate holds `names`, 127.0.0.1 and HOME, unless others are given."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.daemon_threads = True
    found = ListServer(server.server_address[1])
    server.RequestHandlerClass = handler(found)
    context = server_context(authority().issue(*(names or ("127.0.0.1", HOME))))
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def handler(found: ListServer) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:  # the library's name
            headers = {name.lower(): value for name, value in self.headers.items()}
            found.asked.append((self.path, headers))
            page = found.pages.get(self.path, Page(b"not here", 404))
            if page.etag and headers.get("if-none-match") == page.etag:
                page = Page(status=304, claims=None, etag=page.etag)
            self.send_response(page.status)
            if page.claims is not None:
                self.send_header("Content-Length", str(len(page.body) if page.claims < 0 else page.claims))
            if page.etag:
                self.send_header("ETag", page.etag)
            for name, value in page.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.close_connection = True
            try:
                if not page.pause:
                    self.wfile.write(page.body)
                for octet in page.body if page.pause else b"":
                    time.sleep(page.pause)
                    self.wfile.write(bytes((octet,)))
                    self.wfile.flush()
            except OSError:
                return

    return Handler
