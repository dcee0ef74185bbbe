"""Choosing IPv6 addresses and prefixes by lot.

The lot is a keyed hash of the client, its identity association and the subnet (in the manner of RFC 7943): the same client
begins at the same place each time, so it mostly gets what it had, and nobody can tell or guess from one address who has it or
what the next one is.
"""

from collections.abc import Callable, Sequence

from dhcp.addresses import is_inside
from dhcp.book import LeaseBook
from dhcp.delegated import Delegated
from dhcp.identity import Identifier, tag
from dhcp.plan import Scope, Span, own_first
from dhcp.settings import Delegation
from dhcp.values import Address, Kind, Tag
from wire.dhcp.associations6 import network

_DRAWS = 8
"""Lots drawn before the pool is searched from the last one on: in one that is half empty 255 of 256 searches end here."""

_IDENTIFIER = 64
"""Bits of an interface identifier."""
_RESERVED = (
    (0, 0),
    (0x0200_5EFF_FE00_0000, 0x0200_5EFF_FE00_5213),
    (0xFDFF_FFFF_FFFF_FF80, 0xFDFF_FFFF_FFFF_FFFF),
)
"""Interface identifiers that no host has: anycast (RFC 4291 §2.6.1, RFC 2526) and IANA's own (RFC 5453)."""


def lot(key: bytes, client: Tag, iaid: int, place: str, attempt: int = 0) -> int:
    """128 bits that say nothing without the key. `place` names a subnet or delegation."""
    drawn = client + iaid.to_bytes(4, "big") + bytes((attempt,)) + place.encode()
    return int.from_bytes(tag(key, Identifier.DRAW, drawn), "big")


def is_host(number: int) -> bool:
    """True if a host may have this address (as a number), as far as its interface identifier says."""
    identifier = number & (1 << _IDENTIFIER) - 1
    return not any(first <= identifier <= last for first, last in _RESERVED)


def draw_address(
    book: LeaseBook, scope: Scope, spans: Sequence[Span], who: tuple[Tag, int], avoided: frozenset[Address]
) -> Address | None:
    """A free address of `spans` for a client and identity association; None if all are taken. `avoided`: not these."""
    never = {int.from_bytes(address, "big") for address in avoided}

    def is_open(number: int) -> bool:
        return number not in scope.never and number not in never and is_host(number)

    for some in own_first(spans):
        size, number = sum(span.size for span in some), 0
        if not size:
            continue
        for attempt in range(_DRAWS):
            number = _at(some, lot(book.key, *who, scope.subnet.name, attempt) % size)
            if is_open(number) and book.free(Kind.ADDRESS6, number, number) is not None:
                return number.to_bytes(16, "big")
        found = _search(book, some, number, is_open)
        if found is not None:
            return found.to_bytes(16, "big")
    return None


def _at(spans: list[Span], offset: int) -> int:
    for span in spans:
        if offset < span.size:
            return span.first + offset
        offset -= span.size
    raise AssertionError("the offset is within the spans")


def _search(book: LeaseBook, spans: list[Span], start: int, is_open: Callable[[int], bool]) -> int | None:
    """The first free number from `start` on in its own span and all behind it, then from the beginning on."""
    at = next(index for index, span in enumerate(spans) if start in span)
    pieces = [(start, spans[at].last), *((span.first, span.last) for span in (*spans[at + 1 :], *spans[:at]))]
    for first, last in (*pieces, (spans[at].first, start - 1)):
        number = book.free(Kind.ADDRESS6, first, last)
        while number is not None and not is_open(number):
            number = book.free(Kind.ADDRESS6, _behind(number), last)
        if number is not None:
            return number
    return None


def _behind(number: int) -> int:
    """The next number that may be a host's: reserved identifiers are passed in one step."""
    identifier = number & (1 << _IDENTIFIER) - 1
    end = next((last for first, last in _RESERVED if first <= identifier <= last), identifier)
    return number - identifier + end + 1


def draw_prefix(
    book: LeaseBook, delegation: Delegation, who: tuple[Tag, int], barred: tuple[Delegated, ...], excluding: bool
) -> Address | None:
    """A free prefix of a delegation for a client and identity association. `barred`: nothing of these.

    With `excluding` the client can do without a part of what it gets (RFC 6603): if nothing else is left, it gets a prefix
    around one of the delegation's excluded ones.
    """
    place = f"{delegation.prefix.hex()}/{delegation.prefix_length}/{delegation.length}"
    root = (delegation.prefix, delegation.prefix_length)
    found = book.delegated.free(root, delegation.length, lot(book.key, *who, place), *barred)
    if found is not None or not excluding:
        return found
    for excluded, _ in delegation.excluded:
        around = network(excluded, delegation.length)
        part = excluded_part(delegation, around)
        if (
            part is not None
            and book.delegated.is_free(around, delegation.length)
            and _only(barred, around, part, delegation)
        ):
            return around
    return None


def excluded_part(delegation: Delegation, prefix: Address) -> tuple[Address, int] | None:
    """The one part of a delegated prefix that is excluded; None: none, or more than one or all of it, which cannot be said."""
    inside = [one for one in delegation.excluded if is_inside(one[0], prefix, delegation.length)]
    return inside[0] if len(inside) == 1 and inside[0][1] > delegation.length else None


def _only(barred: tuple[Delegated, ...], prefix: Address, part: tuple[Address, int], delegation: Delegation) -> bool:
    """True if nothing of a prefix is barred but its excluded part."""
    used = [tree.used(prefix, delegation.length) for tree in barred]
    return all(amount in (0, 1 << 128 - part[1]) for amount in used)
