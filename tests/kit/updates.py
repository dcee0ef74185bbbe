"""A primary name server that takes dynamic updates (RFC 2136) signed with one TSIG key, and keeps TXT records in memory."""

import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.tsig
import dns.update

SECRET = "c2VjcmV0IG9mIHRoZSB0ZXN0cyBvbmx5LCAzMiBvY3RldHM="
KEY_FILE = f'# for tests\nkey "acme-key" {{\n\talgorithm hmac-sha256;\n\tsecret "{SECRET}";\n}};\n'.encode()


class Primary:
    """`texts` by name (without the dot at its end)."""

    def __init__(self) -> None:
        self.texts: dict[str, list[str]] = {}
        self.history: list[tuple[str, str]] = []
        self.rcode = dns.rcode.NOERROR
        self.port = 0

    def look(self, name: str) -> list[str]:
        return self.texts.get(name, [])

    def take(self, wire: bytes) -> bytes:
        key = dns.tsig.Key("acme-key", SECRET, "hmac-sha256")
        update = dns.message.from_wire(wire, keyring={key.name: key})
        assert update.had_tsig
        assert isinstance(update, dns.update.UpdateMessage)
        assert update.opcode() == dns.opcode.UPDATE
        if self.rcode == dns.rcode.NOERROR:
            for rrset in update.update:
                self._apply(rrset)
        answer = dns.message.make_response(update)
        answer.set_rcode(self.rcode)
        return answer.to_wire()

    def _apply(self, rrset) -> None:  # type: ignore[no-untyped-def]
        assert rrset.rdtype == dns.rdatatype.TXT
        name = rrset.name.to_text(omit_final_dot=True)
        values = [b"".join(one.strings).decode() for one in rrset]
        kept = self.texts.setdefault(name, [])
        for value in values:
            gone = rrset.deleting == dns.rdataclass.NONE
            self.history.append(("clean" if gone else "present", name))
            kept.remove(value) if gone else kept.append(value)


@contextmanager
def primary() -> Iterator[Primary]:
    """Listening at 127.0.0.1, `port`."""
    state = Primary()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            (length,) = struct.unpack("!H", self.rfile.read(2))
            answer = state.take(self.rfile.read(length))
            self.wfile.write(struct.pack("!H", len(answer)) + answer)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        state.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield state
        server.shutdown()
        thread.join()
