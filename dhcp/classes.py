"""Which classes a client is in, which reservation is its own, and what follows: options, lease time, network boot."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from dhcp.identity import Identity, is_changing
from dhcp.plan import Plan
from dhcp.settings import ClientClass, DhcpSettings, Matcher, Options, Reservation, Subnet

_DOUBLINGS = 24
"""More than that no lease needs to become the longest there is."""


class Traits(NamedTuple):
    """What a message says of its sender, as far as classes look at it."""

    hardware: bytes = b""
    htype: int = 1
    vendor: bytes = b""
    """Option 60, or the first value of DHCPv6 option 16."""
    users: tuple[bytes, ...] = ()
    """The values of option 77, and the option whole: some clients send one value without its length. Those
    of DHCPv6 option 15."""
    circuit: bytes = b""
    remote: bytes = b""
    """Of option 82, or DHCPv6 options 18 and 37, from a relay that is trusted."""
    architectures: tuple[bytes, ...] = ()
    """Two octets each."""


def halves(octets: bytes) -> tuple[bytes, ...]:
    """Two octets each, as architectures are written; half of one is left out."""
    return tuple(octets[at : at + 2] for at in range(0, len(octets) - 1, 2))


def is_member(traits: Traits, one: ClientClass) -> bool:
    """True if any of the class's marks is the client's."""
    return any(_matches(traits, matcher, value) for matcher, value in one.matches)


def _matches(traits: Traits, matcher: Matcher, value: bytes) -> bool:
    match matcher:
        case Matcher.VENDOR:
            return value != b"" and traits.vendor.startswith(value)
        case Matcher.USER:
            return value in traits.users
        case Matcher.HARDWARE:
            return value != b"" and traits.hardware.startswith(value)
        case Matcher.CIRCUIT:
            return value != b"" and traits.circuit == value
        case Matcher.REMOTE:
            return value != b"" and traits.remote == value
        case Matcher.CHANGING:
            return is_changing(traits.hardware, traits.htype)
        case Matcher.ARCHITECTURE:
            return value in traits.architectures
        case Matcher.ANY:
            return True


def classes_of(settings: DhcpSettings, traits: Traits, reservation: Reservation | None) -> tuple[ClientClass, ...]:
    """The classes a client is in, in the order of the configuration; a reservation puts it into more."""
    named = reservation.classes if reservation is not None else ()
    return tuple(one for one in settings.classes if one.name in named or is_member(traits, one))


def reservation_of(
    plan: Plan, identity: Identity, hardware: bytes, host: str, is_here: Callable[[Reservation], bool]
) -> Reservation | None:
    """The client's own reservation; of several the first that `is_here`, with an address of its link. What is hardest to say by
    mistake counts first: client identifier, DUID, hardware address; the host name last, for anybody can say one."""
    found = (
        (plan.by_identifier.get(identity.identifier) if identity.identifier else None)
        or (plan.by_duid.get(identity.duid) if identity.duid else None)
        or plan.by_hardware.get(hardware)
        or (plan.by_host.get(host) if host else None)
    )
    return next(filter(is_here, found), found[0]) if found else None


@dataclass(frozen=True, slots=True)
class Share:
    """What a client is entitled to by subnet, classes and reservation."""

    subnet: Subnet
    classes: tuple[ClientClass, ...]
    reservation: Reservation | None

    @property
    def lease_time(self) -> int:
        """Seconds: the reservation's, the first class's that says one, the subnet's."""
        if self.reservation is not None and self.reservation.lease_time:
            return self.reservation.lease_time
        for one in self.classes:
            if one.lease_time:
                return one.lease_time
        return self.subnet.lease_time

    def time_for(self, changing: bool, renewals: int) -> int:
        """Seconds of a lease that was confirmed so often. A changing device begins with `changing_time`, doubled for each."""
        plain = not self.classes and self.reservation is None  # as most are: nothing to look for
        longest = self.subnet.lease_time if plain else self.lease_time
        if not changing:
            return longest
        return min(longest, self.subnet.changing_time << min(renewals, _DOUBLINGS))

    @property
    def named(self) -> bool:
        """Whether its name is published."""
        return self.subnet.named and (not self.classes or all(one.named for one in self.classes))

    @property
    def boot(self) -> tuple[bytes, bytes]:
        """siaddr and `file`: of the last class that says one, else of the subnet."""
        server, file = self.subnet.next_server, self.subnet.boot_file
        for one in self.classes:
            server, file = one.next_server or server, one.boot_file or file
        return server or bytes(4), file


_Has = DhcpSettings | Subnet | ClientClass | Reservation


def options4(settings: DhcpSettings, share: Share, derived: dict[int, bytes]) -> dict[int, bytes]:
    """All options that there are for a client: derived ones, and over them what the user set. Empty octets: the option is not to
    be sent."""
    return {**derived, **_said(settings, share, lambda one: one.options4)}


def options6(settings: DhcpSettings, share: Share, derived: Options) -> Options:
    """As `options4`. What is derived may be there more than once (a DNR option for each resolver); what is set is set as a
    whole."""
    said = _said(settings, share, lambda one: one.options6)
    return (*(option for option in derived if option[0] not in said), *said.items())


def _said(settings: DhcpSettings, share: Share, options: Callable[[_Has], Options]) -> dict[int, bytes]:
    """What the user set in general, for the subnet, for the client's classes in order, and for its reservation, each over what
    came before."""
    own = () if share.reservation is None else (share.reservation,)
    return dict(option for layer in (settings, share.subnet, *share.classes, *own) for option in options(layer))


def own_options4(share: Share) -> frozenset[int]:
    """The options that were set for this client's classes or for itself alone."""
    numbers = {number for one in share.classes for number, _ in one.options4}
    if share.reservation is not None:
        numbers.update(number for number, _ in share.reservation.options4)
    return frozenset(numbers)
