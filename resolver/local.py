"""Names of leases: who has which address now, and the answers made of that. Pure; `front` asks here before it asks anybody.

The zones are those of the configuration (`resolver.settings.LeaseNames`), the names come from the dhcp cell and go when it
says so. What the dhcp cell tells of names outside those zones is kept and never answered: one gone wrong can lie about
leases, and about nothing else.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from resolver.policy.prefix64 import read_reverse_name, read_reverse_name_v4, reverse_name, reverse_name_v4
from resolver.policy.verdict import build_local, soa
from resolver.settings import FrontSettings, LeaseNames
from resolver.values import Origin, Reply
from wire.dns.codes import Rcode, RecordClass, RecordType
from wire.dns.message import ResourceRecord
from wire.dns.names import count_labels, parent, read_name, suffixes
from wire.units import Instant

TTL = 60
"""Seconds that an answer may be kept by a client; less if the lease ends before."""

NEGATIVE_TTL = 10
"""The same for "there is none": a device that has just come should be found."""

MAX_ADDRESSES = 100_000
"""Addresses with a name; what is told beyond is counted and not kept."""

MAX_OF_ONE_NAME = 64
"""Addresses of one name; an answer stays well below what a message can hold."""

FOR_EVER = float("inf")
EVERYBODY = -1

_A, _AAAA, _PTR = int(RecordType.A), int(RecordType.AAAA), int(RecordType.PTR)
_NS, _IN = int(RecordType.NS), int(RecordClass.IN)
_TYPE_OF = {4: _A, 16: _AAAA}
_WHOLE_REVERSE = {read_name("in-addr.arpa"): 6, read_name("ip6.arpa"): 34}
"""The labels of a whole address's reverse name."""


class Host(NamedTuple):
    """A change of one lease's name: what the dhcp cell tells `front`.

    `name` is folded, with its domain. `addresses` (4 or 16 octets) are added to it, or with `gone` taken away; none and
    `gone`: all of them. Telling the same twice changes nothing. An address has one name: told for another, it leaves the
    former. `left` is how many seconds the lease has yet; 0: it does not end (a reservation), or nobody knows.
    """

    name: bytes
    addresses: tuple[bytes, ...]
    gone: bool = False
    left: int = 0


class Leases:
    """Names and their addresses. `over` counts what found no room."""

    def __init__(self) -> None:
        self.over = 0
        self._addresses: dict[bytes, dict[bytes, float]] = {}
        """Name → address → when its lease ends (Instant)."""
        self._names: dict[bytes, bytes] = {}
        """Address → name."""
        self._above: Counter[bytes] = Counter()
        """Names that have one of a lease below them."""

    def __len__(self) -> int:
        return len(self._names)

    def addresses(self, name: bytes) -> dict[bytes, float] | None:
        """Those of `name` and when each ends, None if it is nobody's."""
        return self._addresses.get(name)

    def name(self, address: bytes) -> bytes | None:
        """Whose `address` is."""
        return self._names.get(address)

    def is_above(self, name: bytes) -> bool:
        """Whether there is a name below `name`, so that it exists too (RFC 8020 §2)."""
        return name in self._above

    def every(self) -> Iterator[tuple[bytes, bytes]]:
        """Each name with each of its addresses."""
        return ((name, address) for address, name in self._names.items())

    def apply(self, host: Host, now: Instant) -> None:
        """Take one change."""
        if host.gone:
            for address in host.addresses or tuple(self._addresses.get(host.name, ())):
                if self._names.get(address) == host.name:
                    self._remove(address)
            return
        end = now + host.left if host.left else FOR_EVER
        for address in host.addresses:
            self._add(host.name, address, end)

    def _add(self, name: bytes, address: bytes, end: float) -> None:
        if self._names.get(address, name) != name:
            self._remove(address)
        known = self._addresses.get(name)
        if known is not None and address in known:
            known[address] = end
        elif len(self._names) >= MAX_ADDRESSES or (known is not None and len(known) >= MAX_OF_ONE_NAME):
            self.over += 1
        else:
            if known is None:
                known = self._addresses[name] = {}
                self._above.update(suffixes(parent(name)))
            known[address] = end
            self._names[address] = name

    def _remove(self, address: bytes) -> None:
        name = self._names.pop(address)
        known = self._addresses[name]
        del known[address]
        if known:
            return
        del self._addresses[name]
        for above in suffixes(parent(name)):
            self._above[above] -= 1
            if not self._above[above]:
                del self._above[above]


class _Cut(NamedTuple):
    """What begins at a name: a zone of leases (`apex`; empty if none does), routes of these client groups."""

    apex: bytes
    routed: frozenset[int]


class LocalNames:
    """The zones of one generation and the leases in them."""

    def __init__(self, settings: FrontSettings) -> None:
        self.leases = Leases()
        self.use(settings)

    def use(self, settings: FrontSettings) -> None:
        """Take the zones of these settings; what is known of leases stays."""
        names = settings.leases or LeaseNames()
        zones = dict(zones_of(names))
        routed: dict[bytes, set[int]] = {}
        for suffix, group in names.routed:
            routed.setdefault(suffix, set()).add(group)
        self._cuts = {at: _Cut(zones.get(at, b""), frozenset(routed.get(at, ()))) for at in (*zones, *routed)}
        self._named: dict[bytes, set[int]] = {}
        for name, group in names.named:
            self._named.setdefault(name, set()).add(group)
        self._above = {above for at in (*zones, *self._named) for above in suffixes(parent(at))}
        self._refused = {at for at, group in enumerate(settings.client_groups) if not group.lease_names}
        self._generation = settings.generation
        self.is_shared = bool(routed or self._named)
        """Whether names come and go among others that are the resolver's."""

    def replace(self, leases: Leases) -> set[bytes]:
        """All that is known, anew. Gives what `apply` gives."""
        former, self.leases = self.leases, leases
        if not self.is_shared:
            return set()
        return _names_in(leases.every()) - _names_in(former.every())

    def apply(self, hosts: Iterable[Host], now: Instant) -> set[bytes]:
        """Take these changes. Gives the names that may be new here and were the resolver's until now, reverse names too; none
        where all names of a zone are ours anyway."""
        fresh: set[bytes] = set()
        for host in hosts:
            if self.is_shared and not host.gone:
                known = self.leases.addresses(host.name) or {}
                fresh |= _names_in((host.name, address) for address in host.addresses if address not in known)
            self.leases.apply(host, now)
        return fresh

    def answer(self, question: bytes, flags: int, group: int, now: Instant) -> Reply | None:
        """The answer for a question key (flags as in `QueryFlag`) of a client group; None: it is the resolver's."""
        if not self._cuts:
            return None
        name = question[:-4]
        apex, routed = self._cut(name, group)
        if not apex:
            return None
        found = self._records(name, now)
        if found is None and (routed or self._is_named(name, group)):
            return None
        if found is None or group in self._refused:
            found = []
        if name == apex:
            found += soa(apex, TTL, NEGATIVE_TTL), ResourceRecord(name, _NS, _IN, TTL, apex)
        rrtype = int.from_bytes(question[-4:-2], "big")
        rcode = Rcode.NOERROR if found or self._is_there(name, apex) else Rcode.NXDOMAIN
        answer = [record for record in found if record.rrtype == rrtype]
        authority = [] if answer else [soa(apex, NEGATIVE_TTL, NEGATIVE_TTL)]
        built = build_local(question, flags, rcode, answer, authority)
        return Reply(built.message, built.ttl_offsets, 0.0, self._generation, Origin.LOCAL)

    def _cut(self, name: bytes, group: int) -> tuple[bytes, bool]:
        """The zone that `name` is in (empty: none), and whether a route of the group's is as close to it."""
        routed = False
        for suffix in suffixes(name):
            cut = self._cuts.get(suffix)
            if cut is not None:
                routed = routed or EVERYBODY in cut.routed or group in cut.routed
                if cut.apex:
                    return cut.apex, routed
        return b"", False

    def _is_named(self, name: bytes, group: int) -> bool:
        """Whether the resolver has a local record of the name for this group."""
        named = self._named.get(name)
        return named is not None and (EVERYBODY in named or group in named)

    def _records(self, name: bytes, now: Instant) -> list[ResourceRecord] | None:
        """All that a lease says of `name`; None if none does."""
        addresses = self.leases.addresses(name)
        if addresses is not None:
            ttl = _ttl(min(addresses.values()), now)
            return [ResourceRecord(name, _TYPE_OF[len(at)], _IN, ttl, at) for at in addresses]
        address = read_reverse_name(name) or read_reverse_name_v4(name)
        owner = None if address is None else self.leases.name(address)
        if address is None or owner is None:
            return None
        end = (self.leases.addresses(owner) or {})[address]
        return [ResourceRecord(name, _PTR, _IN, _ttl(end, now), owner)]

    def _is_there(self, name: bytes, apex: bytes) -> bool:
        """Whether a name without data of its own exists all the same: what is below it would be denied with it (RFC 8020)."""
        if name == apex or name in self._above or self.leases.is_above(name):
            return True
        for root, labels in _WHOLE_REVERSE.items():
            if apex.endswith(root):
                return count_labels(name) < labels
        return False


def _ttl(end: float, now: Instant) -> int:
    return int(max(0.0, min(TTL, end - now)))


def _names_in(pairs: Iterable[tuple[bytes, bytes]]) -> set[bytes]:
    """The names, and the reverse names of their addresses."""
    found = set()
    for name, address in pairs:
        found |= {name, reverse_name_v4(address) if len(address) == 4 else reverse_name(address)}
    return found


def zones_of(names: LeaseNames) -> Iterator[tuple[bytes, bytes]]:
    """Where zones of leases begin, and the apex of each."""
    for domain in names.domains:
        yield domain, domain
    for address, length in names.subnets:
        yield from _reverse_zones(address, length)


def _reverse_zones(address: bytes, length: int) -> Iterator[tuple[bytes, bytes]]:
    """A subnet that ends within an octet (a nibble, for IPv6) is several names of one zone that is only in part ours."""
    step = 8 if len(address) == 4 else 4
    whole, part = divmod(length, step)
    apex = _reverse(address, whole * step)
    if not part:
        yield apex, apex
        return
    bits = 8 * len(address)
    start = int.from_bytes(address, "big") >> (bits - length) << (bits - length)
    for number in range(1 << (step - part)):
        at = start + (number << (bits - (whole + 1) * step))
        yield _reverse(at.to_bytes(len(address), "big"), (whole + 1) * step), apex


def _reverse(address: bytes, length: int) -> bytes:
    """The reverse name of the first `length` bits, whole octets or nibbles."""
    return reverse_name_v4(address[: length // 8]) if len(address) == 4 else reverse_name(address, length // 4)
