"""What a DHCPv4 reply holds and how it gets to its client (RFC 2131 §4.1, §4.3.1, table 3)."""

from dhcp.asked4 import CLIENT_PORT, EVERYBODY, ZERO, Asked
from dhcp.classes import Share, options4, own_options4
from dhcp.derived4 import derived4
from dhcp.ground import Prepared, Relay
from dhcp.identity import ETHERNET, ETHERNET_OCTETS
from dhcp.plan import Scope
from dhcp.values import Address, Path, Reply4
from wire.dhcp.codes4 import MessageType4, Option4
from wire.dhcp.frames import ALL_STATIONS
from wire.dhcp.options4 import NEVER_SET
from wire.dhcp.packet4 import BROADCAST, Packet4, Shared, share_options
from wire.dhcp.structures4 import Fqdn, FqdnFlag, build_fqdn
from wire.dns.names import read_name

_UNASKED = frozenset(
    {
        Option4.VENDOR_INFORMATION,
        Option4.VENDOR_CLASS,
        Option4.VENDOR_IDENTIFYING_CLASS,
        Option4.VENDOR_IDENTIFYING_INFORMATION,
    }
)
"""Sent to members of a class that sets them, asked or not: boot ROMs need them and do not ask."""
_TYPE, _SERVER, _LEASE, _RENEWAL, _REBINDING, _HOST, _LIST = map(
    int,
    (
        Option4.MESSAGE_TYPE,
        Option4.SERVER_IDENTIFIER,
        Option4.LEASE_TIME,
        Option4.RENEWAL_TIME,
        Option4.REBINDING_TIME,
        Option4.HOST_NAME,
        Option4.PARAMETER_LIST,
    ),
)
"""As plain numbers, for what is in every reply: looking up and writing a member of an enum costs more."""
_DISCOVER, _BY_RELAY = MessageType4.DISCOVER, Path.RELAY
_ECHOED = (int(Option4.CLIENT_IDENTIFIER), int(Option4.RELAY_INFORMATION))
_PREPARED = 1_024
"""Kinds of clients that options are kept for."""
_ALWAYS = (Option4.SUBNET_MASK, Option4.RENEWAL_TIME, Option4.REBINDING_TIME)
"""Sent to who asks for it and who does not; the times if they are set."""
_WITHOUT_LIST = bytes(
    (
        Option4.ROUTERS,
        Option4.DNS_SERVERS,
        Option4.DOMAIN_NAME,
        Option4.BROADCAST_ADDRESS,
        Option4.CLASSLESS_ROUTES,
        Option4.DOMAIN_SEARCH,
    )
)
"""What a client gets that does not say what it needs."""


def lease_reply(asked: Asked, kind: MessageType4, scope: Scope, address: Address, duration: int, name: str) -> Reply4:
    """OFFER, or ACK of a REQUEST (or of a DISCOVER with rapid commit): `address` for `duration` seconds, under `name`."""
    ciaddr = ZERO if asked.kind is _DISCOVER else asked.packet.ciaddr
    return _configured(asked, kind, scope, (ciaddr, address), duration, name)


def empty_offer(asked: Asked, scope: Scope) -> Reply4:
    """OFFER without an address for a client that can do without one (RFC 8925 §3.3)."""
    return _configured(asked, MessageType4.OFFER, scope, (ZERO, ZERO), None, "")


def inform_reply(asked: Asked, scope: Scope, address: Address) -> Reply4:
    """ACK of an INFORM: to `address`, without an address and without times (RFC 2131 §4.3.5)."""
    reply = _configured(asked, MessageType4.ACK, scope, (asked.packet.ciaddr, ZERO), None, "")
    if address == ZERO:  # known to its relay only
        return reply
    return reply._replace(path=Path.UNICAST, address=address, port=CLIENT_PORT, hardware=b"")


def refusal(asked: Asked, text: bytes) -> Reply4:
    """NAK (RFC 2131 §4.3.2): by broadcast, or through the relay with the broadcast bit set."""
    packet = asked.packet
    flags = packet.flags
    if asked.relay is not None:
        # > If 'giaddr' is set in the DHCPREQUEST message ... the server MUST set the broadcast bit in the DHCPNAK
        flags |= BROADCAST
    options: dict[int, bytes] = {
        Option4.MESSAGE_TYPE: bytes((MessageType4.NAK,)),
        Option4.SERVER_IDENTIFIER: asked.server,
        Option4.MESSAGE: text,
    }
    _echo(packet.options, options)
    made = _packet(asked, flags, (ZERO, ZERO), ZERO, b"", options)
    if asked.relay is not None:
        return _relayed(asked, asked.relay, made)
    if not asked.direct:
        # The RFC says broadcast "in all cases"; on our own link that would not reach a client behind a router.
        return Reply4(made, Path.UNICAST, asked.arrival.interface, asked.source, packet.ciaddr, CLIENT_PORT, b"")
    return _broadcast(asked, made)


def _configured(
    asked: Asked,
    kind: MessageType4,
    scope: Scope,
    addresses: tuple[Address, Address],
    duration: int | None,
    name: str,
) -> Reply4:
    """A reply with what the client asked for. `addresses`: ciaddr, yiaddr; `duration`: seconds, None: without a lease."""
    request = asked.packet
    asks = request.options
    prepared = _prepared(asked, kind, scope, duration)
    options = prepared.options.copy()
    if name and _HOST in asks.get(_LIST, b""):
        options[_HOST] = name.encode()
    _echo(asks, options)
    if asked.selected:
        options[Option4.SUBNET_SELECTION] = asks[Option4.SUBNET_SELECTION]
    if asked.fqdn is not None:
        options[Option4.FQDN] = fqdn_answer(asked.fqdn, name, asked.plan.domain_of(scope.subnet.name))
    server, file = prepared.boot
    packet = _packet(asked, request.flags, addresses, server, file, options)
    return _path(asked, packet, prepared.shared)


def _prepared(asked: Asked, kind: MessageType4, scope: Scope, duration: int | None) -> Prepared:
    """What is the same for clients that are alike: put together once for each kind of them, and kept as it is written."""
    wanted, relayed = asked.packet.options.get(_LIST) or _WITHOUT_LIST, asked.relay
    relay = relayed.address if relayed is not None else b""
    if asked.reservation is not None:
        return _prepare(asked, kind, scope, duration, (wanted, relay))
    kept = asked.ground.prepared
    classes = tuple([one.name for one in asked.classes]) if asked.classes else ()
    alike = (
        kind, asked.kind, duration, scope.subnet.name, wanted, asked.server, asked.source, asked.link.number, relay, classes,
    )  # fmt: skip
    found = kept.get(alike)
    if found is None:
        if len(kept) >= _PREPARED:
            kept.clear()
        found = kept[alike] = _prepare(asked, kind, scope, duration, (wanted, relay))
    return found


def _prepare(
    asked: Asked, kind: MessageType4, scope: Scope, duration: int | None, said: tuple[bytes, Address]
) -> Prepared:
    """`said`: the numbers that the client asks for, and its relay."""
    share, fields = asked.share(scope), dict[int, bytes]()
    if duration is not None:
        times = {_LEASE: duration, _RENEWAL: duration // 2, _REBINDING: duration * 7 // 8}
        fields = {number: seconds.to_bytes(4, "big") for number, seconds in times.items()}
        if asked.kind is _DISCOVER and kind is MessageType4.ACK:
            fields[Option4.RAPID_COMMIT] = b""
    wanted = _wanted(asked, share, scope, *said)
    options = {_TYPE: bytes((kind,)), _SERVER: asked.server, **fields, **wanted}
    if _RENEWAL in wanted or _REBINDING in wanted:
        _fit_times(options, fields)
    return Prepared(options, share_options(options), share.boot)


def _fit_times(options: dict[int, bytes], fields: dict[int, bytes]) -> None:
    """T1 and T2 as they are set count where they fit the lease (RFC 2131 §4.4.5: T1 before T2 before its end); without a lease
    there are none."""
    if _LEASE not in fields:
        for number in (_RENEWAL, _REBINDING):
            options.pop(number, None)
        return
    first, second, end = (int.from_bytes(options[number], "big") for number in (_RENEWAL, _REBINDING, _LEASE))
    if not 0 < first < second < end:
        options |= {_RENEWAL: fields[_RENEWAL], _REBINDING: fields[_REBINDING]}


def _wanted(asked: Asked, share: Share, scope: Scope, wanted: bytes, relay: Address) -> dict[int, bytes]:
    """What the client asked for and there is, in its order (RFC 2132 §9.8); the mask; what its classes need."""
    values = options4(asked.plan.settings, share, derived4(asked.plan, scope, asked.link, asked.source, relay))
    if share.subnet.ipv6_only:
        values.setdefault(Option4.IPV6_ONLY, share.subnet.ipv6_only.to_bytes(4, "big"))
    if share.boot[1]:
        values.setdefault(Option4.BOOT_FILE_NAME, share.boot[1])
    if Option4.CLASSLESS_ROUTES in values:
        values.setdefault(Option4.MICROSOFT_CLASSLESS_ROUTES, values[Option4.CLASSLESS_ROUTES])
    numbers = (*_ALWAYS, *wanted, *sorted(own_options4(share) & _UNASKED))
    return {int(number): values[number] for number in numbers if values.get(number) and number not in NEVER_SET}


def wants_no_address(asked: Asked, scope: Scope) -> bool:
    """True if the subnet is one where IPv6 is enough, and the client says that it is for it (RFC 8925 §3.3)."""
    return scope.subnet.ipv6_only > 0 and Option4.IPV6_ONLY in asked.packet.options.get(Option4.PARAMETER_LIST, b"")


def fqdn_answer(asked: Fqdn, name: str, domain: str) -> bytes:
    """Option 81 of a reply (RFC 4702 §4): the name as it is published, by us; or that nothing is.

    Flags: S says that we publish the address, O that the client wanted otherwise, N that nobody does; E as the client has it.
    """
    ours = FqdnFlag.S if name and FqdnFlag.N not in asked.flags else FqdnFlag(0)
    flags = asked.flags & FqdnFlag.E | (ours or FqdnFlag.N)
    if asked.flags & FqdnFlag.S != ours:
        flags |= FqdnFlag.O
    return build_fqdn(flags, read_name(f"{name}.{domain}") if name else asked.name)


def _echo(asks: dict[int, bytes], options: dict[int, bytes]) -> None:
    """What has to come back as it was: the client identifier (RFC 6842 §3), and, last, the relay's option (RFC 3046 §2.2)."""
    for number in _ECHOED:
        if number in asks:
            options[number] = asks[number]


def _packet(
    asked: Asked,
    flags: int,
    addresses: tuple[Address, Address],
    server: Address,
    file: bytes,
    options: dict[int, bytes],
) -> Packet4:
    packet = asked.packet
    return tuple.__new__(Packet4, (
        2, packet.htype, 0, packet.xid, 0, flags, *addresses, server, packet.giaddr, packet.chaddr, b"", file, options,
    ))  # fmt: skip


def _path(asked: Asked, packet: Packet4, shared: Shared) -> Reply4:
    """RFC 2131 §4.1: the relay, else the address the client has, else all, else its hardware address."""
    relay = asked.relay
    if relay is not None:
        return _relayed(asked, relay, packet, shared)
    interface = asked.arrival.interface
    address = asked.packet.ciaddr
    # Only if that is the lease's: any other address is somebody's who asked for nothing.
    if address != ZERO and address == packet.yiaddr and asked.kind is not MessageType4.DISCOVER:
        return Reply4(packet, Path.UNICAST, interface, asked.source, address, CLIENT_PORT, b"", shared)
    reachable = packet.htype == ETHERNET and len(packet.chaddr) == ETHERNET_OCTETS
    if packet.flags & BROADCAST or packet.yiaddr == ZERO or not reachable:
        return _broadcast(asked, packet, shared)
    return Reply4(packet, Path.FRAME, interface, asked.source, packet.yiaddr, CLIENT_PORT, packet.chaddr, shared)


def _relayed(asked: Asked, relay: Relay, packet: Packet4, shared: Shared | None = None) -> Reply4:
    interface, source = asked.arrival.interface, asked.source
    # As Reply4(...) makes it, and cheaper.
    return tuple.__new__(Reply4, (packet, _BY_RELAY, interface, source, packet.giaddr, relay.port, b"", shared))


def _broadcast(asked: Asked, packet: Packet4, shared: Shared | None = None) -> Reply4:
    interface = asked.arrival.interface
    return Reply4(packet, Path.BROADCAST, interface, asked.source, EVERYBODY, CLIENT_PORT, ALL_STATIONS, shared)
