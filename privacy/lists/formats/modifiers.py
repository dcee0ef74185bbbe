"""What stands behind the `$` of an adblock rule: `$important`, `$dnstype`, `$denyallow`, `$dnsrewrite`; the rest belongs to
browsers."""

import re
from dataclasses import dataclass

from privacy.lists.entry import Record, Saying
from privacy.lists.formats.records import TYPES, read_rdata, read_type, read_types
from privacy.lists.formats.text import Unused, address_record, is_address, read_address, read_domain

Modifier = tuple[str, str]
"""Key and value."""

MAX_EXCEPTED = 255
"""Names in one `$denyallow`."""

_BROWSER_WORD = re.compile(r"[a-z0-9_~-]{1,24}")

_RCODES = {
    "NXDOMAIN": Saying.NXDOMAIN,
    "REFUSED": Saying.REFUSED,
    # A client does the same upon both: it asks its next server, if it has one.
    "SERVFAIL": Saying.REFUSED,
}


@dataclass(frozen=True, slots=True)
class Rewrite:
    """What `$dnsrewrite` says. `saying` is None for the empty value, which with `@@` stands for all rewrites."""

    saying: Saying | None
    records: tuple[Record, ...] = ()


@dataclass(frozen=True, slots=True)
class Conditions:
    """All modifiers of a rule. Fields as in `Entry`."""

    important: bool = False
    types: tuple[int, ...] = ()
    other_types: bool = False
    excepted: tuple[bytes, ...] = ()
    rewrite: Rewrite | None = None


def split_modifiers(text: str) -> tuple[Modifier, ...]:
    """At commas without a backslash; keys in lower case, values as they are."""
    found = []
    for part in re.split(r"(?<!\\),", text):
        key, _, value = part.partition("=")
        found.append((key.strip().lower(), value.replace("\\,", ",")))
    return tuple(found)


def read_modifiers(modifiers: tuple[Modifier, ...]) -> Conditions:
    """Raises Unused: a rule with one modifier that is not understood must not be used at all."""
    important = False
    types: tuple[int, ...] = ()
    others = False
    excepted: tuple[bytes, ...] = ()
    rewrite = None
    for key, value in modifiers:
        match key:
            case "important":
                important = True
            case "dnstype":
                types, others = _read_types(value)
            case "denyallow":
                excepted = _read_excepted(value)
            case "dnsrewrite":
                rewrite = read_rewrite(value)
            case "client" | "ctag":
                raise Unused(f"${key}: a list cannot know your clients; give the list to a client group instead")
            case _:
                word = f"${key}" if _BROWSER_WORD.fullmatch(key) else "a modifier"
                raise Unused(f"{word}: for browsers, and without it the rule would mean more than was meant")
    return Conditions(important, types, others, excepted, rewrite)


def _read_types(value: str) -> tuple[tuple[int, ...], bool]:
    parts = [part.strip() for part in value.split("|")]
    included = [part for part in parts if not part.startswith("~")]
    if included:
        return read_types(included), False
    return read_types(part[1:] for part in parts), True


def _read_excepted(value: str) -> tuple[bytes, ...]:
    names = [read_domain(part.strip()) for part in value.split("|")]
    if len(names) > MAX_EXCEPTED:
        raise Unused(f"$denyallow with more than {MAX_EXCEPTED} names")
    return tuple(dict.fromkeys(names))


def read_rewrite(value: str) -> Rewrite:
    """`ADDRESS`, `NAME`, `RCODE`, or `RCODE;TYPE;VALUE`. Raises Unused."""
    if not value:
        return Rewrite(None)
    if ";" not in value:
        return _read_short(value)
    rcode, *rest = value.split(";", 2)
    if rcode != "NOERROR":
        return _read_rcode(rcode)
    kind, data = rest[0], rest[1] if len(rest) == 2 else ""
    if not kind and not data:
        return Rewrite(Saying.NODATA)
    return Rewrite(Saying.RECORDS, (_read_record(read_type(kind), data),))


def _read_short(value: str) -> Rewrite:
    if value == "NOERROR":
        return Rewrite(Saying.NODATA)
    if value.isupper() and value.isalpha():
        return _read_rcode(value)
    if is_address(value):
        return Rewrite(Saying.RECORDS, (address_record(read_address(value)),))
    return Rewrite(Saying.RECORDS, (Record(TYPES["CNAME"], read_domain(value)),))


def _read_rcode(rcode: str) -> Rewrite:
    if rcode not in _RCODES:
        raise Unused("$dnsrewrite with a response code other than NOERROR, NXDOMAIN, REFUSED, SERVFAIL")
    return Rewrite(_RCODES[rcode])


def _read_record(rrtype: int, data: str) -> Record:
    words = (data.strip('"'),) if rrtype == TYPES["TXT"] else tuple(data.split())
    return Record(rrtype, read_rdata(rrtype, words))
