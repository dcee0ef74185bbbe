"""Ask several resolvers the same, and say where they differ."""

import asyncio
import contextlib
from dataclasses import dataclass

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
from lab.plan import CLIENT, PLACES, PORT
from lab.questions import Question

AT_ONCE = 40
PATIENCE = 12.0

NO_ANSWER, SERVFAIL = ("no answer",), ("SERVFAIL",)

Said = tuple[str, ...]
"""A response in comparable words: rcode, flags, answer records without TTLs, the negative answer's SOA owner."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One question that was answered differently."""

    question: Question
    said: dict[str, Said]


async def ask_all(questions: list[Question], resolvers: tuple[str, ...]) -> list[dict[str, Said]]:
    """What each resolver said to each question; each gets them in the same order, so many at once."""

    async def one(resolver: str) -> list[Said]:
        gate = asyncio.Semaphore(AT_ONCE)

        async def put(question: Question) -> Said:
            async with gate:
                return await ask(question, PLACES[resolver].v4)

        return await asyncio.gather(*(put(question) for question in questions))

    columns = [await one(resolver) for resolver in resolvers]
    return [dict(zip(resolvers, row, strict=True)) for row in zip(*columns, strict=True)]


async def ask(question: Question, address: str) -> Said:
    """Over UDP, over TCP if that is cut."""
    query = dns.message.make_query(question.name, question.rrtype, use_edns=0, payload=1232)
    with contextlib.suppress(dns.exception.Timeout):
        response, _ = await dns.asyncquery.udp_with_fallback(query, address, PATIENCE, PORT, source=CLIENT)
        return words(response)
    return NO_ANSWER


def words(response: dns.message.Message) -> Said:
    rcode = dns.rcode.to_text(response.rcode())
    if rcode == "SERVFAIL":
        return (rcode,)
    flags = [dns.flags.to_text(response.flags & bit) for bit in (dns.flags.AA, dns.flags.AD) if response.flags & bit]
    flags += [] if response.flags & dns.flags.RA else ["no RA"]
    answer = sorted(
        f"{rrset.name.to_text().lower()} {dns.rdatatype.to_text(rrset.rdtype)} {item.to_text().lower()}"
        for rrset in response.answer
        for item in rrset
        if rrset.rdtype != dns.rdatatype.RRSIG
    )
    soa = [f"SOA {r.name.to_text().lower()}" for r in response.authority if r.rdtype == dns.rdatatype.SOA]
    wanted = response.question[0].rdtype
    positive = any(rrset.rdtype == wanted for rrset in response.answer)
    return (rcode, *flags, *answer, *([] if positive else soa))


def differences(questions: list[Question], said: list[dict[str, Said]], mine: str) -> list[Difference]:
    """Where `mine` equals none of the others."""
    return [
        Difference(question, row)
        for question, row in zip(questions, said, strict=True)
        if all(_folded(row[mine]) != _folded(theirs) for name, theirs in row.items() if name != mine)
    ]


def _folded(said: Said) -> Said:
    """To give up and to be silent come to the same for who asks."""
    return SERVFAIL if said == NO_ANSWER else said
