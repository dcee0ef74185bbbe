"""Signals that become readable, both ways; in a process of its own, for they are taken from it for good."""

import os
import signal
import socket
import subprocess
import sys

import pytest

from anchorhold import link
from anchorhold.link import LinkType, open_link, receive_message, send_message

TRY = """
import os, select, signal
from anchorhold.signals import {0}
signals = {0}()
found = set()
for number in (signal.SIGHUP, signal.SIGCHLD):
    os.kill(os.getpid(), number)
while found != {{signal.SIGHUP, signal.SIGCHLD}}:
    assert select.select([signals], [], [], 60)[0]
    found |= signals.take()
print(sorted(found), signals.take())
"""


@pytest.mark.parametrize("kind", ["SignalFile", "WakeUp", "open_signals"])
def test_what_came_is_read_once(kind: str) -> None:
    done = subprocess.run([sys.executable, "-c", TRY.format(kind)], capture_output=True, text=True, timeout=60)
    assert done.stdout == f"{[int(signal.SIGHUP), int(signal.SIGCHLD)]} set()\n", done.stderr


def test_a_link_of_datagrams_keeps_messages_apart_and_brings_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is where there is no SOCK_SEQPACKET."""
    real = socket.socketpair

    def without_records(family: int, kind: int) -> tuple[socket.socket, socket.socket]:
        if kind & socket.SOCK_SEQPACKET == socket.SOCK_SEQPACKET:
            raise OSError(93, "Protocol not supported")
        return real(family, kind)

    monkeypatch.setattr(link.socket, "socketpair", without_records)
    ours, theirs = open_link()
    with ours, theirs, open(os.devnull, "rb") as null:
        assert (ours.type, ours.getblocking()) == (socket.SOCK_DGRAM, False)
        send_message(ours, LinkType.SETTINGS, b"x" * (link.MAX_MESSAGE - 1), (null.fileno(),))
        send_message(ours, LinkType.PING)
        first, second = receive_message(theirs), receive_message(theirs)
        assert first is not None
        assert (first.type, len(first.body), len(first.descriptors)) == (LinkType.SETTINGS, link.MAX_MESSAGE - 1, 1)
        assert second is not None
        assert (second.type, second.body) == (LinkType.PING, b"")
        os.close(first.descriptors[0])
        with pytest.raises(BlockingIOError):
            receive_message(theirs)
