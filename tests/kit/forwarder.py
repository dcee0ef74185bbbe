"""A forwarder over UDP, for the whole service: it has the RRsets it is given, and no more."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from resolver.iterate.verdict import RRset
from wire.dns.codes import HeaderFlag, Rcode
from wire.dns.message import ResourceRecord, build_response, parse_message

FLAGS = HeaderFlag.QR | HeaderFlag.RD | HeaderFlag.RA


@contextmanager
def root_server(*rrsets: RRset) -> Iterator[int]:
    """A forwarder over UDP that has these RRsets; its port. To everything else it says SERVFAIL."""
    known = {rrset.owner + rrset.rrtype.to_bytes(2, "big") + b"\0\1": rrset for rrset in rrsets}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=_serve, args=(server, known))
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"", server.getsockname())
            thread.join()


def _serve(server: socket.socket, known: dict[bytes, RRset]) -> None:
    while True:
        data, client = server.recvfrom(65_535)
        if not data:
            return
        query = parse_message(data)
        rrset = known.get(query.question.lower())
        records = []
        if rrset is not None:
            records += [ResourceRecord(rrset.owner, rrset.rrtype, 1, rrset.ttl, rdata) for rdata in rrset.rdatas]
            records += [ResourceRecord(rrset.owner, 46, 1, rrset.ttl, rdata) for rdata in rrset.signatures]
        rcode = Rcode.SERVFAIL if rrset is None else Rcode.NOERROR
        response = build_response(query.question, FLAGS, rcode, records).message
        server.sendto(query.identifier.to_bytes(2, "big") + response[2:], client)
