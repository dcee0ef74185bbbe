"""The supervisor's end of a cell's link without a process: what the cell is told is read at the other end."""

import socket

from anchorhold.cell_process import CellProcess
from anchorhold.link import LinkMessage, receive_message


class LinkedCell(CellProcess):
    """A cell of that name. `theirs` is its end; nobody waits there."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "none")
        self.link, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.theirs.setblocking(False)

    def heard(self) -> list[LinkMessage]:
        """What it was told since, with descriptors that are open."""
        return messages_at(self.theirs)


def messages_at(end: socket.socket) -> list[LinkMessage]:
    """All that have come to the cell's end of a link, where nobody waits."""
    found = []
    while True:
        try:
            message = receive_message(end)
        except BlockingIOError:
            return found
        assert message is not None
        found.append(message)
