"""Names, types and messages as text and back, by dnspython: for people, never on the path of a query."""

from dataclasses import dataclass

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from wire.dns.codes import ExtendedError, HeaderFlag, QueryFlag

IDNA = dns.name.IDNA_2008_UTS_46 if dns.name.have_idna_2008 else dns.name.IDNA_2003
"""How letters beyond ASCII become a name: by the newer rules where the package for them is installed."""

MAX_PAYLOAD = 1_232
"""What our own queries offer over UDP, octets (RFC 9715 §3)."""


def read_name(text: str) -> bytes:
    """The folded wire form of a name as people write it; letters beyond ASCII by IDNA. Raises ValueError."""
    try:
        return dns.name.from_text(text, idna_codec=IDNA).to_digestable()
    except (dns.exception.DNSException, UnicodeError) as error:
        raise ValueError(f"{text!r} is no domain name: {error}") from None


def show_name(wire: bytes) -> str:
    """A wire name as text, escaped as in a zone file. Raises ValueError."""
    try:
        return dns.name.from_wire(wire, 0)[0].to_text()
    except dns.exception.DNSException as error:
        raise ValueError(f"no name: {error}") from None


def read_type(text: str) -> int:
    """A type by its name or as TYPE123 (RFC 3597 §5). Raises ValueError."""
    try:
        return int(dns.rdatatype.from_text(text))
    except (dns.exception.DNSException, ValueError):
        raise ValueError(f"{text!r} is no record type; examples: A, AAAA, HTTPS, TXT, TYPE65") from None


def show_type(rrtype: int) -> str:
    """A type's name, or TYPE123."""
    return dns.rdatatype.to_text(dns.rdatatype.RdataType.make(rrtype))


def question_key(name: bytes, rrtype: int) -> bytes:
    """`Query.key` of a question in class IN: folded name, type, class."""
    return name + rrtype.to_bytes(2, "big") + b"\x00\x01"


def build_question(key: bytes, flags: QueryFlag) -> bytes:
    """A whole query for the question `key`, RD set, with EDNS; DO and CD as in `flags`. Its id is 0."""
    query = dns.message.Message(id=0)
    query.flags = dns.flags.Flag.RD | (dns.flags.Flag.CD if flags & QueryFlag.CD else dns.flags.Flag(0))
    name, rrtype = dns.name.from_wire(key, 0)[0], int.from_bytes(key[-4:-2], "big")
    query.find_rrset(query.question, name, dns.rdataclass.IN, dns.rdatatype.RdataType.make(rrtype), create=True)
    query.use_edns(edns=0, ednsflags=int(dns.flags.DO) if flags & QueryFlag.DO else 0, payload=MAX_PAYLOAD)
    return query.to_wire()


@dataclass(frozen=True, slots=True)
class ShownRecord:
    """One record as text."""

    name: str
    ttl: int
    rrclass: str
    rrtype: str
    data: str

    def line(self) -> str:
        """As in a zone file."""
        return f"{self.name}\t{self.ttl}\t{self.rrclass}\t{self.rrtype}\t{self.data}"


@dataclass(frozen=True, slots=True)
class ShownMessage:
    """A response as text. `rcode` and `flags` are names; `explanations` are its extended errors with their texts."""

    rcode: str
    flags: tuple[str, ...]
    question: str
    answer: tuple[ShownRecord, ...]
    authority: tuple[ShownRecord, ...]
    additional: tuple[ShownRecord, ...]
    explanations: tuple[str, ...]
    size: int

    @property
    def positive(self) -> bool:
        """NOERROR with at least one record."""
        return self.rcode == "NOERROR" and bool(self.answer)


def show_message(data: bytes) -> ShownMessage:
    """A response's bytes as text. Raises ValueError if they are no DNS message."""
    try:
        message = dns.message.from_wire(data, one_rr_per_rrset=True)
    except (dns.exception.DNSException, ValueError) as error:
        raise ValueError(f"the answer is no DNS message: {error}") from None
    question = message.question[0].to_text() if message.question else ""
    return ShownMessage(
        rcode=dns.rcode.to_text(message.rcode()),
        flags=tuple(flag.name.lower() for flag in HeaderFlag if flag.name and int(message.flags) & flag),
        question=question,
        answer=_show_records(message.answer),
        authority=_show_records(message.authority),
        additional=_show_records(message.additional),
        explanations=tuple(_show_explanation(option) for option in message.options if _explains(option)),
        size=len(data),
    )


def _show_records(section: list[dns.rrset.RRset]) -> tuple[ShownRecord, ...]:
    return tuple(
        ShownRecord(
            rrset.name.to_text(),
            rrset.ttl,
            dns.rdataclass.to_text(rrset.rdclass),
            dns.rdatatype.to_text(rrset.rdtype),
            rdata.to_text(),
        )
        for rrset in section
        for rdata in rrset
    )


def _explains(option: dns.edns.Option) -> bool:
    return isinstance(option, dns.edns.EDEOption)


def _show_explanation(option: dns.edns.Option) -> str:
    """`15 (blocked): text`, the text without what could disturb a terminal."""
    assert isinstance(option, dns.edns.EDEOption)  # noqa: S101 # _explains was asked
    code = int(option.code)
    known = [error for error in ExtendedError if error == code]
    label = known[0].name.lower().replace("_", " ") if known else "unknown"
    text = "".join(letter if letter.isprintable() else "?" for letter in option.text or "")
    return f"{code} ({label})" + (f": {text}" if text else "")
