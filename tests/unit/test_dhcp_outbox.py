"""What leaves, and what does not."""

import socket

import pytest
from kit.dhcp4 import mac, message
from kit.dhcp_loop import HERE, recorded

from dhcp.edge.opening import Role
from dhcp.edge.sockets4 import EVERYBODY, frame4, message4
from dhcp.values import Path, Reply4
from net.messages import address_in
from wire.dhcp.codes4 import MessageType4
from wire.dhcp.frames import parse_datagram

LO = socket.if_nametoindex("lo")


def reply(path: Path = Path.RELAY, interface: int = LO, hardware: bytes = b"") -> Reply4:
    packet = message(MessageType4.ACK, {}, chaddr=mac(1), xid=7)
    return Reply4(packet, path, interface, HERE, HERE, 68, hardware)


def test_an_interface_that_is_gone_takes_nothing() -> None:
    with recorded() as (home, _):
        outbox, interfaces, counters = home.server._outbox, home.server.interfaces, home.server.counters
        outbox.put(reply(interface=1 << 30), 0)
        assert 1 == counters["not-sent"]
        outbox.put(reply(), 0)
        outbox.put(reply(), 0)
        interfaces.remove(LO)
        outbox.flush()
        outbox.flush()
        assert 3 == counters["not-sent"]


def test_what_the_kernel_does_not_take_is_counted_and_the_others_go() -> None:
    with recorded() as (home, _):
        outbox, counters, (_, port) = home.server._outbox, home.server.counters, home.relay.getsockname()
        outbox.put(reply()._replace(port=port), 0)
        outbox.put(reply()._replace(source=bytes((192, 0, 2, 1)), port=port), 0)
        outbox.put(reply()._replace(port=port), 0)
        assert [] == home.heard()
        outbox.flush()
        assert [(MessageType4.ACK, 7)] * 2 == home.heard()
        assert 1 == counters["not-sent"]


@pytest.mark.parametrize("there", [True, False])
def test_a_frame_that_does_not_go_is_counted(there: bool) -> None:
    with recorded() as (home, _):
        if not there:
            home.server.interfaces.retain({"lo": Role.UDP4})
        # Ours sends no frames there: it is a socket of UDP that knows nobody.
        home.server._outbox.put(reply(Path.FRAME, hardware=mac(1)), 0)
        home.server._outbox.flush()
        assert 1 == home.server.counters["not-sent"]


def test_who_cannot_be_reached_by_a_frame_is_reached_with_all_others() -> None:
    made = frame4(reply(Path.FRAME, hardware=mac(1)), b"data", mac(2))
    assert made is not None
    assert b"data" == parse_datagram(made).data
    for ours, theirs in ((mac(2), b""), (b"", mac(1)), (b"long enough", b"long enough")):
        assert None is frame4(reply(Path.FRAME, hardware=theirs), b"data", ours)
    for path in (Path.FRAME, Path.BROADCAST):
        data, name, _ = message4(reply(path), b"data")
        assert (b"data", (socket.inet_ntoa(EVERYBODY), 68)) == (data, address_in(name))
