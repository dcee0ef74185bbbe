"""Sockets that fail as they are told to, and else are what they are."""

import errno
import socket
from collections.abc import Iterable
from typing import Any


class Refusing(socket.socket):
    """`script`: error numbers, each once, in order; 0: for this once it works. Behind its end all works."""

    def __init__(self, *how: Any, script: Iterable[int] = (), **more: Any) -> None:
        super().__init__(*how, **more)
        self.script = list(script)
        self.calls = 0

    def _fail(self) -> None:
        self.calls += 1
        error = self.script.pop(0) if self.script else 0
        if error:
            raise OSError(error, errno.errorcode[error])

    def _accept(self) -> Any:
        self._fail()
        return super()._accept()  # type: ignore[misc] # what socket.accept is made of

    def send(self, *what: Any) -> int:  # type: ignore[override]
        self._fail()
        return super().send(*what)

    def sendto(self, *what: Any) -> int:  # type: ignore[override]
        self._fail()
        return super().sendto(*what)

    def sendmsg(self, *what: Any) -> int:  # type: ignore[override]
        self._fail()
        return super().sendmsg(*what)


def refusing_at(opened: socket.socket, script: Iterable[int]) -> Refusing:
    """The same socket, which fails so."""
    return Refusing(opened.family, opened.type, opened.proto, fileno=opened.detach(), script=script)
