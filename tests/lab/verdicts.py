"""What those who validate say to questions for the signed name space (`lab/sealed.py`): rcode, AD, records."""

import asyncio
import contextlib
import random
from enum import Enum
from pathlib import Path
from typing import NamedTuple

import dns.asyncquery
import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
from lab.model import Zone
from lab.plan import CLIENT, PLACES, PORT

AT_ONCE, DELVS_AT_ONCE = 20, 6
PATIENCE = 12.0
SILENT = "no answer"


class Mode(Enum):
    """How a client asks: (AD, CD, DO)."""

    PLAIN = (False, False, False)
    AD = (True, False, False)
    DO = (False, False, True)
    CD = (False, True, True)


class Question(NamedTuple):
    """`zone` is the origin of the zone that it was made for."""

    name: str
    rrtype: str
    mode: Mode
    zone: str


class Said(NamedTuple):
    """An answer as far as it has to be the same whoever gives it. `signed`: RRsets of it with signatures beside them.
    `error`: the extended error (RFC 8914), for what it is worth."""

    rcode: str
    ad: bool = False
    answer: tuple[str, ...] = ()
    signed: tuple[str, ...] = ()
    error: int = 0


# -- questions

MATRIX = (
    *("@ A", "@ DNSKEY", "@ DS", "@ SOA", "www A", "www MX", "mixed.case AAAA", "b.ent A", "x.b.ent A", "nowhere A"),
    *("a.b.nowhere AAAA", "any.wild A", "any.wild MX", "a.b.wild TXT", "real.wild A", "x.real.wild A", "*.wild A"),
    *(
        "x.star A",
        "alias A",
        "alias CNAME",
        "lost A",
        "abroad A",
        "hashed A",
        "unsigned A",
        "broken A",
        "x.old A",
        "x.old CNAME",
    ),
    *("y.old A", "old DNAME", "any.far A", "z.a.b.c.d.e.f.g.h.i.j.k.l A", "0 A", "zzzz A", "www DS", "long TXT"),
    *("www.away A", "nowhere.away A", "www.astray A", "x.leave A", "x.stray A", "WwW A", "www NSEC", "www TYPE65280"),
    *(
        "@ NSEC3PARAM",
        "www RRSIG",
        "loop A",
        "self A",
        "self CNAME",
        "x.www A",
        "ns1 A",
        "nowhere CNAME",
        "any.wild DS",
    ),
    *("@ CDS", "a.b.c.d.e.f.g.h.i.j.k.l TXT", "f.g.h.i.j.k.l TXT", "x.x.old A", "_443._tcp.www TLSA", "s NS", "u NS"),
    *("nowhere.u A", "www.u A", "www.s A", "nowhere.s A", "www.u DS", "www.s DS"),
)
ALGORITHM = (
    *(
        "@ A",
        "@ DNSKEY",
        "@ DS",
        "www A",
        "www MX",
        "b.ent A",
        "nowhere A",
        "a.b.nowhere AAAA",
        "any.wild A",
        "any.wild MX",
    ),
    *("x.real.wild A", "alias A", "lost A", "abroad A", "broken A", "x.old A", "y.old A", "zzzz A"),
)
"""Of a zone that is there for its algorithm, not for its denials."""

CASE = (
    *(
        "@ A",
        "@ NS",
        "@ DS",
        "@ DNSKEY",
        "@ SOA",
        "www A",
        "www AAAA",
        "nowhere A",
        "b.ent A",
        "any.wild A",
        "any.wild MX",
    ),
    *("alias A", "abroad A", "unsigned A", "broken A", "a.b.old TXT", "x.b.old A", "www DS"),
)
CHILD = ("@ DS", "www A", "nowhere A")
TOP = ("@ SOA", "@ DS", "@ NS", "@ DNSKEY", "www A", "nowhere A", "a.nowhere DS", "nic TXT", "x.nic A")

MODES = (Mode.DO, Mode.AD, Mode.PLAIN, Mode.CD)


def questions(tree: tuple[Zone, ...]) -> list[Question]:
    """All of them, in an order that is the same each time and has nothing to do with the tree's."""
    found: list[Question] = []
    for zone in tree:
        for place, text in enumerate(_wanted(zone)):
            label, kind = text.split()
            name = zone.origin if label == "@" else f"{label}.{zone.origin.lstrip('.')}"
            # Everything once with DO; every third question in another manner too.
            found.append(Question(name, kind, Mode.DO, zone.origin))
            mode = MODES[1 + len(found) % 3]
            found += [Question(name, kind, mode, zone.origin)] if place % 3 == 1 else []
    random.Random(1).shuffle(found)
    return found


def _wanted(zone: Zone) -> tuple[str, ...]:
    if "matrix" in zone.notes:
        return MATRIX if zone.origin.startswith("p256") else ALGORITHM
    if any("child" in note for note in zone.notes):
        return CHILD
    return CASE if zone.notes else TOP


# -- resolvers


async def ask_all(asked: list[Question], resolvers: tuple[str, ...]) -> list[dict[str, Said]]:
    """What each said to each question; all get them at the same time in the same order, so many at once."""

    async def one(resolver: str) -> list[Said]:
        gate = asyncio.Semaphore(AT_ONCE)

        async def put(question: Question) -> Said:
            async with gate:
                return await ask(question, PLACES[resolver].v4)

        return await asyncio.gather(*(put(question) for question in asked))

    columns = await asyncio.gather(*(one(resolver) for resolver in resolvers))
    return [dict(zip(resolvers, row, strict=True)) for row in zip(*columns, strict=True)]


async def ask(question: Question, address: str, patience: float = PATIENCE) -> Said:
    ad, cd, do = question.mode.value
    query = dns.message.make_query(question.name, question.rrtype, use_edns=0 if do else None, want_dnssec=do)
    query.flags = dns.flags.RD | (dns.flags.AD if ad else 0) | (dns.flags.CD if cd else 0)
    with contextlib.suppress(dns.exception.Timeout, EOFError):
        response, _ = await dns.asyncquery.udp_with_fallback(query, address, patience, PORT, source=CLIENT)
        return words(response)
    return Said(SILENT)


def words(response: dns.message.Message) -> Said:
    rcode = dns.rcode.to_text(response.rcode())
    error = next((int(one.code) for one in response.options if isinstance(one, dns.edns.EDEOption)), 0)
    if rcode == "SERVFAIL":
        return Said(rcode, bool(response.flags & dns.flags.AD), error=error)
    records = [rrset for rrset in response.answer if rrset.rdtype != dns.rdatatype.RRSIG]
    answer = sorted(
        f"{rrset.name.to_text().lower()} {dns.rdatatype.to_text(rrset.rdtype)} {item.to_text(chunksize=0).lower()}"
        for rrset in records
        for item in rrset
    )
    signed = sorted(
        f"{rrset.name.to_text().lower()} {dns.rdatatype.to_text(rrset.covers)}"
        for rrset in response.answer
        if rrset.rdtype == dns.rdatatype.RRSIG
    )
    return Said(rcode, bool(response.flags & dns.flags.AD), tuple(answer), tuple(signed), error)


# -- delv, which is a program for one question


async def delv_all(asked: list[Question], anchor: Path) -> list[Said]:
    """What delv finds by itself, asking the resolver that does not validate."""
    gate = asyncio.Semaphore(DELVS_AT_ONCE)

    async def one(question: Question) -> Said:
        async with gate:
            return await delv(question, anchor)

    return list(await asyncio.gather(*(one(question) for question in asked)))


def write_delv_anchor(path: Path, anchor: str) -> None:
    """`anchor`, DS records as master file text, in the form that BIND has for them."""
    lines = []
    for line in anchor.splitlines():
        owner, _, _, _, tag, algorithm, kind, digest = line.split()
        lines.append(f'  {owner} static-ds {tag} {algorithm} {kind} "{digest}";\n')
    path.write_text("trust-anchors {\n" + "".join(lines) + "};\n")


DELV_FORM = ("+nottl", "+nosplit", "+norrcomments", "+nomultiline")
WORTH = ("fully validated", "unsigned answer", "answer not validated", "signed answer, pending validation")
ALIASES = ("CNAME", "DNAME")


async def delv(question: Question, anchor: Path) -> Said:
    command = [
        "delv",
        f"@{PLACES['unchecking'].v4}",
        "-a",
        str(anchor),
        "+root=.",
        *DELV_FORM,
        question.name,
        question.rrtype,
    ]
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    return read_delv(output.decode())


def read_delv(text: str) -> Said:
    """Comments before records tell what they are worth. Of the records those of an alias are left out: delv shows a DNAME
    under the name that was asked for."""
    lines = text.splitlines()
    failures = [line.partition(": ")[2] for line in lines if line.startswith(";; resolution failed:")]
    rcode = (
        {"ncache nxdomain": "NXDOMAIN", "ncache nxrrset": "NOERROR"}.get(failures[0], "SERVFAIL")
        if failures
        else "NOERROR"
    )
    worth = [line.removeprefix("; ").removeprefix("negative response, ") for line in lines]
    ad = [line == "fully validated" for line in worth if line in WORTH]
    if rcode == "SERVFAIL" or not ad:
        return Said("SERVFAIL")
    return Said(rcode, all(ad), tuple(sorted(filter(None, map(_record, lines)))))


def _record(line: str) -> str:
    if line.startswith(";") or not line.strip():
        return ""
    owner, _, kind, data = line.split(None, 3)
    return "" if kind in ("RRSIG", *ALIASES) else f"{owner.lower()} {kind} {data.lower()}"


def without_aliases(said: Said) -> Said:
    """As delv shows it."""
    return said._replace(answer=tuple(one for one in said.answer if one.split()[1] not in ALIASES), signed=())
