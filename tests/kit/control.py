"""A fake service behind a control socket: scripted answers by verb, and what it was asked."""

import json
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

Script = Mapping[str, bytes | Sequence[Mapping[str, object]]]


@dataclass
class FakeService:
    """`requests` is what arrived, in order."""

    path: Path
    requests: list[dict[str, object]] = field(default_factory=list)


@contextmanager
def fake_service(directory: Path, script: Script) -> Iterator[FakeService]:
    """Serve `script` (verb → JSON lines, or raw bytes) at `directory`/control.sock until the block ends."""
    service = FakeService(directory / "control.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(service.path))
        listener.listen()
        thread = threading.Thread(target=_serve, args=(listener, script, service))
        thread.start()
        try:
            yield service
        finally:
            listener.shutdown(socket.SHUT_RDWR)  # wakes accept
            thread.join()


def _serve(listener: socket.socket, script: Script, service: FakeService) -> None:
    while True:
        try:
            link, _ = listener.accept()
        except OSError:
            return
        with link, link.makefile("rb") as lines:
            request = json.loads(lines.readline())
            service.requests.append(request)
            reply = script[request["verb"]]
            data = reply if isinstance(reply, bytes) else b"".join(json.dumps(row).encode() + b"\n" for row in reply)
            link.sendall(data)
