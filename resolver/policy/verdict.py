"""What a rule may say."""

from collections.abc import Sequence
from dataclasses import dataclass

from resolver.values import Explanation, Origin, Query, Reply
from wire.dns.codes import HeaderFlag, QueryFlag, RecordClass, RecordType
from wire.dns.message import ResourceRecord, build_response
from wire.dns.names import read_name

SOA_TIMES = b"".join(n.to_bytes(4, "big") for n in (1, 3_600, 1_200, 604_800, 10_800))
"""Serial, refresh, retry, expire, minimum as in RFC 6303 §3."""

_CD = int(QueryFlag.CD)

TTL = 10_800
"""Seconds (RFC 6303 §3)."""


@dataclass(frozen=True, slots=True)
class Say:
    """An answer made here. `rule` names who said it, `zone` the suffix that matched."""

    rule: str
    zone: bytes
    rcode: int
    answer: Sequence[ResourceRecord]
    authority: Sequence[ResourceRecord]
    explanation: Explanation | None

    def reply(self, query: Query, generation: int) -> Reply:
        """The undressed answer."""
        flags = HeaderFlag.RD | HeaderFlag.RA | (HeaderFlag.CD if query.flags & _CD else 0)
        built = build_response(query.key, flags, self.rcode, self.answer, self.authority)
        return Reply(built.message, built.ttl_offsets, TTL, generation, Origin.LOCAL, self.explanation)


def soa(zone: bytes) -> ResourceRecord:
    """The SOA of a zone that we serve empty (RFC 6303 §3)."""
    return ResourceRecord(zone, RecordType.SOA, RecordClass.IN, TTL, zone + read_name("nobody.invalid") + SOA_TIMES)
