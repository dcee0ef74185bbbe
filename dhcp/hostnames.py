"""Names of clients: what one may claim, who keeps it, and what is told to those who answer names.

What a client says of itself is not to be trusted: without these rules anybody is `wpad`, the router or the printer. A name
belongs to who had it first, for as long as a lease lasts; nobody has to prove more than that the tags are the same (the
thought of RFC 4701, whose DHCID is a hash too).
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from dhcp.book import LeaseBook
from dhcp.values import Address, HostChange, Kind, Lease, LeaseChange, State, Tag

LONGEST = 63
"""Octets of a label (RFC 1035 §2.3.4)."""
_SUFFIXES = 99
"""How many may want one name."""
_HYPHENS = bytes.maketrans(b" _", b"--")
_FOREIGN = bytes(set(range(256)) - set(b"abcdefghijklmnopqrstuvwxyz0123456789-"))


class Claimant(NamedTuple):
    """Who wants a name."""

    client: Tag
    hardware: Tag
    """Empty if unknown."""

    def is_of(self, lease: Lease) -> bool:
        """True if the lease is the same device's: of IPv4 and IPv6, of radio and cable with one client identifier."""
        return lease.client == self.client or (self.hardware != b"" and lease.hardware == self.hardware)


def read_label(raw: bytes) -> str:
    """A host name as a client sent it (option 12, or text or wire form of option 81 decoded) as one label of letters, digits and
    hyphens, lower case, at most 63; empty if nothing of it is usable.

    Only the first label counts: the domain is ours to say. Blanks and underscores inside become hyphens, what else does not
    belong is left out ("Anna’s Phone" is `annas-phone`); a name that begins with an underscore is a service's and never a
    host's.
    """
    first = raw.partition(b".")[0].lower().strip(b" \0")
    if first.startswith(b"_"):
        return ""
    return first.translate(_HYPHENS).translate(None, _FOREIGN)[:LONGEST].strip(b"-").decode("ascii")


def claim(book: LeaseBook, wanted: str, claimant: Claimant, unclaimable: frozenset[str]) -> str:
    """The name that `claimant` gets who wants `wanted` (a label of `read_label`): that, or with `-2`, `-3`, ... if another
    device has it; empty if it cannot be had at all. Who has one of these already keeps it."""
    if not wanted or wanted in unclaimable:
        return ""
    held = {lease.name for lease in book.all_of(claimant.client) if lease.name}
    kept = next((name for name in sorted(held, key=len) if is_from(name, wanted) and name not in unclaimable), "")
    if kept and _is_free(book, kept, claimant):
        return kept
    for number in range(1, _SUFFIXES + 1):
        name = wanted if number == 1 else f"{wanted[: LONGEST - 3]}-{number}"
        if name not in unclaimable and _is_free(book, name, claimant):
            return name
    return ""


def is_from(name: str, wanted: str) -> bool:
    """True if `name` is what `wanted` became."""
    base, _, number = name.rpartition("-")
    return name == wanted or (number.isdigit() and base == wanted[: LONGEST - 3])


def _is_free(book: LeaseBook, name: str, claimant: Claimant) -> bool:
    return all(claimant.is_of(lease) for lease in book.all_named(name))


def freed(book: LeaseBook, name: str, owner: Claimant) -> tuple[LeaseChange, ...]:
    """What takes `name` away from others, because the configuration gives it to `owner`."""
    return tuple(
        LeaseChange(lease, lease._replace(name="")) for lease in book.all_named(name) if not owner.is_of(lease)
    )


def host_changes(
    book: LeaseBook, changes: Iterable[LeaseChange], domain_of: Callable[[str], str]
) -> tuple[HostChange, ...]:
    """What those who answer names have to be told after `changes` were applied to `book`.

    `domain_of` gives the domain of a subnet. A change says all addresses that the name now has, of both families; or that the
    name is gone, with the addresses it lost.
    """
    touched: dict[tuple[str, str], list[Address]] = {}
    for before, after in changes:
        if _published(before) == _published(after):
            continue
        for lease in (before, after):
            if lease is not None and _published(lease):
                touched.setdefault((lease.name, domain_of(lease.subnet)), []).append(lease.address)
    return tuple(_host_change(book, name, domain, domain_of, lost) for (name, domain), lost in touched.items())


def all_hosts(book: LeaseBook, domain_of: Callable[[str], str]) -> tuple[HostChange, ...]:
    """Every name there is, for somebody who knows none."""
    names = {(lease.name, domain_of(lease.subnet)) for lease in book.leases() if _published(lease)}
    return tuple(_host_change(book, name, domain, domain_of, []) for name, domain in sorted(names))


def _host_change(
    book: LeaseBook, name: str, domain: str, domain_of: Callable[[str], str], lost: list[Address]
) -> HostChange:
    held = {lease.address for lease in book.all_named(name) if _published(lease) and domain_of(lease.subnet) == domain}
    if held:
        return HostChange(name, domain, tuple(sorted(held, key=lambda address: (len(address), address))), False)
    return HostChange(name, domain, tuple(dict.fromkeys(lost)), True)


def _published(lease: Lease | None) -> tuple[str, str, Address] | None:
    """What of a lease is to be seen in the DNS."""
    if lease is None or not lease.name or lease.state is not State.BOUND or lease.kind is Kind.PREFIX6:
        return None
    return lease.name, lease.subnet, lease.address
