"""Ask several resolvers the same, and say where they differ."""

import asyncio
import contextlib
from dataclasses import dataclass

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
from lab.plan import CLIENT, PLACES, PORT
from lab.questions import Question
from lab.zones import Content

AT_ONCE = 40
PATIENCE = 12.0

NO_ANSWER, SERVFAIL = ("no answer",), ("SERVFAIL",)

Ttls = dict[tuple[dns.name.Name, int], int]
"""Owner and type → seconds."""

Said = tuple[str, ...]
"""A response in comparable words: rcode, flags, answer records without TTLs, the negative answer's SOA owner."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One question that was answered differently."""

    question: Question
    said: dict[str, Said]


async def ask_all(questions: list[Question], resolvers: tuple[str, ...], ttls: Ttls) -> list[dict[str, Said]]:
    """What each resolver said to each question; all get them at the same time in the same order, so many at once."""

    async def one(resolver: str) -> list[Said]:
        gate = asyncio.Semaphore(AT_ONCE)

        async def put(question: Question) -> Said:
            async with gate:
                return await ask(question, PLACES[resolver].v4, PATIENCE, ttls)

        return await asyncio.gather(*(put(question) for question in questions))

    columns = await asyncio.gather(*(one(resolver) for resolver in resolvers))
    return [dict(zip(resolvers, row, strict=True)) for row in zip(*columns, strict=True)]


async def ask(question: Question, address: str, patience: float = PATIENCE, ttls: Ttls | None = None) -> Said:
    """Over UDP, over TCP if that is cut."""
    query = dns.message.make_query(question.name, question.rrtype, use_edns=0, payload=1232)
    with contextlib.suppress(dns.exception.Timeout):
        response, _ = await dns.asyncquery.udp_with_fallback(query, address, patience, PORT, source=CLIENT)
        return words(response, ttls or {})
    return NO_ANSWER


def words(response: dns.message.Message, ttls: Ttls) -> Said:
    """What of `response` has to be the same whoever gives it."""
    rcode = dns.rcode.to_text(response.rcode())
    if rcode == "SERVFAIL":
        return (rcode,)
    answer = sorted(
        f"{rrset.name.to_text().lower()} {dns.rdatatype.to_text(rrset.rdtype)} {item.to_text().lower()}"
        for rrset in response.answer
        for item in rrset
        if rrset.rdtype != dns.rdatatype.RRSIG
    )
    soa = [f"SOA {r.name.to_text().lower()}" for r in response.authority if r.rdtype == dns.rdatatype.SOA]
    wanted = response.question[0].rdtype
    positive = any(rrset.rdtype == wanted for rrset in response.answer)
    return (rcode, *_flags(response), *answer, *([] if positive else soa), *_faults(response, ttls))


def _flags(response: dns.message.Message) -> list[str]:
    """Those that are set and should not be, or the other way round."""
    wrong = [dns.flags.to_text(bit) for bit in (dns.flags.AA, dns.flags.AD, dns.flags.TC) if response.flags & bit]
    return wrong + [f"no {bit.name}" for bit in (dns.flags.RA, dns.flags.RD) if not response.flags & bit]


def _faults(response: dns.message.Message, ttls: Ttls) -> list[str]:
    """A TTL longer than the zone's; aliases that do not follow one another from the question on."""
    found, name = [], response.question[0].name
    for rrset in response.answer:
        if rrset.ttl > ttls.get((rrset.name, rrset.rdtype), rrset.ttl):
            found.append(f"TTL too long: {rrset.name} {dns.rdatatype.to_text(rrset.rdtype)}")
        if rrset.rdtype != dns.rdatatype.DNAME and rrset.name != name:
            found.append(f"out of order: {rrset.name} where {name} is next")
        if rrset.rdtype == dns.rdatatype.CNAME and rrset.rdtype != response.question[0].rdtype:
            name = rrset[0].target
    return found


def zone_ttls(contents: dict[str, Content]) -> Ttls:
    """The TTL of every RRset as its zone has it."""
    found: Ttls = {}
    for content in contents.values():
        for name, rdataset in content.data.iterate_rdatasets():
            key = (name, rdataset.rdtype)
            found[key] = max(rdataset.ttl, found.get(key, 0))
    return found


def differences(questions: list[Question], said: list[dict[str, Said]]) -> list[Difference]:
    """Where not all said the same."""
    return [
        Difference(question, row)
        for question, row in zip(questions, said, strict=True)
        if len({_folded(words) for words in row.values()}) > 1
    ]


def stands_alone(difference: Difference, mine: str) -> bool:
    """Whether `mine` equals none of the others."""
    said = _folded(difference.said[mine])
    return all(said != _folded(theirs) for name, theirs in difference.said.items() if name != mine)


def _folded(said: Said) -> Said:
    """To give up and to be silent come to the same for who asks."""
    return SERVFAIL if said == NO_ANSWER else said
