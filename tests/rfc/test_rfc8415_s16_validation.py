"""RFC 8415 §16 (RFC 9915 §16): what a server throws away without an answer. Each message type, each rule."""

import pytest
from kit.dhcp6 import ANYBODY, CLIENT, OURS, PHONE, SERVER, Site6, message, na

from dhcp.duid import server_duid
from dhcp.values import Arrival
from wire.dhcp.codes6 import MessageType6, Option6
from wire.dhcp.packet6 import Packet6

OTHER = server_duid(b"other")
TO_US = (
    MessageType6.SOLICIT,
    MessageType6.REQUEST,
    MessageType6.CONFIRM,
    MessageType6.RENEW,
    MessageType6.REBIND,
    MessageType6.DECLINE,
    MessageType6.RELEASE,
    MessageType6.INFORMATION_REQUEST,
)
NAMED = (MessageType6.REQUEST, MessageType6.RENEW, MessageType6.DECLINE, MessageType6.RELEASE)
UNNAMED = (MessageType6.SOLICIT, MessageType6.CONFIRM, MessageType6.REBIND)


def good(kind: int) -> Packet6:
    return message(
        kind,
        *([] if kind == MessageType6.INFORMATION_REQUEST else [na(OURS)]),
        server=SERVER if kind in NAMED else b"",
    )


def why(packet: Packet6, arrival: Arrival | None = None) -> str:
    outcome = Site6().look(packet, arrival)
    assert (outcome.reply, outcome.changes, outcome.probes) == (None, (), ())
    return outcome.why


@pytest.mark.parametrize("kind", TO_US)
def test_each_message_for_servers_is_answered_as_it_should_be(kind: int) -> None:
    """The counterpart of all below: they fail for their own reason only."""
    assert Site6().look(good(kind)).reply is not None or Site6().look(good(kind)).probes


@pytest.mark.parametrize("kind", [*UNNAMED, *NAMED])
def test_a_message_without_a_client_identifier_is_discarded(kind: int) -> None:
    """§16.2, §16.4 to §16.9: MUST discard … the message does not include a Client Identifier option."""
    packet = good(kind)
    less = packet._replace(options=tuple(one for one in packet.options if one[0] != Option6.CLIENT_IDENTIFIER))
    assert "no-client-identifier" == why(less)


@pytest.mark.parametrize("kind", UNNAMED)
def test_a_message_for_every_server_that_names_one_is_discarded(kind: int) -> None:
    """§16.2, §16.5, §16.7: MUST discard … the message does include a Server Identifier option."""
    assert "unexpected-server-identifier" == why(message(kind, na(OURS), server=SERVER))


@pytest.mark.parametrize("kind", NAMED)
def test_a_message_for_one_server_that_names_none_is_discarded(kind: int) -> None:
    """§16.4, §16.6, §16.8, §16.9: MUST discard … the message does not include a Server Identifier option."""
    assert "no-server-identifier" == why(message(kind, na(OURS)))


@pytest.mark.parametrize("kind", [*NAMED, MessageType6.INFORMATION_REQUEST])
def test_a_message_for_another_server_is_discarded(kind: int) -> None:
    """§16.4, §16.6, §16.8, §16.9, §16.12: MUST discard … do not match the server's DUID."""
    associations = [] if kind == MessageType6.INFORMATION_REQUEST else [na(OURS)]
    assert "other-server" == why(message(kind, *associations, server=OTHER))


def test_an_information_request_with_an_association_is_discarded() -> None:
    """§16.12: MUST discard … the message includes an IA option."""
    assert "unexpected-association" == why(message(MessageType6.INFORMATION_REQUEST, na()))


@pytest.mark.parametrize(
    "kind", [MessageType6.ADVERTISE, MessageType6.REPLY, MessageType6.RECONFIGURE, 0, 14, 21, 36, 255]
)
def test_what_is_for_clients_or_for_nobody_is_discarded(kind: int) -> None:
    """§16.3, §16.10, §16.11: Servers MUST discard Advertise, Reply, Reconfigure; §16: and types they do not know."""
    assert "not-for-servers" == why(message(kind, na(OURS), server=SERVER))


@pytest.mark.parametrize("kind", TO_US)
def test_what_a_client_sends_to_our_own_address_is_discarded(kind: int) -> None:
    """§16: MUST discard Solicit, Confirm, Rebind, Information-request sent by unicast; RFC 9915 leaves no others allowed."""
    assert "unicast" == why(good(kind), Arrival(1, CLIENT, OURS, b"", 546))
    assert "unicast" != Site6().look(good(kind), Arrival(1, CLIENT, ANYBODY, b"", 546)).why


@pytest.mark.parametrize("size", [0, 2, 131])
def test_a_client_identifier_that_is_none_is_discarded(size: int) -> None:
    """§11.1: two octets of type, then at most 128."""
    packet = message(MessageType6.SOLICIT, na(), who=b"")
    assert "malformed" == why(packet._replace(options=((1, bytes(size)), *packet.options)))


def test_an_association_that_is_cut_off_is_discarded() -> None:
    packet = message(MessageType6.SOLICIT, who=PHONE)
    assert "malformed" == why(packet._replace(options=(*packet.options, (int(Option6.IA_NA), bytes(11)))))
