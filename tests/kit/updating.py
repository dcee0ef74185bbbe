"""A server over TLS 1.3 that takes other keys before each answer, and wants the client to do so, too: no library does that at
our will, so its records are made by hand."""

import contextlib
import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kit.certificates import NAME, authority, identity, server_context
from kit.liar import answer
from kit.tls_record import DATA, HANDSHAKE, KEY_UPDATE, record

from resolver.settings import UpstreamSpec
from wire.dns.framing import Framer, frame


@contextmanager
def updating_server() -> Iterator[tuple[UpstreamSpec, list[int]]]:
    """How to reach it; and for each question, how many connections there were by then."""
    context, seen, connections = server_context(identity("good"), ()), list[int](), list[socket.socket]()
    # A ticket would be a record with the first keys.
    context.num_tickets = 0
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    with socket.create_server(("127.0.0.1", 0)) as server, tempfile.TemporaryDirectory() as folder:
        keys = Path(folder) / "keys"
        context.keylog_filename = str(keys)
        thread = threading.Thread(target=_serve, args=(server, context, keys, seen, connections))
        thread.start()
        try:
            spec = UpstreamSpec("tls", NAME, ("127.0.0.1",), server.getsockname()[1], "it", authorities=authority().pem)
            yield spec, seen
        finally:
            for one in (server, *connections):
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def _serve(
    server: socket.socket, context: ssl.SSLContext, keys: Path, seen: list[int], connections: list[socket.socket]
) -> None:
    """One connection after another; the end of the listener is the end."""
    with contextlib.suppress(OSError):
        while True:
            plain, _ = server.accept()
            connections.append(plain)
            with plain, context.wrap_socket(plain.dup(), server_side=True) as tls:
                _converse(plain, tls, keys, seen, len(connections))


def _converse(plain: socket.socket, tls: ssl.SSLSocket, keys: Path, seen: list[int], connections: int) -> None:
    assert tls.cipher() == ("TLS_AES_256_GCM_SHA384", "TLSv1.3", 256)
    framer, updates = Framer(), 0
    while data := tls.recv(65_536):
        for query in framer.feed(data):
            # The answer before was number 0 of these keys.
            update = record(keys, int(updates > 0), KEY_UPDATE, HANDSHAKE, updates, "SERVER")
            updates += 1
            seen.append(connections)
            plain.sendall(update + record(keys, 0, frame(answer(query)), DATA, updates, "SERVER"))
