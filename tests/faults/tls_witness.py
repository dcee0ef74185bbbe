"""A DNS server over TLS that tells of each connection where it came from and whether a session was offered to be resumed.

    python tests/faults/tls_witness.py ADDRESS PORT CERTIFICATE KEY

One JSON object a line, on standard output.
"""

import json
import socket
import ssl
import sys
import threading
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

from kit.liar import answer  # noqa: E402

LAST = b"\4last"
"""A label; after the answer to a name that has it the connection is closed."""

PRE_SHARED_KEY, SESSION_TICKET = 41, 35


def extensions(hello: bytes) -> dict[int, bytes]:
    """Of a ClientHello in one record, by number (RFC 8446 §4.1.2)."""
    at = 5 + 4 + 2 + 32
    at += 1 + hello[at]
    at += 2 + int.from_bytes(hello[at : at + 2], "big")
    at += 1 + hello[at]
    end = at + 2 + int.from_bytes(hello[at : at + 2], "big")
    at += 2
    found = {}
    while at < end:
        kind, length = int.from_bytes(hello[at : at + 2], "big"), int.from_bytes(hello[at + 2 : at + 4], "big")
        found[kind] = hello[at + 4 : at + 4 + length]
        at += 4 + length
    return found


def serve(context: ssl.SSLContext, accepted: socket.socket) -> None:
    """One connection to its end."""
    try:
        _serve(context, accepted)
    except OSError:
        return


def _serve(context: ssl.SSLContext, accepted: socket.socket) -> None:
    accepted.settimeout(60)
    hello = b""
    while len(hello) < 5 or len(hello) < 5 + int.from_bytes(hello[3:5], "big"):
        hello = accepted.recv(16_384, socket.MSG_PEEK)
    found = extensions(hello)
    offered = bool(PRE_SHARED_KEY in found or found.get(SESSION_TICKET))
    print(json.dumps({"from": accepted.getpeername()[0], "offered": offered}), flush=True)
    with context.wrap_socket(accepted, server_side=True) as tls, tls.makefile("rwb") as stream:
        while head := stream.read(2):
            query = stream.read(int.from_bytes(head, "big"))
            response = answer(query)
            stream.write(len(response).to_bytes(2, "big") + response)
            stream.flush()
            if LAST in query:
                return


def main() -> None:
    """Until killed."""
    address, port, certificate, key = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, int(port)), family=family) as listener:
        print(json.dumps({"ready": True}), flush=True)
        while True:
            accepted, _ = listener.accept()
            threading.Thread(target=serve, args=(context, accepted), daemon=True).start()


if __name__ == "__main__":
    main()
