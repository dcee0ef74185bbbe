"""aioquic's client over a real socket, driven by hand: nothing waits but `until`."""

import select
import socket
import time
from collections.abc import Callable, Iterable

from kit.quic import QuicClient

LARGEST = 4_096


class Dialled:
    """One client at `address` (in 127.0.0.0/8) of a listener on loopback."""

    def __init__(self, port: int, address: str = "127.0.0.1", **how: object) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 0))
        self.socket.connect(("127.0.0.1", port))
        self.socket.setblocking(False)
        self.client = QuicClient(time.monotonic(), address=(address, 1), **how)  # type: ignore[arg-type]

    def step(self) -> None:
        """Take what came, send what is due."""
        now = time.monotonic()
        try:
            while True:
                self.client.receive(self.socket.recv(LARGEST), now)
        except (BlockingIOError, ConnectionRefusedError):
            pass
        timer = self.client.core.get_timer()
        if timer is not None and timer <= now:
            self.client.core.handle_timer(now)
            self.client.collect()
        for data, _ in self.client.core.datagrams_to_send(now):
            try:
                self.socket.send(data)
            except (BlockingIOError, ConnectionRefusedError):
                break

    def until(self, true: Callable[[], object], patience: float = 60.0) -> float:
        """Go on until `true()`; seconds it took. Raises TimeoutError."""
        start = time.monotonic()
        self.step()
        while not true():
            if time.monotonic() - start > patience:
                raise TimeoutError
            select.select([self.socket], [], [], 0.005)
            self.step()
        return time.monotonic() - start

    def connect(self) -> "Dialled":
        self.until(lambda: self.client.connected)
        return self

    def ask(self, message: bytes) -> float:
        """Seconds until the whole answer is there."""
        stream = self.client.ask(message)
        return self.until(lambda: len(self.client.answers.get(stream, b"")) >= 12)

    def close(self) -> None:
        """Say so, and go."""
        self.client.core.close()
        self.step()
        self.socket.close()


def step_all(dialled: Iterable[Dialled]) -> None:
    """One round."""
    for one in dialled:
        one.step()
