from collections.abc import Sequence

from net.messages import Message
from resolver.admission import Admission
from resolver.edge.listen.batched import BatchedListener
from resolver.edge.serve import Desk
from wire.units import Instant

class Batch:
    def drain(
        self,
        descriptor: int,
        wildcard: bool,
        listener: BatchedListener,
        desk: Desk,
        admission: Admission,
        now: Instant,
    ) -> None: ...

def send(descriptor: int, data: bytes, name: bytes = b"", control: bytes = b"") -> int: ...
def receive(descriptor: int, size: int, ancillary: int) -> tuple[bytes, list[tuple[int, int, bytes]], int, bytes]: ...
def receive_all(descriptor: int, most: int, size: int, ancillary: int) -> list[Message]: ...
def send_all(descriptor: int, messages: Sequence[Message]) -> int: ...
