"""The commands' side of the control socket: one JSON object out, a bounded number of JSON lines back.

A service's answer is read for at most `PATIENCE` seconds and `MAX_ANSWER` octets in all; whatever is wrong with it is a
`ControlFailed` whose text is fit for the user.
"""

import json
import socket
from pathlib import Path
from time import monotonic

PATIENCE = 10.0
"""Seconds in all, from connecting to the last line."""

MAX_ANSWER = 64 * 1024 * 1024
"""Octets of an answer we are ready to hold (a cache dump is the largest)."""

Answer = dict[str, object]
"""One JSON line of the service."""


class ControlFailed(Exception):
    """The service could not be asked, or said no; the text says which and what to do."""


class Unreachable(ControlFailed):
    """Nobody answers at the control socket."""


def ask_service(path: Path, request: Answer, patience: float = PATIENCE) -> list[Answer]:
    """Send one request, return every line of the answer.

    Raises Unreachable (nobody there, not allowed, too slow) and ControlFailed (the answer is no JSON, too long or
    empty, or the first line is an error).
    """
    deadline = monotonic() + patience
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        _connect(link, path, patience)
        try:
            link.sendall(json.dumps(request).encode() + b"\n")
            data = _read_all(link, deadline)
        except TimeoutError:
            raise Unreachable(f"the service at {path} did not answer within {patience:g} s") from None
        except OSError as error:
            raise Unreachable(f"the service at {path} hung up: {error.strerror}") from None
    return _read_answer(data)


def _connect(link: socket.socket, path: Path, patience: float) -> None:
    link.settimeout(patience)
    try:
        link.connect(str(path))
    except (FileNotFoundError, ConnectionRefusedError):
        raise Unreachable(
            f"no service answers at {path}; start it with: anchorhold run --config FILE"
            " (another place: --control PATH or $ANCHORHOLD_CONTROL)"
        ) from None
    except PermissionError:
        raise Unreachable(
            f"not allowed to use {path}: only the user who runs the service (and root) may; try again as that user"
        ) from None
    except TimeoutError:
        raise Unreachable(f"the service at {path} did not accept within {patience:g} s") from None
    except OSError as error:
        # A path longer than sun_path gives OSError without an errno.
        raise Unreachable(f"cannot connect to {path}: {error.strerror or error}") from None


def _read_all(link: socket.socket, deadline: float) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        left = deadline - monotonic()
        if left <= 0:
            raise TimeoutError
        link.settimeout(left)
        part = link.recv(65_536)
        if not part:
            return b"".join(parts)
        size += len(part)
        if size > MAX_ANSWER:
            raise ControlFailed(f"the service's answer is longer than {MAX_ANSWER} octets")
        parts.append(part)


def _read_answer(data: bytes) -> list[Answer]:
    try:
        lines = [json.loads(line) for line in data.splitlines() if line.strip()]
    except ValueError:
        raise ControlFailed("the service's answer is not JSON; is it an Anchorhold of another version?") from None
    if not lines or not all(isinstance(line, dict) for line in lines):
        raise ControlFailed("the service hung up without an answer")
    if "error" in lines[0]:
        raise ControlFailed(f"the service says: {lines[0]['error']}")
    return lines


def cell_line(answer: list[Answer], cell: str) -> Answer | None:
    """The line a cell ("front" or "resolver") contributed to `answer`, if it did."""
    return next((line for line in answer if line.get("cell") == cell), None)
