"""Records of single names to `[[local]]` tables: names of one domain of yours share one, any other has its own."""

from dataclasses import dataclass, field
from functools import cache

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
from publicsuffixlist import PublicSuffixList

from anchorhold.migrate.draft import Table
from anchorhold.migrate.words import domain

INSIDE = frozenset(
    {"lan", "home", "local", "internal", "intranet", "private", "corp", "localdomain", "box", "home.arpa"}
)
"""Domains of no registry, in which names are one's own."""


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList(accept_unknown=False)


def _is_shared(zone: str) -> bool:
    """Whether others have names there as well, so that a table for it would speak of theirs."""
    if zone in INSIDE:
        return False
    return "." not in zone or _suffixes().publicsuffix(zone) == zone


def rdata_text(kind: str, text: str) -> str:
    """The data of a record in its usual form, names absolute. Raises ValueError if it is none."""
    try:
        parsed = dns.rdata.from_text(
            dns.rdataclass.IN, dns.rdatatype.from_text(kind), text, origin=dns.name.root, relativize=False
        )
        return parsed.to_text()
    except (dns.exception.DNSException, ValueError, UnicodeError, OverflowError, KeyError, IndexError) as error:
        raise ValueError(f"no {kind} record: {error}") from None


@dataclass
class LocalNames:
    """Writes records into `draft`. A name in one of `closed` is in that zone, where nothing else is; others are resolved as
    ever, but for what they have here."""

    draft: Table
    ptr: bool = True
    ttl: int | None = None
    closed: list[str] = field(default_factory=list)
    tables: dict[tuple[str, tuple[str, ...]], Table] = field(default_factory=dict)

    def zone_of(self, name: str) -> str:
        """In which table a name goes."""
        inside = [zone for zone in self.closed if name == zone or name.endswith(f".{zone}")]
        if inside:
            return max(inside, key=len)
        parent = name.partition(".")[2]
        return parent if parent and not _is_shared(parent) else name

    def table(self, zone: str, clients: tuple[str, ...] = (), place: int | None = None) -> Table:
        """The table of a zone, made if there is none."""
        found = self.tables.get((zone, clients))
        if found is None:
            found = self.draft.append("local", place)
            found.set("zone", zone)
            if zone not in self.closed:
                found.set("transparent", True)
            if clients:
                found.set("clients", list(clients))
            if not self.ptr:
                found.set("ptr", False)
            if self.ttl is not None:
                found.set("ttl", self.ttl)
            self.tables[zone, clients] = found
        return found

    def record(self, name: str, data: str, place: int | None, clients: tuple[str, ...] = ()) -> str:
        """Write `name` with `data` (`A 192.0.2.1`, `300 CNAME nas.lan.`). Returns where. `name` is as `domain` makes it."""
        zone = self.zone_of(name)
        if name == zone:
            owner = "@"
        else:
            owner = name if zone == "." else name.removesuffix(f".{zone}")
        return self.table(zone, clients).add("records", f"{owner} {data}", place)


def host_name(text: str) -> str:
    """A name as it stands in files of hosts, in the form that `record` takes; empty if it is none."""
    name = domain(text)
    return "" if name == "." or "\\" in name or '"' in name or "@" in name or ";" in name or "*" in name else name
