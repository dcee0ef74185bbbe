"""The supervisor's link to a cell: small messages with descriptors over an AF_UNIX SOCK_SEQPACKET pair.

A message is one kind octet and its body; descriptors travel beside it (SCM_RIGHTS). A cell is forked with its end of the link and
nothing else. What does not decode raises `Malformed` and ends the cell.
"""

import errno
import os
import socket
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from net.opening import AT_ONCE
from wire.errors import Malformed

MAX_MESSAGE = 4_096
MOST_DESCRIPTORS = 8
"""Beside one message."""


class LinkType(IntEnum):
    """Everything that crosses between the supervisor and a cell."""

    UDP = 1
    """To front: a bound UDP socket. Body: u8, 1 if bound to a wildcard address (then PKTINFO is on); u8, 1 if it is of IPv6."""
    TCP = 2
    """To front: a listening TCP socket."""
    CONTROL = 3
    """To front: the listening control socket (AF_UNIX stream)."""
    PEER = 4
    """To front and resolver: this cell's end of a fresh stream pair between them; replaces the former. Body, as with all pairs:
    see `PairName`."""
    SETTINGS = 5
    """To any cell: sealed memfd with its settings (msgpack). Body: generation u32 little-endian."""
    SECRET = 6
    """To front and secure: cookie key; to the resolver: spread key. A sealed memfd of 32 octets; never in a body, for that would
    be in the supervisor's memory."""
    START = 7
    """To any cell: all it needs has come; enter the sandbox and serve. Body: u32 how often it was restarted."""
    READY = 8
    """From a cell: serving, or the settings of this generation are in force. Body: generation u32."""
    WITHDRAW = 9
    """To front and secure: forget all listeners; those that follow replace them (reload)."""
    PING = 10
    """To a cell; it answers with the same."""
    ACCUSE = 11
    """From a cell: the other end of a pair sent what does not decode. That one is ended. Body: u8, the kind of the pair, and then
    what the body was that brought it."""
    KEEPER = 12
    """To resolver and keeper: this cell's end of a fresh stream pair between them; replaces the former."""
    FOLDER = 13
    """To keeper, dhcp and lists: the directory of what it keeps. Without this message there is none."""
    HOSTS = 14
    """To front and dhcp: this cell's end of a fresh stream pair between them; replaces the former."""
    INTERFACE = 15
    """To dhcp: sockets of one interface. Body: its index u32 little-endian, which sockets u8 (bits of `dhcp.edge.opening.Role`),
    its name; the descriptors in the order of the bits. They replace those of the same name and role."""
    SECURE = 16
    """To secure: a listening TCP or a bound UDP socket. Body: what is served there u8 (place in `Served`), u8 1 if
    bound to a wildcard address."""
    CERTIFICATE = 17
    """To secure, before START: two sealed memfds, the chain of certificates and its key (PEM)."""
    SECURE_PEER = 18
    """As PEER, between secure and resolver."""
    SECURE_HOSTS = 19
    """As HOSTS, between secure and dhcp."""
    STATUS = 20
    """To front and secure: ends of a pair on which front hands on what operators ask."""
    ENCRYPTED = 21
    """From secure: the name that its certificate proves of those in its settings, while it is in its time. To front and dhcp: the
    same while secure serves, so that clients may be sent there by this name and no other. Body: the name in ASCII, or nothing:
    to nobody. So it is until it comes."""
    LISTS = 22
    """From the lists cell, and then to the resolver: a sealed memfd with the image of all lists (see
    `privacy/lists/image.py`); replaces the former. Body: SHA-256 of the image. Without descriptor
    and body: there is none yet."""
    LISTS_PEER = 23
    """To resolver and lists: ends of a pair over which the lists cell asks for the addresses of the hosts it fetches from."""
    LISTS_STATUS = 24
    """To front and lists: ends of a pair on which front hands on what operators ask."""
    END = 25
    """To a cell: take nothing new, give out what is nearly there, and end."""
    LOG = 26
    """From a cell that may not write: a line for the log, as `keep` made it (UTF-8)."""
    SEALED = 27
    """From a cell, before its first READY: what of its profile is in force, and what is missing. Body: a JSON object
    (`anchorhold/roster.py`), for operators; nobody else reads it."""
    FRONT_STATUS = 28
    """To the first front, which has the control socket, and another: ends of a pair on which it hands on what operators ask."""
    NUMBER = 29
    """To front, secure and resolver, before START, where there are several of each: which it is, u8 from 0 on, and of how many,
    u8."""
    ROOT_PEER = 30
    """To the first resolver and another: ends of a pair over which copies of the root zone go."""
    WORK = 31
    """From the lists cell: a helper is wanted (body u8 1), or none any more (0). To it: its end of a pair to one; or, without a
    descriptor, there is none any more. Body then: its exit code or minus a signal, i16 little-endian; nothing: there was none."""
    REST = 32
    """From the lists cell: it ends, for it has nothing to do for so many seconds. Body: u32 little-endian."""
    WAKE = 33
    """From the first front: an operator asks for the lists cell, which rests."""


_KINDS = frozenset(LinkType)


@dataclass(frozen=True, slots=True)
class LinkMessage:
    """One message; `descriptors` now belong to the receiver."""

    type: LinkType
    body: bytes
    descriptors: tuple[int, ...]


class PairName(NamedTuple):
    """Which pair, as one of its ends sees it: how it was sent, and which the other end is of several of its kind, from 0 on. In
    the body of the message that brings it: nothing for the first, else the number, u8."""

    kind: LinkType
    number: int = 0

    @property
    def body(self) -> bytes:
        """Of that message."""
        return bytes((self.number,)) if self.number else b""

    @property
    def octets(self) -> bytes:
        """As ACCUSE has it."""
        return bytes((self.kind,)) + self.body


def pair_name(message: LinkMessage) -> PairName:
    """Of the pair that `message` brings. Raises Malformed."""
    if len(message.body) > 1:
        raise Malformed(f"{message.type.name} with more than a number")
    return PairName(message.type, message.body[0] if message.body else 0)


def number_of(message: LinkMessage) -> tuple[int, int]:
    """Which cell of how many, in a NUMBER. Raises Malformed."""
    if len(message.body) != 2 or message.body[0] >= message.body[1]:
        raise Malformed("NUMBER that is none")
    return message.body[0], message.body[1]


def nth(cell: str, number: int) -> str:
    """What a cell is called among several of its kind, `number` from 0 on: `front`, `front-2`, `front-3`."""
    return f"{cell}-{number + 1}" if number else cell


def kind_of(name: str) -> str:
    """Of a cell that `nth` named."""
    return name.partition("-")[0]


def open_link() -> tuple[socket.socket, socket.socket]:
    """The two ends of a new link; calls on neither wait, until its holder says otherwise. Raises OSError.

    Where there is no SOCK_SEQPACKET (macOS) it is a pair of datagram sockets, which keeps messages apart too; that the other end
    is gone is heard there as an error, ECONNRESET.
    """
    try:
        return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET | AT_ONCE)
    except OSError as error:
        if error.errno != errno.EPROTONOSUPPORT:
            raise
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    for end in ends:
        end.setblocking(False)
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            # What is usual there is less than one message.
            end.setsockopt(socket.SOL_SOCKET, option, 16 * MAX_MESSAGE)
    return ends


def send_message(link: socket.socket, kind: LinkType, body: bytes = b"", descriptors: tuple[int, ...] = ()) -> None:
    """Send one message; the descriptors stay open here too."""
    socket.send_fds(link, [bytes((kind,)) + body], list(descriptors))


def accuse(link: socket.socket, name: PairName) -> None:
    """What does not decode ends its sender: only the supervisor can do that."""
    send_message(link, LinkType.ACCUSE, name.octets)


def receive_message(link: socket.socket) -> LinkMessage | None:
    """The next message; None when the other side is gone. Raises Malformed, and BlockingIOError if non-blocking."""
    data, descriptors, flags, _ = socket.recv_fds(link, MAX_MESSAGE, MOST_DESCRIPTORS)
    wrong = ""
    if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
        wrong = "link message too long"
    elif data and data[0] not in _KINDS:
        wrong = "unknown link message"
    if data and not wrong:
        return LinkMessage(LinkType(data[0]), data[1:], tuple(descriptors))
    # A cell that sends some with nonsense, in each of its lives, would leave the supervisor without any.
    for descriptor in descriptors:
        os.close(descriptor)
    if wrong:
        raise Malformed(wrong)
    return None
