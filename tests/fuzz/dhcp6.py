"""Valid input for the parsers of DHCPv6, router advertisements and neighbour discovery, and how to feed each and hold it to what
it promises."""

from collections.abc import Callable

from fuzz.dhcp4 import alike, exactly, feed_value

from wire.dhcp.associations6 import (
    ASSOCIATIONS,
    Association,
    LeasedAddress,
    LeasedPrefix,
    StatusCode,
    build_association,
    build_excluded,
    build_leased_address,
    build_leased_prefix,
    build_status,
    parse_association,
    parse_excluded,
    parse_leased_address,
    parse_leased_prefix,
    parse_status,
)
from wire.dhcp.codes6 import MessageType6, Option6
from wire.dhcp.contents6 import (
    MAX_REQUESTED,
    ClientName,
    VendorClass,
    VendorOptions,
    build_client_name,
    build_numbers,
    build_user_class,
    build_vendor_class,
    build_vendor_options,
    parse_client_name,
    parse_link_layer,
    parse_number,
    parse_numbers,
    parse_user_class,
    parse_vendor_class,
    parse_vendor_options,
)
from wire.dhcp.dnr import Resolver, service_parameters
from wire.dhcp.neighbour import (
    MAX_ND_OPTIONS,
    UNSPECIFIED,
    Advertisement,
    build_nd_option,
    build_neighbour_advertisement,
    build_neighbour_solicitation,
    parse_nd_options,
    parse_neighbour_advertisement,
    parse_neighbour_solicitation,
    solicited_node,
)
from wire.dhcp.options6 import OPTIONS6
from wire.dhcp.packet6 import (
    MAX_HOPS,
    Packet6,
    Relayed,
    RelayHop,
    build_options6,
    build_packet6,
    build_relay_reply,
    build_relayed,
    parse_options6,
    parse_packet6,
)
from wire.dhcp.ra import (
    Encrypted,
    Prefix64,
    PrefixInformation,
    Route,
    RouterAdvertisement,
    Search,
    Servers,
    build_router_advertisement,
    build_router_solicitation,
    fit_router_advertisement,
    parse_router_advertisement,
    parse_router_solicitation,
)
from wire.errors import Malformed

HARDWARE, DUID = b"\2\0\x5e\0\x53\1", b"\0\3\0\1\2\0\x5e\0\x53\1"
GLOBAL, LOCAL = b"\x20\1\x0d\xb8" + bytes(11) + b"\1", b"\xfe\x80" + bytes(13) + b"\1"
PREFIX = GLOBAL[:8] + bytes(8)
HOST = b"\6laptop\4home\4arpa\0"
EXAMPLES = {row.number: row.codec.from_text(row.codec.example) for row in OPTIONS6.rows}


# --- the corpus ---------------------------------------------------------------------------------------------------------


def associations() -> list[tuple[int, bytes]]:
    status = StatusCode(2, "none left")
    delegated = LeasedPrefix(PREFIX[:6] + bytes(10), 48, 3_600, 7_200, (PREFIX, 64))
    return [
        build_association(Association(Option6.IA_NA, 7, 1_800, 2_880, (LeasedAddress(GLOBAL, 3_600, 7_200),))),
        build_association(Association(Option6.IA_TA, 8, addresses=(LeasedAddress(GLOBAL, 1, 2, status),))),
        build_association(Association(Option6.IA_PD, 9, 1, 2, prefixes=(delegated, delegated), status=status)),
    ]


def packets() -> list[bytes]:
    """What clients and servers say, directly and through relays."""
    asked = Packet6(
        MessageType6.SOLICIT, 0xABCDEF, ((1, DUID), (8, b"\0\0"), (6, EXAMPLES[6]), (14, b""), *associations())
    )
    told = Packet6(MessageType6.REPLY, 0xABCDEF, ((1, DUID), (2, DUID), *associations(), *EXAMPLES.items()))
    hop = RelayHop(0, GLOBAL, LOCAL, ((18, b"eth0"), (37, b"\0\0\0\x09far"), (43, b"\0\x25\0\x25"), (135, b"\0\0")))
    hops = tuple(hop._replace(hop_count=n) for n in reversed(range(MAX_HOPS)))
    return [
        build_packet6(asked),
        build_packet6(told),
        build_relayed(MessageType6.RELAY_FORWARD, Relayed((hop,), asked)),
        build_relayed(MessageType6.RELAY_FORWARD, Relayed(hops, asked)),
        build_relay_reply(hops[:2], told),
    ]


def values() -> list[bytes]:
    """Contents of options, bare."""
    names = [ClientName(1, (b"laptop", b"home", b"arpa"), True), ClientName(0, (b"laptop",), False)]
    others = [data for _, data in associations()] + [
        build_excluded(PREFIX, 64, 48),
        build_status(StatusCode(1, "no"))[1],
    ]
    classes = [build_vendor_class(VendorClass(311, (b"MSFT 5.0",))), build_user_class((b"one", b"two"))]
    vendor = build_vendor_options(VendorOptions(4491, ((32, b"a"), (33, b""))))
    leased = [build_leased_address(LeasedAddress(GLOBAL, 1, 2)), build_leased_prefix(LeasedPrefix(PREFIX, 64, 1, 2))]
    return [*map(build_client_name, names), *others, *classes, vendor, *leased, *EXAMPLES.values(), b"\0\1" + HARDWARE]


def discovery() -> list[bytes]:
    """Messages of neighbour discovery, and options of them."""
    resolver = Resolver(1, HOST, (GLOBAL, LOCAL), service_parameters(("h2", "dot"), 853, "/q{?dns}"))
    said = RouterAdvertisement(
        64, True, False, 1, 1_800, 0, 0, HARDWARE, 1_500,
        (PrefixInformation(PREFIX, 64, 86_400, 14_400),) * 2,
        (Servers(600, (GLOBAL, LOCAL)),),
        (Search(600, (HOST, HOST)),),
        (Encrypted(600, resolver),),
        (Prefix64(PREFIX, 64, 600),),
        (Route(PREFIX, 64, 600), Route(bytes(16), 0, 600, -1)),
        "https://portal.example/",
    )  # fmt: skip
    holder = Advertisement(GLOBAL, True, False, True, HARDWARE)
    return [
        build_router_advertisement(said),
        build_router_advertisement(RouterAdvertisement()),
        build_router_solicitation(HARDWARE),
        build_router_solicitation(),
        build_neighbour_solicitation(GLOBAL, b"nonce!"),
        build_neighbour_solicitation(GLOBAL),
        build_neighbour_advertisement(holder),
        build_nd_option(1, HARDWARE) * 2,
    ]


def everything() -> list[bytes]:
    return packets() + values() + discovery()


# --- the parsers --------------------------------------------------------------------------------------------------------


def feed_packet(data: bytes) -> bool:
    """In either direction; what is accepted reads back, and can be answered."""
    wrapper = MessageType6.RELAY_REPLY if data[:1] == b"\x0d" else MessageType6.RELAY_FORWARD
    found = parse_packet6(data, wrapper)
    if isinstance(found, Packet6):
        assert data == build_packet6(found)
        return True
    assert 1 <= len(found.hops) <= MAX_HOPS
    assert found == parse_packet6(build_relayed(wrapper, found), wrapper)
    back = parse_packet6(build_relay_reply(found.hops, found.packet), MessageType6.RELAY_REPLY)
    assert isinstance(back, Relayed)
    assert [hop[:3] for hop in found.hops] == [hop[:3] for hop in back.hops]
    return True


def feed_options(data: bytes) -> bool:
    assert data == build_options6(parse_options6(data))
    return bool(data)


def feed_association(data: bytes) -> bool:
    """As each of the three kinds; what is accepted reads back."""
    accepted = False
    for kind in ASSOCIATIONS:
        try:
            found = parse_association(kind, data)
        except Malformed:
            continue
        assert found == parse_association(*build_association(found))
        accepted = True
    return accepted


def feed_excluded(data: bytes) -> bool:
    prefix, size = parse_excluded(data, PREFIX[:6] + bytes(10), 48)
    assert (prefix, size) == parse_excluded(build_excluded(prefix, size, 48), PREFIX[:6] + bytes(10), 48)
    return True


def feed_status(data: bytes) -> bool:
    found = parse_status(data)
    assert found == parse_status(build_status(found)[1])
    return True


def feed_numbers(data: bytes) -> bool:
    assert build_numbers(parse_numbers(data)) == data[: 2 * MAX_REQUESTED]
    return bool(data)


def feed_number(data: bytes) -> bool:
    return parse_number(data, 4) < 2**32


def feed_link_layer(data: bytes) -> bool:
    assert 1 <= len(parse_link_layer(data).address) <= 32
    return True


def feed_nd_options(data: bytes) -> bool:
    found = parse_nd_options(data, 0)
    assert len(found) <= MAX_ND_OPTIONS
    assert data == b"".join(build_nd_option(kind, content) for kind, content in found)
    return bool(data)


def feed_router_advertisement(data: bytes) -> bool:
    """What is accepted reads back but for names of resolvers without addresses, and fits where less is asked for."""
    found = parse_router_advertisement(data, 255, LOCAL)
    again = parse_router_advertisement(build_router_advertisement(found), 255, LOCAL)
    assert found == again
    assert len(fit_router_advertisement(found, 200).data) <= 200
    return True


def feed_router_solicitation(data: bytes) -> bool:
    return len(parse_router_solicitation(data, 255, LOCAL).link_layer) <= 2_038


def feed_neighbour_solicitation(data: bytes) -> bool:
    found = parse_neighbour_solicitation(data, 255, UNSPECIFIED, solicited_node(data[8:24]))
    assert b"" == found.link_layer
    return len(found.target) == 16


def feed_neighbour_advertisement(data: bytes) -> bool:
    found = parse_neighbour_advertisement(data, 255, GLOBAL)
    assert found == parse_neighbour_advertisement(build_neighbour_advertisement(found), 255, GLOBAL)
    return True


def feed_value6(data: bytes) -> bool:
    """Of a row that the first two octets choose; what is shown of the rest reads back as the same."""
    row = OPTIONS6.rows[int.from_bytes(data[:2], "big") % len(OPTIONS6.rows)]
    shown = row.codec.to_text(data[2:])
    assert shown.isprintable()
    assert shown == row.codec.to_text(row.codec.from_text(shown))
    return True


def either(*feeds: Callable[[bytes], bool]) -> Callable[[bytes], bool]:
    """A parser that is fed in several ways; Malformed only if it is so in all."""

    def feed(data: bytes) -> bool:
        accepted, refused = False, []
        for one in feeds:
            try:
                accepted |= one(data)
            except Malformed as error:
                refused.append(error)
        if refused and not accepted:
            raise refused[0]
        return accepted

    return feed


HARNESSES: dict[str, Callable[[bytes], bool]] = {
    "wire.dhcp.codecs.Codec.to_text": either(feed_value, feed_value6),
    "wire.dhcp.packet6.parse_packet6": feed_packet,
    "wire.dhcp.packet6.parse_options6": feed_options,
    "wire.dhcp.associations6.parse_association": feed_association,
    "wire.dhcp.associations6.parse_leased_address": alike(parse_leased_address, build_leased_address),
    "wire.dhcp.associations6.parse_leased_prefix": alike(parse_leased_prefix, build_leased_prefix),
    "wire.dhcp.associations6.parse_excluded": feed_excluded,
    "wire.dhcp.associations6.parse_status": feed_status,
    "wire.dhcp.contents6.parse_numbers": feed_numbers,
    "wire.dhcp.contents6.parse_number": feed_number,
    "wire.dhcp.contents6.parse_user_class": exactly(parse_user_class, build_user_class),
    "wire.dhcp.contents6.parse_vendor_class": exactly(parse_vendor_class, build_vendor_class),
    "wire.dhcp.contents6.parse_vendor_options": exactly(parse_vendor_options, build_vendor_options),
    "wire.dhcp.contents6.parse_client_name": exactly(parse_client_name, build_client_name),
    "wire.dhcp.contents6.parse_link_layer": feed_link_layer,
    "wire.dhcp.neighbour.parse_nd_options": feed_nd_options,
    "wire.dhcp.neighbour.parse_neighbour_solicitation": feed_neighbour_solicitation,
    "wire.dhcp.neighbour.parse_neighbour_advertisement": feed_neighbour_advertisement,
    "wire.dhcp.ra.parse_router_advertisement": feed_router_advertisement,
    "wire.dhcp.ra.parse_router_solicitation": feed_router_solicitation,
}
"""As in `tests/fuzz/parsers.py`; of both families where they share a parser."""
