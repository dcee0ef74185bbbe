"""Records as people write them, one by one or in a master file (RFC 1035 §5): dnspython reads, we keep the lines."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, TypeVar, cast

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tokenizer
import dns.zonefile

from anchorhold.config.errors import Wrong
from anchorhold.config.names import show_domain
from resolver.policy_settings import LocalRecord
from wire.dns.names import is_below

T = TypeVar("T")

DIRECTIVES = ("$ORIGIN", "$TTL", "$GENERATE")
"""$INCLUDE is not among them: which files are read stands in the configuration."""

MAX_RECORDS = 100_000
"""Records of all tables and files of one configuration; those of automatic reverse names come on top."""

CNAME, A, AAAA, PTR = (int(dns.rdatatype.from_text(text)) for text in ("CNAME", "A", "AAAA", "PTR"))

_SIGNING = frozenset(map(dns.rdatatype.from_text, ("RRSIG", "NSEC", "NSEC3", "NSEC3PARAM", "ZONEMD")))
_FOLDED = (dns.rdatatype.CNAME, dns.rdatatype.DNAME)
"""Names that are walked along."""
_EXAMPLE = "write it as in a master file: nas A 192.168.1.2"


class Line(NamedTuple):
    """A record and the line it begins on, counted from 1."""

    number: int
    record: LocalRecord


class _Reader(dns.zonefile.Reader):
    """Remembers where each record begins."""

    line = 1

    def _rr_line(self) -> None:
        self.line = self.tok.where()[1]
        super()._rr_line()

    def _generate_line(self) -> None:
        self.line = self.tok.where()[1]
        super()._generate_line()  # type: ignore[no-untyped-call]


class _Taker:
    """What dnspython's reader gives its records to, in place of a zone."""

    def __init__(self, zone: bytes, most: int) -> None:
        self.manager = self
        self.taken: list[Line] = []
        self.reader: _Reader | None = None
        self._zone = zone
        self._most = most
        self._names: dict[dns.name.Name, bytes] = {}

    def origin_information(self) -> tuple[dns.name.Name, bool, dns.name.Name]:
        """The root: a name outside the zone is to be complained about, not left out."""
        return dns.name.root, False, dns.name.root

    def check_put_rdataset(self, check: object) -> None:
        """What cannot stand together is looked at when all tables are there."""

    def _set_origin(self, origin: dns.name.Name) -> None:
        """$ORIGIN is the reader's business."""

    def add(self, name: dns.name.Name, ttl: int, rdata: dns.rdata.Rdata) -> None:
        """A record. Raises Wrong."""
        owner = self._names.get(name)
        if owner is None:
            owner = self._names[name] = name.canonicalize().to_wire() or b""
            if not is_below(owner, self._zone):
                raise Wrong(
                    f"{name} is not in {show_domain(self._zone)}",
                    "write it relative to the zone, or in a table of its own",
                )
        if rdata.rdtype in _SIGNING:
            raise Wrong("zones are answered without signatures here", "use the file before signing")
        if dns.rdatatype.is_metatype(rdata.rdtype):
            raise Wrong(f"the type {rdata.rdtype.name} is for questions only", _EXAMPLE)
        if len(self.taken) >= self._most:
            raise Wrong("too many records", f"at most {MAX_RECORDS}")
        data = rdata.to_digestable() if rdata.rdtype in _FOLDED else rdata.to_wire()
        line = 0 if self.reader is None else self.reader.line
        self.taken.append(Line(line, LocalRecord(owner, int(rdata.rdtype), ttl, data or b"")))


def read_master(text: str, zone: bytes, ttl: int, most: int = MAX_RECORDS) -> tuple[Line, ...]:
    """The records in `text`, relative to `zone` (folded); `ttl` where they say none. Raises Wrong, which names the line."""
    taker = _Taker(zone, most)
    reader = _Reader(
        dns.tokenizer.Tokenizer(text, "line"),
        dns.rdataclass.IN,
        cast(Any, taker),
        allow_directives=DIRECTIVES,
        default_ttl=ttl,
    )
    reader.current_origin = reader.last_name = dns.name.from_wire(zone, 0)[0]
    taker.reader = reader
    try:
        reader.read()
    except dns.exception.SyntaxError as error:
        # "line:NUMBER: what": the reader's own place is where it stopped, behind the record.
        what = str(error).split(": ", 1)[-1]
        if "is not allowed" in what:
            raise Wrong(f"line {reader.tok.where()[1]}: {what}", f"{', '.join(DIRECTIVES)} are") from None
        raise Wrong(f"line {reader.line}: {what or 'no record'}", _EXAMPLE) from None
    except Wrong as wrong:
        raise Wrong(f"line {reader.line}: {wrong.what}", wrong.hint) from None
    except (dns.exception.DNSException, ValueError) as error:
        raise Wrong(f"line {reader.line}: {error}", _EXAMPLE) from None
    return tuple(taker.taken)


def read_record(text: str, zone: bytes, ttl: int) -> LocalRecord:
    """The one record in `text`. Raises Wrong."""
    try:
        found = read_master(text.strip(), zone, ttl)
    except Wrong as wrong:
        raise Wrong(f"{text!r} is no record here ({wrong.what.split(': ', 1)[-1]})", wrong.hint) from None
    if len(found) != 1:
        raise Wrong(f"{text!r} is {'no record' if not found else 'more than one record'}", _EXAMPLE)
    return found[0].record


def conflicts(records: Iterable[tuple[T, LocalRecord]]) -> Iterator[tuple[T, str]]:
    """What cannot stand together (RFC 1034 §3.6.2, RFC 2181 §10.1), with the place of the later one."""
    aliases: dict[bytes, bytes] = {}
    plain: set[bytes] = set()
    for place, record in records:
        name = record.name
        if record.rrtype == CNAME:
            if name in plain:
                yield place, f"{show_domain(name)} has other records, so it can be no alias"
            elif aliases.setdefault(name, record.rdata) != record.rdata:
                yield place, f"{show_domain(name)} is an alias already"
        elif name in aliases:
            yield place, f"{show_domain(name)} is an alias, so it has no other records"
        plain.update((name,) if record.rrtype != CNAME else ())
