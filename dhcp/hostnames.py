"""Names of clients: what one may claim, and who keeps it.

What a client says of itself is not to be trusted: without these rules anybody is `wpad`, the router or the printer. A name
belongs to who had it first, for as long as a lease lasts; nobody has to prove more than that the tags are the same (the
thought of RFC 4701, whose DHCID is a hash too).
"""

from typing import NamedTuple

from dhcp.book import LeaseBook
from dhcp.classes import Share
from dhcp.plan import Plan
from dhcp.values import Lease, LeaseChange, Tag

LONGEST = 63
"""Octets of a label (RFC 1035 §2.3.4)."""
_LONGEST_NAME = 251
"""Letters of a label and a domain without dots at their end that make a name of 255 octets (RFC 1035 §2.3.4)."""
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


def published(book: LeaseBook, plan: Plan, share: Share, claimant: Claimant, label: str) -> str:
    """The name that is published for a client: its reservation's, else what it can claim of `label`; empty: none.

    What the configuration gives is the client's also if somebody has it: `freed` takes it away.
    """
    if not plan.settings.names or not share.named:
        return ""
    if share.reservation is not None and share.reservation.name:
        return share.reservation.name.lower()
    if not label:
        return ""
    name = claim(book, label, claimant, plan.unclaimable)
    return name if len(name) + len(plan.domain_of(share.subnet.name)) <= _LONGEST_NAME else ""


def is_from(name: str, wanted: str) -> bool:
    """True if `name` is what `wanted` became."""
    base, _, number = name.rpartition("-")
    return name == wanted or (number.isdigit() and base == wanted[: LONGEST - 3])


def _is_free(book: LeaseBook, name: str, claimant: Claimant) -> bool:
    return all(claimant.is_of(lease) for lease in book.all_named(name))


def freed(book: LeaseBook, name: str, owner: Claimant) -> tuple[LeaseChange, ...]:
    """What takes `name` away from others, because the configuration gives it to `owner`. Nothing if it was claimed."""
    if not name:
        return ()
    return tuple(
        LeaseChange(lease, lease._replace(name="")) for lease in book.all_named(name) if not owner.is_of(lease)
    )
