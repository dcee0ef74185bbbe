"""A forwarder over UDP, for the whole service: it has the RRsets it is given, and no more."""

from contextlib import AbstractContextManager

from kit.datagrams import answering

from resolver.iterate.verdict import RRset
from wire.dns.codes import HeaderFlag, Rcode
from wire.dns.message import ResourceRecord, build_response, parse_message

FLAGS = HeaderFlag.QR | HeaderFlag.RD | HeaderFlag.RA


def root_server(*rrsets: RRset) -> AbstractContextManager[int]:
    """A forwarder that has these RRsets; its port. To everything else it says SERVFAIL."""
    known = {rrset.owner + rrset.rrtype.to_bytes(2, "big") + b"\0\1": rrset for rrset in rrsets}

    def answer(data: bytes) -> bytes:
        query = parse_message(data)
        rrset = known.get(query.question.lower())
        records = []
        if rrset is not None:
            records += [ResourceRecord(rrset.owner, rrset.rrtype, 1, rrset.ttl, rdata) for rdata in rrset.rdatas]
            records += [ResourceRecord(rrset.owner, 46, 1, rrset.ttl, rdata) for rdata in rrset.signatures]
        rcode = Rcode.SERVFAIL if rrset is None else Rcode.NOERROR
        return data[:2] + build_response(query.question, FLAGS, rcode, records).message[2:]

    return answering(answer)
