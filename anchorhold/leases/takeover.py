"""A lease of another server becomes one of ours, or it is said why not."""

import ipaddress

from anchorhold.leases.rows import Foreign, Times, kind_of, subnet_of
from dhcp.book import LeaseBook
from dhcp.hostnames import read_label
from dhcp.identity import TAG_OCTETS, Identifier, hardware_octets, is_changing, is_telling
from dhcp.plan import INFRASTRUCTURE, unclaimable
from dhcp.sealing import Seal
from dhcp.settings import DhcpSettings
from dhcp.values import Kind, Lease, State, Tag
from wire.units import Epoch

DEFAULT_TIME = 43_200
"""Seconds that a lease without end gets where no subnet says a time."""
_ADDRESS_BITS = {Kind.ADDRESS4: 32, Kind.ADDRESS6: 128, Kind.PREFIX6: 0}


class Refused(Exception):
    """It cannot be taken; the text says why and, where something can be done, what. `harmless`: nothing is lost by that."""

    def __init__(self, text: str, harmless: bool = False) -> None:
        super().__init__(text)
        self.harmless = harmless


def lease_from(foreign: Foreign, book: LeaseBook, settings: DhcpSettings | None, times: Times) -> Lease:
    """The lease. Without settings every address is taken and its subnet is left open. Raises Refused."""
    try:
        kind, address = kind_of(foreign.kind), ipaddress.ip_address(foreign.address).packed
        client, hardware, changing = _who(foreign, kind, book)
    except ValueError as error:
        raise Refused(str(error)) from None
    if len(address) != (4 if kind is Kind.ADDRESS4 else 16):
        raise Refused(f"{foreign.address} is no address of this kind")
    subnet = "" if settings is None else subnet_of(settings, kind, address)
    if settings is not None and not subnet:
        raise Refused("no [[dhcp.subnet]] of the configuration holds this address; add one, or let it go")
    _not_taken(book.at(kind, address), client)
    until, duration = _times(foreign, subnet, settings, times)
    now = Epoch(int(times.now))
    return Lease(
        kind,
        address,
        _ADDRESS_BITS[kind] or foreign.length,
        client,
        hardware,
        foreign.iaid,
        subnet,
        State.BOUND,
        now,
        now,
        until,
        duration,
        changing=changing,
        name=_name(foreign.name, kind, client, book, settings),
        identifier=_identifier(foreign) if settings is not None and settings.store_identifiers else b"",
    )


def _who(foreign: Foreign, kind: Kind, book: LeaseBook) -> tuple[Tag, Tag, bool]:
    """Client tag, hardware tag, whether it changes its address. Raises ValueError, Refused."""
    if foreign.client_tag:
        client, hardware = bytes.fromhex(foreign.client_tag), bytes.fromhex(foreign.hardware_tag)
        if foreign.key != Seal(book.key).mark.hex():
            raise Refused(
                "it has a tag in place of an identifier, and that of another key: nobody could be known by it"
            )
        if len(client) != TAG_OCTETS or len(hardware) not in (0, TAG_OCTETS):
            raise Refused(f"a tag is {TAG_OCTETS} octets")
        return client, hardware, False
    raw = bytes.fromhex(foreign.hardware)
    hardware = book.tag(Identifier.HARDWARE, hardware_octets(raw, foreign.htype)) if any(raw) else b""
    changing = is_changing(raw, foreign.htype)
    identifier = bytes.fromhex(foreign.duid if kind is not Kind.ADDRESS4 else foreign.client_id)
    if kind is not Kind.ADDRESS4:
        if not identifier:
            raise Refused("there is no DUID with it, so nobody could renew it")
        return book.tag(Identifier.DUID, identifier), hardware, changing
    if is_telling(identifier):
        return book.tag(Identifier.CLIENT, identifier), hardware, changing
    if not hardware:
        raise Refused("there is neither a hardware address nor a client identifier with it, so nobody could renew it")
    return hardware, hardware, changing


def _not_taken(held: Lease | None, client: Tag) -> None:
    if held is None or held.state is State.OFFERED:
        return
    if held.state is State.QUARANTINED:
        raise Refused("somebody uses this address without a lease; it is in quarantine")
    if held.client == client:
        raise Refused("it is here already", harmless=True)
    raise Refused("another client has this address here already")


def _times(foreign: Foreign, subnet: str, settings: DhcpSettings | None, times: Times) -> tuple[Epoch, int]:
    usual = DEFAULT_TIME
    if settings is not None:
        usual = next((one.lease_time for one in settings.subnets if one.name == subnet), usual)
    now = Epoch(int(times.now))
    if not foreign.until:
        return Epoch(now + usual), usual
    until = times.time(foreign.until)
    if until <= now:
        raise Refused("it has ended", harmless=True)
    return until, foreign.duration or min(usual, int(until - now))


def _name(name: str, kind: Kind, client: Tag, book: LeaseBook, settings: DhcpSettings | None) -> str:
    """The first label, if it may be had; else none: the client says its name again when it renews.

    A device's IPv4 and IPv6 leases cannot be seen to be one device's here; that they have one name is the word of the server
    they come from.
    """
    label = name.lower().partition(".")[0]
    if not label or read_label(label.encode(errors="replace")) != label or label in INFRASTRUCTURE:
        return ""
    if settings is not None and (not settings.names or label in unclaimable(settings)):
        return ""
    others = (held for held in book.all_named(label) if held.client != client)
    return "" if any(held.kind is kind for held in others) else label


def _identifier(foreign: Foreign) -> bytes:
    return bytes.fromhex(foreign.duid or foreign.client_id or foreign.hardware)
