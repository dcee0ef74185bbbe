"""The lists cell's end of the pair to `front`: operators' questions in, text out."""

import json
import socket
from collections.abc import Callable
from functools import partial

from anchorhold.ipc import Message, MessageType, build_facts, build_message, build_pong, listen
from anchorhold.pair_stream import PairStream
from wire.errors import Malformed

Answer = Callable[[int, bytes], dict[str, object]]
"""Takes a verb and its argument."""

MAX_UNSENT = 8 * 1024 * 1024


class OperatorLine:
    """One pair."""

    def __init__(self, pair: socket.socket, answer: Answer) -> None:
        self._pair = pair
        self._answer = answer
        self._writer: PairStream | None = None

    def rest(self) -> None:
        """Tell `front` that this process ends, and that it is none of its faults."""
        if self._writer is not None:
            self._writer.write(build_message(MessageType.REST, 0))

    async def run(self) -> None:
        """Answer until `front` hangs up. Raises Malformed if it sends what does not decode."""
        writer = self._writer = PairStream(self._pair)
        try:
            await listen(writer, partial(self._take, writer))
        finally:
            writer.close()

    def _take(self, writer: PairStream, message: Message) -> None:
        match message.type:
            case MessageType.FACT if message.body:
                line = {"cell": "lists", **self._answer(message.body[0], message.body[1:])}
                for piece in build_facts(message.handle, json.dumps(line).encode()):
                    writer.write(piece)
            case MessageType.PING:
                writer.write(build_pong(message))
            case _:
                raise Malformed(f"{message.type.name} is not for lists")
        if writer.unsent > MAX_UNSENT:
            writer.close()
