"""What the supervisor does for the `dhcp` cell: the sockets that need rights, the folder of leases. Nothing is read from them.

An interface may come later, go, and come again: it is looked for once a second, and its sockets are handed over when it is there.
"""

import os
import socket
from pathlib import Path

from anchorhold.cell_process import CellProcess
from anchorhold.config.request import Snapshot
from anchorhold.config.service import ServedLink
from anchorhold.dhcp_roles import NOTHING, roles_of
from anchorhold.facts import log
from anchorhold.link import LinkType
from anchorhold.listeners import CannotListen
from anchorhold.state import LEASES_NAME, open_folder
from dhcp.edge.opening import Role, advice, open_role

NAME = "supervisor"
MODULE = "anchorhold.cells.dhcp"

MOST_NEWS = 1_000
"""Messages of the kernel that are taken in one look."""
_RTMGRP_LINK = 1
"""rtnetlink(7)."""

LOOK_EVERY = 1.0
"""Seconds between two looks for interfaces."""


class _Interface:
    """One interface's sockets, as long as its index stays the same."""

    def __init__(self, link: ServedLink) -> None:
        self.link = link
        self.number = 0
        """0: it is not there."""
        self.sockets: dict[Role, socket.socket] = {}
        self.said = ""
        """What was logged of it last, so that it is said once."""

    def retain(self, roles: Role) -> None:
        """Close all other sockets."""
        for role in [role for role in self.sockets if role not in roles]:
            self.sockets.pop(role).close()

    def say(self, text: str) -> None:
        if text and text != self.said:
            log(NAME, f"dhcp on {self.link.name}: {text}")
        self.said = text


class DhcpSide:
    """The cell, wanted or not, and what it is to be given."""

    def __init__(self, state: Path, owner: tuple[int, int] | None) -> None:
        self.cell = CellProcess("dhcp", MODULE)
        self.cells = (self.cell,)
        self.cell.due = None
        self.wanted = False
        """Whether the configuration in force has a [dhcp] section."""
        self._state = state
        self._owner = owner
        self._folder = -1
        self._interfaces: dict[str, _Interface] = {}
        self._look_at = 0.0
        self._news: socket.socket | None = None
        """Where the kernel says that interfaces come and go; nothing of it is read but that it came."""

    def begin(self, snapshot: Snapshot) -> None:
        """At the start: as `use`, but ports that somebody else has end it all. Raises CannotListen, StateRefused."""
        self.prepare(snapshot)
        self.use(snapshot, 0.0)
        for interface in self._interfaces.values():
            if interface.said and interface.number:
                raise CannotListen(f"dhcp on {interface.link.name}: {interface.said}")

    def prepare(self, snapshot: Snapshot) -> None:
        """What of a configuration can fail. Raises StateRefused."""
        if snapshot.dhcp >= 0 and self._folder < 0:
            self._folder = open_folder(self._state, self._owner, LEASES_NAME)

    def discard(self) -> None:
        """A folder that was opened for nothing stays: it may be wanted yet."""

    def use(self, snapshot: Snapshot, now: float) -> None:
        """Take over a configuration; start the cell or end it."""
        wanted = snapshot.dhcp >= 0
        links = {link.name: link for link in snapshot.service.links} if wanted else {}
        for name in [name for name in self._interfaces if name not in links]:
            self._interfaces.pop(name).retain(NOTHING)
        for name, link in links.items():
            interface = self._interfaces.setdefault(name, _Interface(link))
            interface.link = link
            interface.retain(roles_of(link))
        if wanted and not self.wanted:
            self.cell.want(now)
        elif self.wanted and not wanted:
            self.cell.due = None
            self.cell.end(now)
        self.wanted = wanted
        self._look_at = 0.0
        self.look(now)

    def look(self, now: float) -> None:
        """Once a second: whatever has come is opened and handed over, whatever has gone is let go of."""
        if now < self._look_at:
            return
        self._look_at = now + LOOK_EVERY
        changed = self._changed()
        for interface in self._interfaces.values():
            self._look_for(interface, changed)

    def give_all(self, _cell: CellProcess) -> None:
        """To a cell that has just been started: the folder and every socket there is."""
        self.cell.send(LinkType.FOLDER, b"", (self._folder,))
        for interface in self._interfaces.values():
            self._give(interface, tuple(interface.sockets))

    def ended(self) -> None:
        """The cell ended; without [dhcp] it is not started again."""
        if not self.wanted:
            self.cell.due = None

    def close(self) -> None:
        """The service ends."""
        for interface in self._interfaces.values():
            interface.retain(NOTHING)
        if self._news is not None:
            self._news.close()
        if self._folder >= 0:
            os.close(self._folder)

    def _changed(self) -> bool:
        """Whether interfaces came or went since this was asked last, as far as is known."""
        if self._news is None:
            self._news = _open_news()
            return True
        changed = False
        for _ in range(MOST_NEWS):
            try:
                self._news.recvmsg(1)
            except BlockingIOError:
                return changed
            except OSError:
                # ENOBUFS: more than there was room for.
                pass
            changed = True
        return changed

    def _look_for(self, interface: _Interface, changed: bool) -> None:
        number = _number_of(interface.link.name) if changed or not interface.number else interface.number
        if number != interface.number:
            # Another interface of that name, or none: the sockets are of one that is no more.
            interface.retain(NOTHING)
            interface.number = number
        if not number:
            interface.say("there is no such interface; it is served as soon as it is there")
            return
        missing = [role for role in Role if role in roles_of(interface.link) and role not in interface.sockets]
        if missing:
            self._give(interface, self._open(interface, missing))

    def _open(self, interface: _Interface, missing: list[Role]) -> tuple[Role, ...]:
        failed = ""
        for role in missing:
            try:
                interface.sockets[role] = open_role(role, interface.link.name, interface.number)
            except OSError as error:
                failed = failed or advice(error, role)
        interface.say(failed)
        return tuple(role for role in missing if role in interface.sockets)

    def _give(self, interface: _Interface, roles: tuple[Role, ...]) -> None:
        if not roles:
            return
        mask = sum(roles)
        body = interface.number.to_bytes(4, "little") + bytes((mask,)) + interface.link.name.encode()
        # In the order of their numbers; the mask tells which.
        self.cell.send(
            LinkType.INTERFACE, body, tuple(interface.sockets[role].fileno() for role in Role if role in roles)
        )


def _open_news() -> socket.socket | None:
    """None where there is no such thing: then interfaces are looked for every time."""
    if not hasattr(socket, "AF_NETLINK"):
        return None
    news = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    try:
        news.setblocking(False)
        news.bind((0, _RTMGRP_LINK))
    except OSError:
        news.close()
        return None
    return news


def _number_of(name: str) -> int:
    try:
        return socket.if_nametoindex(name)
    except OSError:
        return 0
