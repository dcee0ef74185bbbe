import os
import socket

import pytest

from anchorhold.link import MAX_MESSAGE, LinkType, receive_message, send_message
from wire.errors import Malformed


def pair() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def test_a_message_crosses_with_its_descriptors() -> None:
    one, other = pair()
    reading, writing = os.pipe()
    with one, other:
        send_message(one, LinkType.SETTINGS, b"\1\0\0\0", (writing,))
        os.close(writing)
        message = receive_message(other)
        assert message is not None
        assert (message.type, message.body) == (LinkType.SETTINGS, b"\1\0\0\0")
        os.write(message.descriptors[0], b"through")
        os.close(message.descriptors[0])
        assert os.read(reading, 100) == b"through"
        os.close(reading)


def test_messages_keep_their_borders() -> None:
    one, other = pair()
    with one, other:
        send_message(one, LinkType.WITHDRAW)
        send_message(one, LinkType.START, b"\0\0\0\0")
        kinds = [message.type for message in (receive_message(other), receive_message(other)) if message]
        assert kinds == [LinkType.WITHDRAW, LinkType.START]


def test_the_end_of_the_other_side_is_none() -> None:
    one, other = pair()
    one.close()
    with other:
        assert receive_message(other) is None


@pytest.mark.parametrize("data", [b"\0", b"\xff", b"\x01" * (MAX_MESSAGE + 1)])
def test_what_is_no_message_is_malformed(data: bytes) -> None:
    one, other = pair()
    with one, other:
        one.send(data)
        with pytest.raises(Malformed):
            receive_message(other)
