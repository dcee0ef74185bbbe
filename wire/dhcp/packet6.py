"""DHCPv6 messages, as clients send them and as relays wrap them (RFC 8415 §8, §9).

A client's or server's message:

    0  message type u8, transaction id u24
    4  options: number u16, length u16, octets

A relay's:

    0  message type u8, hop count u8
    2  link address, peer address: 16 octets each
    34 options, one of which (9) is the message within
"""

import struct
from collections.abc import Iterable
from typing import NamedTuple

from wire.dhcp.codes6 import MessageType6, Option6
from wire.errors import Malformed

MAX_PACKET = 8_192
"""Octets of a message that is read. Relays add 38 and their options; who fills more than this is after something else."""

MAX_OPTIONS = 100
"""Options on one level: of a message, of a relay, within an option."""

MAX_HOPS = 8
"""Relays around a message: HOP_COUNT_LIMIT (RFC 8415 §7.6)."""

MIN_DUID, MAX_DUID = 3, 130
"""Octets of a DUID with its type (RFC 8415 §11.1)."""

Options = tuple[tuple[int, bytes], ...]
"""Number and octets, in the order of the message; a number may be there more than once."""

_OPTION = struct.Struct("!HH")
_RELAY = struct.Struct("!BB16s16s")
_RELAYS = (MessageType6.RELAY_FORWARD, MessageType6.RELAY_REPLY)

_ECHOED = frozenset((Option6.INTERFACE_ID, Option6.RELAY_PORT))
"""What a relay gets back without asking (RFC 8415 §19.3, RFC 8357 §5.2)."""


class Packet6(NamedTuple):
    """A message between client and server."""

    kind: int
    """A MessageType6, or a number that is none."""
    transaction: int
    """24 bits."""
    options: Options

    def option(self, number: int) -> bytes | None:
        """The octets of the first option of this number; None: there is none."""
        return find_option(self.options, number)

    def every(self, number: int) -> tuple[bytes, ...]:
        """The octets of all options of this number, in order."""
        return tuple(data for code, data in self.options if code == number)


class RelayHop(NamedTuple):
    """One relay's header. `options` are without the message within."""

    hop_count: int
    link: bytes
    """Address of the link the client is on, or zeros."""
    peer: bytes
    """Who the relay had the message from: the client, or the next relay towards it."""
    options: Options

    def option(self, number: int) -> bytes | None:
        """The octets of the first option of this number; None: there is none."""
        return find_option(self.options, number)


class Relayed(NamedTuple):
    """A client's message and the relays it came through, outermost (nearest to us) first."""

    hops: tuple[RelayHop, ...]
    packet: Packet6


def find_option(options: Options, number: int) -> bytes | None:
    """The octets of the first option of this number; None: there is none."""
    for code, data in options:
        if code == number:
            return data
    return None


def parse_packet6(data: bytes, wrapper: int = MessageType6.RELAY_FORWARD) -> Packet6 | Relayed:
    """One datagram: a client's message, or one in up to eight relay headers, all of the type `wrapper`. Raises Malformed."""
    if len(data) > MAX_PACKET:
        raise Malformed("longer than any DHCPv6 message", MAX_PACKET)
    hops: list[RelayHop] = []
    while data and data[0] in _RELAYS:
        if data[0] != wrapper:
            raise Malformed("a relay's message in the wrong direction", 0)
        if len(hops) >= MAX_HOPS:
            raise Malformed("too many relays")
        hop, data = _parse_hop(data)
        hops.append(hop)
    if len(data) < 4:
        raise Malformed("shorter than a DHCPv6 header", len(data))
    packet = Packet6(data[0], int.from_bytes(data[1:4], "big"), parse_options6(data, 4))
    return Relayed(tuple(hops), packet) if hops else packet


def _parse_hop(data: bytes) -> tuple[RelayHop, bytes]:
    """One relay's header and the message within."""
    if len(data) < _RELAY.size:
        raise Malformed("shorter than a relay's header", len(data))
    _, hop_count, link, peer = _RELAY.unpack_from(data)
    options = parse_options6(data, _RELAY.size)
    within = [content for number, content in options if number == Option6.RELAY_MESSAGE]
    if len(within) != 1:
        raise Malformed("a relay's message must hold one message", _RELAY.size)
    others = tuple(option for option in options if option[0] != Option6.RELAY_MESSAGE)
    return RelayHop(hop_count, link, peer, others), within[0]


def parse_options6(data: bytes, at: int = 0) -> Options:
    """The options from `at` to the end, at most 100. Raises Malformed."""
    options: list[tuple[int, bytes]] = []
    end = len(data)
    while at < end:
        if end - at < 4 or len(options) >= MAX_OPTIONS:
            raise Malformed("options cut off or too many", at)
        number, length = _OPTION.unpack_from(data, at)
        at += 4
        if length > end - at:
            raise Malformed("option cut off", at)
        options.append((number, data[at : at + length]))
        at += length
    return tuple(options)


def build_options6(options: Iterable[tuple[int, bytes]]) -> bytes:
    """Options as octets, in the order given."""
    return b"".join(_OPTION.pack(number, len(data)) + data for number, data in options)


def build_packet6(packet: Packet6) -> bytes:
    """A message between client and server as octets."""
    return bytes((packet.kind,)) + packet.transaction.to_bytes(3, "big") + build_options6(packet.options)


def build_relayed(kind: int, relayed: Relayed) -> bytes:
    """A message in relay headers of the type `kind`, with each hop's options just as they are there."""
    data = build_packet6(relayed.packet)
    for hop in reversed(relayed.hops):
        options = (*hop.options, (int(Option6.RELAY_MESSAGE), data))
        data = _RELAY.pack(kind, hop.hop_count, hop.link, hop.peer) + build_options6(options)
    return data


def build_relay_reply(hops: tuple[RelayHop, ...], reply: Packet6) -> bytes:
    """Our answer for the way back through `hops`, of the message it answers: a header for each with the same hop count,
    addresses, interface-id and source port (RFC 8415 §19.3, RFC 8357 §5.2), and what the relay asked to have back (RFC 4994).
    """
    back = tuple(hop._replace(options=_echo(hop)) for hop in hops)
    return build_relayed(MessageType6.RELAY_REPLY, Relayed(back, reply))


def _echo(hop: RelayHop) -> Options:
    asked = hop.option(Option6.ECHO_REQUEST) or b""
    wanted = {int.from_bytes(asked[at : at + 2], "big") for at in range(0, len(asked) - 1, 2)}
    return tuple(option for option in hop.options if option[0] in _ECHOED or option[0] in wanted)
