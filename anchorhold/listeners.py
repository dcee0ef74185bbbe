"""Sockets on which clients and operators ask, opened while the rights are there; nothing is ever read here."""

import contextlib
import errno
import ipaddress
import os
import socket
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from anchorhold.activation import Handover
from anchorhold.config.service import ListenAddress
from anchorhold.facts import log
from anchorhold.spreading import spread
from net.datagram import omit_path_mtu
from net.opening import open_socket as open_socket_at_once
from resolver.edge.listen.datagram import TIMESTAMP

NAME = "supervisor"
BACKLOG = 2_048
"""Who waits here longer than a moment would be forgotten by the kernel and try again after a second."""
SILENCE = 3
"""Seconds after which one who has connected is let in though it has said nothing yet."""
RECEIVE_BUFFER = 4 * 1024 * 1024
"""Octets for datagrams that wait; the kernel may grant less."""

PORT_ATTEMPTS = 20
"""For port 0: a port free for UDP may be taken for TCP."""


class CannotListen(Exception):
    """An address cannot be opened; the text says which, why, and what to do."""


@dataclass(frozen=True, slots=True)
class Listener:
    """The two sockets of one address. `place` has the port that was really taken."""

    address: ListenAddress
    place: ListenAddress
    udp: socket.socket
    tcp: socket.socket
    further: tuple[tuple[socket.socket, ...], ...] = ((), ())
    """Of UDP and of TCP: what the second cell and those after it listen with."""

    def sockets(self, number: int) -> tuple[tuple[socket.socket, ...], tuple[socket.socket, ...]]:
        """Of UDP and of TCP: that of the cell with this number, if it has one."""
        udp, tcp = self.further
        return (self.udp, *udp)[number : number + 1], (self.tcp, *tcp)[number : number + 1]

    @property
    def wildcard(self) -> bool:
        """True if it takes queries for every address of the machine (then replies need IP_PKTINFO)."""
        return ipaddress.ip_address(self.address.host).is_unspecified

    @property
    def traits(self) -> bytes:
        """The body of the UDP message for it."""
        return bytes((self.wildcard, self.udp.family == socket.AF_INET6))

    def close(self) -> None:
        """Both; cells that hold copies go on with them."""
        close_all((self.udp, self.tcp, *self.further[0], *self.further[1]))


def open_listener(address: ListenAddress, handed: Handover | None = None, cores: int = 1) -> Listener:
    """UDP and TCP on the same port, for so many cells; those that are in `handed` are used. Raises CannotListen."""
    for attempt in range(PORT_ATTEMPTS):
        udp = open_shared(address, socket.SOCK_DGRAM, cores, handed)
        place = ListenAddress(address.host, udp[0].getsockname()[1])
        try:
            tcp = open_shared(place, socket.SOCK_STREAM, cores, handed)
            return Listener(address, place, udp[0], tcp[0], (udp[1:], tcp[1:]))
        except CannotListen:
            close_all(udp)
            if address.port or attempt == PORT_ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


def open_changed(
    wanted: tuple[ListenAddress, ...],
    have: tuple[Listener, ...],
    handed: Handover | None = None,
    cores: int = 1,
) -> tuple[Listener, ...]:
    """The listeners of `wanted`: those in `have` as they are, the others opened. All or none. Raises CannotListen."""
    spare, opened, listeners = list(have), [], []
    try:
        for address in wanted:
            same = next((listener for listener in spare if listener.address == address), None)
            if same is None:
                same = open_listener(address, handed, cores)
                opened.append(same)
            else:
                spare.remove(same)
            listeners.append(same)
    except CannotListen:
        for listener in opened:
            listener.close()
        raise
    return tuple(listeners)


def open_shared(
    address: ListenAddress,
    kind: socket.SocketKind,
    cores: int,
    handed: Handover | None = None,
    setting: str = "[listen]",
) -> tuple[socket.socket, ...]:
    """As `open_socket`, one for each of so many cells, among which the kernel spreads clients. One that is in `handed` is the
    only one there: nothing can be bound beside it. Raises CannotListen."""
    first = open_socket(address, kind, handed, setting)
    if cores == 1:
        return (first,)
    if handed is not None and handed.has(first):
        log(NAME, f"{address.text()} is the service manager's socket: one cell serves it, on one core")
        return (first,)
    group = [first]
    try:
        # Not before it is bound: else somebody who has the port and shares it would not be noticed.
        first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        place = address.at(first.getsockname()[1])
        group.extend(open_socket(place, kind, None, setting, share=True) for _ in range(1, cores))
        spread(tuple(group))
    except CannotListen:
        close_all(group)
        raise
    except OSError as error:
        close_all(group)
        what = f"{error.strerror}: write cores = 1 in [service]; Linux has it since 4.6"
        raise CannotListen(f"{address.text()} cannot be shared by {cores} cells ({what})") from None
    return tuple(group)


def close_all(opened: Iterable[socket.socket]) -> None:
    """Of a group that is of no use."""
    for one in opened:
        one.close()


def open_socket(
    address: ListenAddress,
    kind: socket.SocketKind,
    handed: Handover | None = None,
    setting: str = "[listen]",
    *,
    share: bool = False,
) -> socket.socket:
    """One socket, listening if it is of TCP: a copy of the one in `handed` that is bound there, or a new one; `setting` is where
    the configuration names it. `share`: it joins a group that has the place. Raises CannotListen."""
    family, _, _, _, place = socket.getaddrinfo(address.host, address.port, type=kind, flags=socket.AI_NUMERICHOST)[0]
    opened = None if handed is None else handed.take(kind, place)
    bound = opened is not None
    try:
        opened = opened or open_socket_at_once(family, kind)
        if share:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if not bound:
            _bind(opened, place)
        if kind == socket.SOCK_STREAM:
            # Its connections have it from here, on every system we know (tests/unit/test_net_sockets.py).
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _defer_silent(opened)
            # One that listens already takes the new length.
            opened.listen(BACKLOG)
        else:
            _prepare_datagrams(opened, ipaddress.ip_address(address.host).is_unspecified)
    except OSError as error:
        if opened is not None:
            opened.close()
        transport = "UDP" if kind == socket.SOCK_DGRAM else "TCP"
        raise CannotListen(
            f"cannot listen on {address.text()} ({transport}): {_advice(error, address, setting)}"
        ) from None
    return opened


def _bind(opened: socket.socket, place: tuple[object, ...]) -> None:
    if opened.family == socket.AF_INET6:
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    if opened.type == socket.SOCK_STREAM:
        # A restart must not wait for the last run's connections; a living listener is still refused on Linux.
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    opened.bind(place)


def _defer_silent(opened: socket.socket) -> None:
    """Whoever connects and says nothing waits in the kernel, where it takes no place from those who ask: in everything that is
    spoken here the client speaks first."""
    # A kernel without it serves all the same.
    if hasattr(socket, "TCP_DEFER_ACCEPT"):
        with contextlib.suppress(OSError):
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, SILENCE)


def _prepare_datagrams(udp: socket.socket, wildcard: bool) -> None:
    _enlarge_buffer(udp)
    # A kernel without OMIT serves all the same: answers are small enough not to be cut up on any common path.
    omit_path_mtu(udp)
    if sys.platform == "linux":
        # When each came: who has waited for long tells that more comes than can be answered.
        udp.setsockopt(socket.SOL_SOCKET, TIMESTAMP, 1)
    if wildcard and udp.family == socket.AF_INET6:
        udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    elif wildcard:
        udp.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)


def _enlarge_buffer(udp: socket.socket) -> None:
    """Unless it is larger than usual: a service manager may give more than we are allowed to ask for."""
    with socket.socket(udp.family, socket.SOCK_DGRAM) as usual:
        if udp.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) <= usual.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF):
            udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)


_IP_PKTINFO = 8


def _advice(error: OSError, address: ListenAddress, setting: str) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return f"the port is in use. {_who_has(address, setting)}"
        case errno.EACCES:
            return "no permission. Ports below 1024 need root or CAP_NET_BIND_SERVICE; or listen on a port such as 5300"
        case errno.EADDRNOTAVAIL:
            return "no interface of this machine has this address. See: ip address"
        case _:
            return error.strerror or "it failed"


def _who_has(address: ListenAddress, setting: str) -> str:
    if address.port != 53:
        return (
            f"Stop the program that has it (ss -lptun 'sport = :{address.port}'), or choose another port in {setting}"
        )
    return (
        "Often it is systemd-resolved's stub listener (on 127.0.0.53 and .54), dnsmasq or another DNS server: "
        "ss -lptun 'sport = :53' names it. For resolved set DNSStubListener=no in resolved.conf and restart it, or "
        "listen on another address or port (docs/guide/laptop.md)"
    )


def open_control(path: Path, kind: socket.SocketKind = socket.SOCK_STREAM) -> socket.socket:
    """The control socket, mode 0600, in a directory that is made (0700) if it is not there. Raises CannotListen.

    A socket file left behind is removed, one that somebody answers on is not.
    """
    try:
        opened = open_socket_at_once(socket.AF_UNIX, kind)
    except OSError as error:
        raise CannotListen(f"the control socket {path} is of a kind that there is not here: {error.strerror}") from None
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.parent.stat().st_uid not in (0, os.geteuid()):
            raise CannotListen(
                f"the directory of the control socket {path} belongs to somebody else; name another in [listen] control"
            )
        _remove_stale(path, kind)
        # The umask of the whole process, restored at once: nothing else runs here.
        former = os.umask(0o177)
        try:
            opened.bind(str(path))
        finally:
            os.umask(former)
        opened.listen(16)
    except CannotListen:
        opened.close()
        raise
    except OSError as error:
        opened.close()
        what = error.strerror or "the path is too long (107 octets at most)"
        raise CannotListen(f"cannot open the control socket {path}: {what}; name another in [listen] control") from None
    return opened


def _remove_stale(path: Path, kind: socket.SocketKind) -> None:
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX, kind) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except TimeoutError:
            pass
    raise CannotListen(f"another instance answers on {path}; stop it, or name another path in [listen] control")
