"""A secure cell as a real process under its own filter, with a resolver that the test plays and that answers at once."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

from kit.certificates import identity
from kit.desk import settings
from kit.front import RunningFront, alone

from anchorhold import snapshot
from anchorhold.config.service import ListenAddress
from anchorhold.link import LinkType, send_message
from anchorhold.listeners import open_socket
from resolver.settings import SecureSettings, Served

WAYS = tuple(Served)


@dataclass
class RunningSecure(RunningFront):
    """`at` is where each way is served on 127.0.0.1."""

    pair: LinkType = LinkType.SECURE_PEER
    at: dict[Served, int] = field(default_factory=dict)

    def listen(self, host: str = "127.0.0.1") -> dict[Served, int]:
        """Hand a socket of each way over; gives the ports."""
        ports = {}
        for place, served in enumerate(WAYS):
            kind = socket.SOCK_STREAM if served.stream else socket.SOCK_DGRAM
            endpoint = open_socket(ListenAddress(host, 0), kind)
            send_message(self.link, LinkType.SECURE, bytes((place, 0)), (endpoint.fileno(),))
            ports[served] = endpoint.getsockname()[1]
            endpoint.close()
        return ports

    def use(self, value: SecureSettings) -> None:
        """A reload; returns when it is in force."""
        self.hand(LinkType.SETTINGS, snapshot.seal(value), body=value.front.generation.to_bytes(4, "little"))
        assert self.wait_ready() == value.front.generation

    def answer_all(self) -> None:
        """From now on, in a thread: every question has an answer, until the pair ends."""
        peer = self.peer

        def live() -> None:
            with suppress(OSError, AssertionError, TimeoutError, ValueError):
                while peer is self.peer:
                    self.reply(self.next_query())

        threading.Thread(target=live, daemon=True).start()


@contextmanager
def running_secure(*, descriptors: int = 0, **changes: object) -> Iterator[RunningSecure]:
    """One that serves every way. `changes` are of its settings; `descriptors`: it may have so many and no more."""
    with ExitStack() as stack:
        process, ours = alone(stack, "anchorhold.cells.secure", descriptors)
        secure = RunningSecure(process, ours, socket.socket(), [])
        stack.callback(lambda: secure.peer.close())
        secure.at = secure.listen()
        made = identity("good")
        secure.hand(LinkType.CERTIFICATE, snapshot.seal_bytes(made.certificate), snapshot.seal_bytes(made.key))
        secure.new_peer(1 << 20)
        secure.hand(LinkType.SECRET, snapshot.seal_bytes(bytes(range(32))))
        value = SecureSettings(settings(), **changes)  # type: ignore[arg-type]
        secure.hand(LinkType.SETTINGS, snapshot.seal(value), body=bytes((1, 0, 0, 0)))
        send_message(ours, LinkType.START, bytes(4))
        assert 1 == secure.wait_ready()
        secure.answer_all()
        yield secure
