"""Which classes a client is in, which reservation is its own, and what follows: options, lease time, network boot."""

from typing import NamedTuple

from dhcp.identity import Identity, is_changing
from dhcp.plan import Plan
from dhcp.settings import ClientClass, DhcpSettings, Matcher, Options, Reservation, Subnet


class Traits(NamedTuple):
    """What a message says of its sender, as far as classes look at it."""

    hardware: bytes = b""
    htype: int = 1
    vendor: bytes = b""
    """Option 60."""
    users: tuple[bytes, ...] = ()
    """The values of option 77, and the option whole: some clients send one value without its length."""
    circuit: bytes = b""
    remote: bytes = b""
    """Of option 82, from a relay that is trusted."""
    architectures: tuple[bytes, ...] = ()
    """Two octets each."""


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


def reservation_of(plan: Plan, identity: Identity, hardware: bytes, host: str) -> Reservation | None:
    """The client's own reservation. What is hardest to say by mistake counts first: client identifier, DUID, hardware
    address; the host name last, for anybody can say one."""
    return (
        (plan.by_identifier.get(identity.identifier) if identity.identifier else None)
        or (plan.by_duid.get(identity.duid) if identity.duid else None)
        or plan.by_hardware.get(hardware)
        or (plan.by_host.get(host) if host else None)
    )


class Share(NamedTuple):
    """What a client is entitled to by subnet, classes and reservation."""

    subnet: Subnet
    classes: tuple[ClientClass, ...]
    reservation: Reservation | None

    @property
    def lease_time(self) -> int:
        """Seconds: the reservation's, the first class's that says one, the subnet's."""
        if self.reservation is not None and self.reservation.lease_time:
            return self.reservation.lease_time
        return next((one.lease_time for one in self.classes if one.lease_time), self.subnet.lease_time)

    @property
    def named(self) -> bool:
        """Whether its name is published."""
        return self.subnet.named and all(one.named for one in self.classes)

    @property
    def boot(self) -> tuple[bytes, bytes]:
        """siaddr and `file`: of the last class that says one, else of the subnet."""
        server = next((one.next_server for one in reversed(self.classes) if one.next_server), self.subnet.next_server)
        file = next((one.boot_file for one in reversed(self.classes) if one.boot_file), self.subnet.boot_file)
        return server or bytes(4), file


def options4(settings: DhcpSettings, share: Share, derived: dict[int, bytes]) -> dict[int, bytes]:
    """All options that there are for a client: derived ones, then what the user set in general, for the subnet, for its
    classes in order, and for its reservation, each over what came before. Empty octets: the option is not to be sent."""
    values = dict(derived)
    layers: list[Options] = [settings.options4, share.subnet.options4, *(one.options4 for one in share.classes)]
    if share.reservation is not None:
        layers.append(share.reservation.options4)
    for layer in layers:
        values.update(layer)
    return values


def own_options4(share: Share) -> frozenset[int]:
    """The options that were set for this client's classes or for itself alone."""
    numbers = {number for one in share.classes for number, _ in one.options4}
    if share.reservation is not None:
        numbers.update(number for number, _ in share.reservation.options4)
    return frozenset(numbers)
