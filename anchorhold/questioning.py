"""Many questions to two servers, by dnspython: UDP, TCP where an answer is cut; few at once and not too fast."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import dns.asyncquery
import dns.exception
import dns.message
import dns.name
import dns.rdatatype

from anchorhold.comparing import Answers, Difference, Response, judge
from anchorhold.config.service import ListenAddress
from anchorhold.text import IDNA, MAX_PAYLOAD

PATIENCE = 3.0
"""Seconds for one answer; then it is asked for once more."""

ATTEMPTS = 2
AT_ONCE = 16
"""Questions under way at once."""

MAX_QUESTIONS = 100_000


@dataclass(frozen=True, slots=True)
class Question:
    """What both are asked."""

    name: dns.name.Name
    rrtype: dns.rdatatype.RdataType

    @property
    def text(self) -> str:
        """`example.net. AAAA`."""
        return f"{self.name.to_text()} {dns.rdatatype.to_text(self.rrtype)}"


@dataclass(frozen=True, slots=True)
class Compared:
    """A question and what came of it; `answers` are the first ones."""

    question: Question
    answers: Answers
    difference: Difference


BUILT_IN = """
. NS
. DNSKEY
org. SOA
org. DNSKEY
com. NS
example.com.
example.net.
example.org. MX
ietf.org.
www.ietf.org.
wikipedia.org.
www.wikipedia.org.
kernel.org.
debian.org.
ipv4only.arpa.
dnssec-failed.org.
does-not-exist.example.com.
localhost.
a.localhost.
1.0.0.127.in-addr.arpa. PTR
1.1.168.192.in-addr.arpa. PTR
home.arpa.
local.
invalid.
test.
onion.
use-application-dns.net.
"""
"""What is asked without a file: the top, well-known names, and those that must not leave a house."""


def read_questions(text: str, types: tuple[str, ...]) -> list[Question]:
    """One `NAME [TYPE]` a line; without a type each of `types`. Empty lines and `#` are left out. Raises ValueError."""
    found: dict[Question, None] = {}
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if len(words) > 2:
            raise ValueError(f"line {number}: {len(words)} words; write NAME or NAME TYPE")
        if words:
            for rrtype in words[1:] or types:
                found[_question(words[0], rrtype, number)] = None
    if not found:
        raise ValueError("there is nothing to ask: no line with a name")
    if len(found) > MAX_QUESTIONS:
        raise ValueError(f"{len(found)} questions; at most {MAX_QUESTIONS}")
    return list(found)


def _question(name: str, rrtype: str, number: int) -> Question:
    try:
        return Question(dns.name.from_text(name, idna_codec=IDNA), dns.rdatatype.from_text(rrtype))
    except (dns.exception.DNSException, UnicodeError, ValueError):
        raise ValueError(f"line {number}: {name!r} is no domain name, or {rrtype!r} no record type") from None


async def compare(
    questions: list[Question], old: ListenAddress, new: ListenAddress, rate: float, ended: Callable[[], None]
) -> list[Compared]:
    """All of them, in their order. At most `rate` questions a second begin; `ended` is called after each."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(question: Question) -> Compared:
        async with places:
            compared = await _compare_one(question, old, new)
            ended()
            return compared

    tasks = [asyncio.create_task(one(question)) async for question in _paced(questions, rate)]
    return list(await asyncio.gather(*tasks))


async def _paced(questions: list[Question], rate: float) -> AsyncIterator[Question]:
    loop = asyncio.get_running_loop()
    start = loop.time()
    for number, question in enumerate(questions):
        await asyncio.sleep(max(0.0, start + number / rate - loop.time()))
        yield question


async def _compare_one(question: Question, old: ListenAddress, new: ListenAddress) -> Compared:
    first = await _ask_both(question, old, new)
    difference = judge(first)
    if not difference.explained:
        difference = judge(first, await _ask_both(question, old, new))
    return Compared(question, first, difference)


async def _ask_both(question: Question, old: ListenAddress, new: ListenAddress) -> Answers:
    return Answers(*await asyncio.gather(_ask(question, old), _ask(question, new)))


async def _ask(question: Question, server: ListenAddress) -> Response:
    """What came; what is no answer to this question is not taken for one."""
    for _ in range(ATTEMPTS):
        query = dns.message.make_query(question.name, question.rrtype, use_edns=0, payload=MAX_PAYLOAD)
        try:
            response, _ = await dns.asyncquery.udp_with_fallback(
                query, server.host, timeout=PATIENCE, port=server.port, ignore_unexpected=True, ignore_errors=True
            )
        except (dns.exception.DNSException, OSError, EOFError):
            continue
        return response
    return None
