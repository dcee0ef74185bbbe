"""A client of DoH over HTTP/2 on a real connection; nothing but what it is told to send is sent."""

import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import h2.connection
import h2.events
from kit.certificates import NAME, authority
from kit.https import encoded

QUERY = struct.pack("!6H", 0, 0x0100, 1, 0, 0, 0) + b"\x09localhost\0\0\1\0\1"


def dial(port: int, source: str) -> ssl.SSLSocket:
    """A connection whose handshake is done."""
    context = ssl.create_default_context(cadata=authority().pem)
    context.set_alpn_protocols(["h2"])
    plain = socket.create_connection(("127.0.0.1", port), 10, (source, 0))
    try:
        return context.wrap_socket(plain, server_hostname=NAME)
    except OSError:
        plain.close()
        raise


@contextmanager
def connected(port: int, source: str) -> Iterator[ssl.SSLSocket]:
    with dial(port, source) as tls:
        yield tls


def ask(tls: ssl.SSLSocket) -> bool:
    """Whether one honest request gets its whole answer."""
    http = h2.connection.H2Connection()
    http.initiate_connection()
    path = f"/dns-query?dns={encoded(QUERY)}"
    fields = [(":method", "GET"), (":scheme", "https"), (":authority", NAME), (":path", path)]
    http.send_headers(1, fields, end_stream=True)
    tls.sendall(http.data_to_send())
    while data := tls.recv(65_536):
        if any(isinstance(event, h2.events.StreamEnded) for event in http.receive_data(data)):
            return True
    return False
