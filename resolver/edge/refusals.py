"""Queries that get no resolution: which, and what they are told. A table and two builders."""

from collections.abc import Sequence
from dataclasses import dataclass

from resolver.values import Explanation
from wire.dns.codes import ExtendedError, HeaderFlag, Rcode, RecordClass, RecordType
from wire.dns.message import ResourceRecord
from wire.dns.peek import Peek

_HINFO = b"\x07RFC8482\x00"
_HINFO_TTL = 3_600


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer made without asking anybody. `minimal_any`: RFC 8482's HINFO goes with it."""

    rcode: Rcode
    explanation: Explanation | None
    minimal_any: bool = False

    def answer(self, key: bytes) -> Sequence[ResourceRecord]:
        """The records to send with it."""
        if not self.minimal_any:
            return ()
        return (ResourceRecord(key[:-4], RecordType.HINFO, RecordClass.IN, _HINFO_TTL, _HINFO),)


def _refused(text: str, code: ExtendedError = ExtendedError.NOT_SUPPORTED) -> Refusal:
    return Refusal(Rcode.REFUSED, Explanation(code, text))


# RFC 5936, RFC 1995, RFC 2930, RFC 8945: not for a resolver; MAILA and MAILB are obsolete; OPT is no type to ask for.
BY_TYPE = {
    # Reserved (RFC 6895 §3.1): no record has it.
    0: Refusal(Rcode.FORMERR, Explanation(ExtendedError.OTHER, "type 0 is not a question")),
    # > Resolvers … MUST return FORMERR … to a direct query for NXNAME, with EDE 30 (RFC 9824 §3.5)
    RecordType.NXNAME: Refusal(
        Rcode.FORMERR, Explanation(ExtendedError.INVALID_QUERY_TYPE, "NXNAME is not a question")
    ),
    RecordType.AXFR: _refused("no zone transfers here"),
    RecordType.IXFR: _refused("no zone transfers here"),
    RecordType.TKEY: _refused("no keys are exchanged here"),
    RecordType.TSIG: Refusal(Rcode.FORMERR, Explanation(ExtendedError.OTHER, "TSIG is not a question")),
    RecordType.OPT: Refusal(Rcode.FORMERR, Explanation(ExtendedError.OTHER, "OPT is not a question")),
    RecordType.MAILA: Refusal(Rcode.NOTIMP, Explanation(ExtendedError.NOT_SUPPORTED, "obsolete type")),
    RecordType.MAILB: Refusal(Rcode.NOTIMP, Explanation(ExtendedError.NOT_SUPPORTED, "obsolete type")),
    # > a DNS responder ... can synthesize and return a HINFO record (RFC 8482 §4.2)
    RecordType.ANY: Refusal(Rcode.NOERROR, None, minimal_any=True),
}

_BY_TYPE = {rrtype.to_bytes(2, "big"): refusal for rrtype, refusal in BY_TYPE.items()}
_OPCODE, _RD, _CLASS_IN = 0x7800, int(HeaderFlag.RD), b"\0\1"

_NOT_IMPLEMENTED = Refusal(Rcode.NOTIMP, Explanation(ExtendedError.NOT_SUPPORTED, "only queries are answered"))
_BAD_VERSION = Refusal(Rcode.BADVERS, Explanation(ExtendedError.NOT_SUPPORTED, "only version 0 of EDNS is known here"))
_OTHER_CLASS = _refused("only class IN is answered")
# > A resolver that receives a query with the RD bit clear SHOULD include this EDE code (RFC 8914 §4.21)
NO_RECURSION = _refused("recursion not desired: what is cached is not shown", ExtendedError.NOT_AUTHORITATIVE)
_BAD_COOKIE = Refusal(Rcode.FORMERR, Explanation(ExtendedError.OTHER, "cookie of a wrong length"))


def refusal_for(query: Peek, cookie_malformed: bool) -> Refusal | None:
    """What `query` is told instead of an answer; None if it deserves one."""
    if query.flags & _OPCODE:
        return _NOT_IMPLEMENTED
    # > If a responder does not implement the VERSION level of the request, then it MUST respond with RCODE=BADVERS
    # > (RFC 6891 §6.1.3)
    if query.edns is not None and query.edns.version != 0:
        return _BAD_VERSION
    if cookie_malformed:
        return _BAD_COOKIE
    if query.key[-2:] != _CLASS_IN:
        return _OTHER_CLASS
    if not query.flags & _RD:
        return NO_RECURSION
    return _BY_TYPE.get(query.key[-4:-2])


def build_formerr(data: bytes) -> bytes:
    """FORMERR for a message whose header could be read: id, opcode and RD given back, no sections (RFC 1035 §4.1.1).

    NOTIMP for an opcode that is not ours: its messages need not look like queries (RFC 8906 §3.1.4).
    """
    rcode = Rcode.NOTIMP if data[2] << 8 & _OPCODE else Rcode.FORMERR
    flags = HeaderFlag.QR | (data[2] << 8 & (_OPCODE | _RD)) | rcode
    return data[:2] + int(flags).to_bytes(2, "big") + bytes(8)


def build_explanation(explanation: Explanation) -> tuple[bytes, ...]:
    """The content of each extended error option: INFO-CODE u16, EXTRA-TEXT (RFC 8914 §2)."""
    codes = (explanation.code,) if explanation.also is None else (explanation.code, explanation.also)
    return tuple(int(code).to_bytes(2, "big") + explanation.text.encode("ascii", "replace") for code in codes)
