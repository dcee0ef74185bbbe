"""Trust anchors and negative trust anchors of a configuration."""

from functools import cache
from importlib.resources import files

from anchorhold.config.errors import Path, Wrong
from anchorhold.config.names import read_domain, show_domain
from anchorhold.config.notes import Notes
from anchorhold.config.schema import DnssecTable, NegativeTable
from resolver.dnssec.anchors import MAX_REASON, is_reason, read_anchors
from resolver.settings import Anchor, Dnssec, NegativeTrustAnchor
from wire.dns.names import ROOT, count_labels
from wire.dns.signing import build_ds

PACKAGED = "data/trust-anchors/root.ds"
"""In the package `anchorhold`; trust-anchors/README.md says where it is from."""

MAX_ANCHORS = 100
"""Trust anchors, negative ones, and names of time sources, in one configuration."""

_EXAMPLE = "write a DS or DNSKEY record: corp.example. DS 12345 13 2 49FD46E6C4B45C55D4AC…"


@cache
def packaged_anchors() -> tuple[Anchor, ...]:
    """The root's, as they come with the program. Read once: the loader cannot open our files after it has given up its
    rights."""
    return _read(files("anchorhold").joinpath(PACKAGED).read_text(encoding="ascii"))


def _read(text: str) -> tuple[Anchor, ...]:
    return tuple(Anchor(found.zone, build_ds(record)) for found in read_anchors(text) for record in found.records)


def read_trust(table: DnssecTable, notes: Notes) -> Dnssec:
    """What `[dnssec]` comes to; what is wrong with it is noted."""
    place: Path = ("dnssec", "trust_anchors")
    given = [anchor for _, anchors in notes.each(place, table.trust_anchors, read_anchor) for anchor in anchors]
    _check_number(notes, place, len(given))
    _check_number(notes, ("dnssec", "negative"), len(table.negative))
    # Whoever names keys of the root trusts these and no others.
    packaged = () if any(anchor.zone == ROOT for anchor in given) else packaged_anchors()
    negative = [_negative(notes, ("dnssec", "negative", number), one) for number, one in enumerate(table.negative)]
    _check_twice(notes, negative, {anchor.zone for anchor in given})
    sources = _time_sources(notes, table.time_sources)
    excepted = tuple(one for one in negative if one is not None)
    return Dnssec((*packaged, *given), excepted, sources, sha1_signatures=table.sha1_signatures)


def read_anchor(text: str) -> tuple[Anchor, ...]:
    """The anchor in one record's text form. Raises Wrong."""
    try:
        found = _read(text)
    except ValueError as error:
        raise Wrong(str(error).replace("line 1 is", "this is"), _EXAMPLE) from None
    if len(found) != 1:
        raise Wrong("this is no trust anchor, or more than one", _EXAMPLE)
    return found


def followed_anchors(dnssec: Dnssec) -> tuple[Anchor, ...]:
    """Those whose zones' changes of keys are worth following: nobody asks for keys that count for nothing."""
    left_alone = {one.zone for one in dnssec.negative if one.until is None}
    return tuple(anchor for anchor in dnssec.anchors if anchor.zone not in left_alone)


def _negative(notes: Notes, path: Path, table: NegativeTable) -> NegativeTrustAnchor | None:
    if not is_reason(table.reason):
        hint = f'say why in up to {MAX_REASON} letters, for whoever wonders later: reason = "their keys expired, ticket 42"'
        notes.note((*path, "reason"), "a reason is needed", hint)
        return None
    try:
        zone = read_domain(table.zone)
    except Wrong as wrong:
        notes.note((*path, "zone"), wrong.what, wrong.hint)
        return None
    return NegativeTrustAnchor(zone, table.reason, None if table.until is None else table.until.timestamp())


def _time_sources(notes: Notes, texts: tuple[str, ...]) -> tuple[bytes, ...]:
    place: Path = ("dnssec", "time_sources")
    found = notes.each(place, texts, read_domain)
    _check_number(notes, place, len(found))
    for path, name in found:
        # "at or below" would make it the switch that there is not to be.
        if count_labels(name) < 2:
            notes.note(
                path, f"{show_domain(name)} holds more than servers of time", "name the servers: time.example.net"
            )
    return tuple(name for _, name in found)


def _check_number(notes: Notes, path: Path, number: int) -> None:
    if number > MAX_ANCHORS:
        notes.note(path, f"{number} of them", f"at most {MAX_ANCHORS}")


def _check_twice(notes: Notes, negative: list[NegativeTrustAnchor | None], trusted: set[bytes]) -> None:
    seen: set[bytes] = set()
    for number, one in enumerate(negative):
        if one is None:
            continue
        path: Path = ("dnssec", "negative", number, "zone")
        if one.zone in seen:
            notes.note(path, f"{show_domain(one.zone)} is there twice", "drop one")
        if one.zone in trusted:
            notes.note(
                path, f"{show_domain(one.zone)} has a trust anchor too, which would not count", "drop one of them"
            )
        seen.add(one.zone)
