"""A server over UDP in a thread of its own, for the whole service to ask."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def answering(answer: Callable[[bytes], bytes]) -> Iterator[int]:
    """Every query on loopback gets `answer(query)`; gives the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=_serve, args=(server, answer))
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"", server.getsockname())
            thread.join()


def _serve(server: socket.socket, answer: Callable[[bytes], bytes]) -> None:
    while True:
        data, client = server.recvfrom(65_535)
        if not data:
            return
        server.sendto(answer(data), client)
