"""The sockets of every interface, as the supervisor hands them over, and who is called when one can be read."""

import selectors
import socket
from collections.abc import Callable, Iterator

from dhcp.edge.opening import Role
from net import sockets


class Interface:
    """One interface: its index, its name, its sockets."""

    __slots__ = ("name", "number", "sockets")

    def __init__(self, number: int, name: str) -> None:
        self.number = number
        self.name = name
        self.sockets: dict[Role, socket.socket] = {}


class Interfaces:
    """All of them, watched by `selector`. `hear(interface, role)` is called when a socket can be read."""

    def __init__(self, selector: selectors.BaseSelector, hear: Callable[[Interface, Role], None]) -> None:
        self._selector = selector
        self._hear = hear
        self._all: dict[int, Interface] = {}

    def __iter__(self) -> Iterator[Interface]:
        return iter(tuple(self._all.values()))

    def get(self, number: int) -> Interface | None:
        """The interface with this index, if there are sockets of it."""
        return self._all.get(number)

    def add(self, number: int, name: str, role: Role, endpoint: socket.socket) -> None:
        """Take over a socket; it replaces the one that this interface, or a former one of the name, had for this."""
        for former in [one for one in self._all.values() if one.name == name and one.number != number]:
            self.remove(former.number)
        interface = self._all.setdefault(number, Interface(number, name))
        self._drop(interface, role)
        interface.sockets[role] = endpoint
        self._selector.register(endpoint, selectors.EVENT_READ, lambda: self._ready(interface, role))

    def remove(self, number: int) -> None:
        """The interface is gone."""
        interface = self._all.pop(number, None)
        if interface is not None:
            for role in tuple(interface.sockets):
                self._drop(interface, role)

    def retain(self, wanted: dict[str, Role]) -> None:
        """Close what is not wanted any more: by name, the roles that are."""
        for interface in tuple(self._all.values()):
            roles = wanted.get(interface.name, Role(0))
            for role in [role for role in interface.sockets if role not in roles]:
                self._drop(interface, role)
            if not interface.sockets:
                del self._all[interface.number]

    def close(self) -> None:
        """All of them."""
        for number in tuple(self._all):
            self.remove(number)

    def _ready(self, interface: Interface, role: Role) -> None:
        # The same wake-up may have taken the socket away: news of the kernel and of the supervisor come in any order.
        if role in interface.sockets:
            self._hear(interface, role)

    def _drop(self, interface: Interface, role: Role) -> None:
        endpoint = interface.sockets.pop(role, None)
        if endpoint is not None:
            self._selector.unregister(endpoint)
            sockets.close(endpoint)
