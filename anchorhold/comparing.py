"""Two resolvers' answers to one question, and what kind of difference that is. Pure: dnspython's messages in, words out.

Compared is what a client uses: the code, the records of the answer section, AA, AD and RA, extended errors. What is in the
other sections is each server's own business. Names are compared without case.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_address

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

BLOCKED = frozenset({15, 16, 17})
"""Extended errors of who blocks (RFC 8914 §4.16 to §4.18)."""

NULL = frozenset({"0.0.0.0", "::"})  # noqa: S104 # nothing is bound
_ADDRESSES = (dns.rdatatype.A, dns.rdatatype.AAAA)
_FLAGS = dns.flags.Flag.AA | dns.flags.Flag.AD | dns.flags.Flag.RA

Response = dns.message.Message | None
"""None: no answer came."""


class Difference(Enum):
    """What it is called, whether it is explained by itself, and how."""

    SAME = "same", True, "the same records, code and flags"
    TTL = "ttl", True, "only the time for which records may be kept"
    ORDER = "order", True, "only the order of records"
    FLAGS = "flags", True, "only flags or extended errors, such as AD from who validates"
    VARIES = (
        "varies",
        True,
        "it is not the same twice: asked again, one of them told other records, or what the other told",
    )
    NEARBY = "nearby", True, "public addresses behind the same alias: they depend on who asks"
    BLOCKED = "blocked", True, "both block it, each in its way"
    SILENT = "silent", True, "no answer from both"
    RCODE = "rcode", False, "another code"
    DATA = "data", False, "other records"
    ONE_SILENT = "one silent", False, "no answer from one of them"

    def __init__(self, word: str, explained: bool, meaning: str) -> None:
        self.word = word
        self.explained = explained
        self.meaning = meaning


@dataclass(frozen=True, slots=True)
class Answers:
    """What came from both to one question, or to the same asked again."""

    old: Response
    new: Response


def judge(first: Answers, again: Answers | None = None) -> Difference:
    """The difference; with `again`, whether it is one that comes and goes."""
    difference = _plainly(first)
    if difference.explained or again is None:
        return difference
    repeated = _plainly(again)
    if repeated.explained:
        # Also one that was silent only once.
        return Difference.VARIES if repeated in (Difference.SAME, Difference.TTL, Difference.ORDER) else repeated
    olds, news = _contents(first.old, again.old), _contents(first.new, again.new)
    if Difference.DATA in (difference, repeated) and (len(olds) > 1 or len(news) > 1 or olds & news):
        return Difference.VARIES
    return difference


def _plainly(answers: Answers) -> Difference:
    old, new = answers.old, answers.new
    if old is None or new is None:
        return Difference.SILENT if old is new else Difference.ONE_SILENT
    if blocks(old) and blocks(new):
        return Difference.BLOCKED if old.rcode() != new.rcode() or _content(old) != _content(new) else _apart(old, new)
    if old.rcode() != new.rcode():
        return Difference.RCODE
    if _content(old) != _content(new):
        return Difference.NEARBY if _is_nearby(old, new) else Difference.DATA
    return _apart(old, new)


def _apart(old: dns.message.Message, new: dns.message.Message) -> Difference:
    """How answers with the same records differ: the most remarkable of it."""
    if old.flags & _FLAGS != new.flags & _FLAGS or _errors(old) != _errors(new):
        return Difference.FLAGS
    if _rows(old) != _rows(new):
        return Difference.ORDER
    return Difference.SAME if _lifetimes(old) == _lifetimes(new) else Difference.TTL


def blocks(message: dns.message.Message) -> bool:
    """Whether it says so (RFC 8914), or gives nothing but null addresses, as blockers do."""
    if _errors(message) & BLOCKED:
        return True
    addresses = _addresses(message)
    return bool(addresses) and addresses <= NULL


def describe(response: Response) -> str:
    """The answer on one line: the code, if it is not NOERROR, the data, extended errors."""
    if response is None:
        return "no answer"
    code = dns.rcode.to_text(response.rcode())
    data = sorted(rdata.to_text() for rrset in response.answer for rdata in rrset)
    parts = ([] if code == "NOERROR" and data else [code if code != "NOERROR" else "no records"]) + data
    return ", ".join([*parts, *(f"EDE {error}" for error in sorted(_errors(response)))])


def _rows(message: dns.message.Message) -> list[tuple[str, int, bytes]]:
    return [
        (rrset.name.to_text().lower(), int(rrset.rdtype), rdata.to_digestable())
        for rrset in message.answer
        for rdata in rrset
    ]


def _content(message: dns.message.Message) -> frozenset[tuple[str, int, bytes]]:
    return frozenset(_rows(message))


def _contents(*responses: Response) -> set[frozenset[tuple[str, int, bytes]]]:
    """What was told at all; a failure is no other content."""
    return {_content(one) for one in responses if one is not None and one.rcode() == dns.rcode.NOERROR}


def _lifetimes(message: dns.message.Message) -> dict[tuple[str, int], int]:
    return {(rrset.name.to_text().lower(), int(rrset.rdtype)): rrset.ttl for rrset in message.answer}


def _errors(message: dns.message.Message) -> frozenset[int]:
    return frozenset(int(option.code) for option in message.options if isinstance(option, dns.edns.EDEOption))


def _addresses(message: dns.message.Message) -> frozenset[str]:
    return frozenset(rdata.to_text() for rrset in message.answer if rrset.rdtype in _ADDRESSES for rdata in rrset)


def _ends(message: dns.message.Message) -> frozenset[str]:
    """Names that its addresses belong to."""
    return frozenset(rrset.name.to_text().lower() for rrset in message.answer if rrset.rdtype in _ADDRESSES)


def _is_nearby(old: dns.message.Message, new: dns.message.Message) -> bool:
    aliases: Sequence[frozenset[tuple[str, int, bytes]]] = [
        frozenset(row for row in _rows(one) if row[1] == dns.rdatatype.CNAME) for one in (old, new)
    ]
    addresses = _addresses(old) | _addresses(new)
    return (
        bool(aliases[0])
        and aliases[0] == aliases[1]
        and _ends(old) == _ends(new) != frozenset()
        and all(ip_address(address).is_global for address in addresses)
    )
