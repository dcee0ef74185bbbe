"""The log: one line to standard error for each fact, after `keep` has decided what of it a log may know."""

import os
from collections.abc import Callable

from privacy.memory import Fact, Retention, keep

NOTHING = Retention()
"""No name and no address."""


_divert: Callable[[bytes], None] | None = None


def divert(send: Callable[[bytes], None] | None) -> None:
    """From now on lines of the log go to `send` in place of standard error (None: back there). It may raise OSError."""
    global _divert  # there is one log
    _divert = send


def log(cell: str, text: str, name: str = "", retention: Retention = NOTHING) -> None:
    """Write one line to standard error.

    `text` holds no domain name of a query and no address of a client; `name` may be one, and is written only if
    `retention` allows it.
    """
    line = keep(Fact(cell, text, name), retention)
    if line is not None:
        _write(line)


def log_lines(cell: str, text: str) -> None:
    """`log` for each line of `text`."""
    for line in text.splitlines():
        log(cell, line)


def pass_on(cell: str, line: bytes, kind: str = "") -> None:
    """Log a line that `cell`, which calls itself `kind`, has diverted to us; whose it is we say."""
    log(cell, line.decode("utf-8", "replace").removeprefix(f"{kind or cell}: "))


def _write(line: str) -> None:
    data = line.encode("utf-8", "backslashreplace")
    try:
        if _divert is None:
            os.write(2, data + b"\n")
        else:
            _divert(data)
    except OSError:
        # Nobody reads there any more; there is no other place to say so, and it is no reason to stop serving.
        return
