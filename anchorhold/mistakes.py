"""What may be said of an exception that nobody expected: of what kind and where, but without its words, which may be a client's
name or address."""

import logging
import socket
import sys
import traceback
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING

from anchorhold.facts import log

if TYPE_CHECKING:
    # The loader needs none of it, and is forked before others do.
    import asyncio

EXIT_MISTAKE = 1
"""Exit code of a process that raised what nobody expected."""


def place_of(error: BaseException) -> str:
    """The kind of an exception and where it came from, the innermost place first; those it was caused by, too. No file is read
    for it: `traceback` would look for the source."""
    frames = [(frame.f_code, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    places = " < ".join(_short(code, line) for code, line in reversed(frames))
    cause = error.__cause__ or error.__context__
    return f"{type(error).__name__} at {places}" + (f"; after {place_of(cause)}" if cause is not None else "")


def _short(code: CodeType, line: int) -> str:
    """What is compiled calls a function by its module and class besides, and the line of a log is not long."""
    return f"{Path(code.co_filename).name}:{line} {code.co_name.rpartition('.')[2]}"


def log_mistakes(name: str) -> None:
    """What Python and its libraries would write to standard error by themselves, with lines of our files, which would have to be
    read, and words of strangers, becomes a line of the log; what libraries log is not written."""
    hush()

    def warn(_words: Warning | str, category: type[Warning], file: str, line: int, *_rest: object) -> None:
        log(name, f"a mistake of ours: {category.__name__} at {Path(file).name}:{line}")

    warnings.showwarning = warn  # type: ignore[assignment] # it takes more than it says, and so does theirs
    # Of a hook that finds no memory for it Python would write there, and not by a call that a cell may make.
    sys.stderr = None
    sys.unraisablehook = lambda lost: _tell(name, lost.exc_value)


def hush() -> None:
    """What of it is the same for every process, and so is done once, before they are forked."""
    if logging.root.manager.disable < logging.CRITICAL:
        logging.disable()
    # Of one that nobody closed it is asked even if nobody hears of it, and asks the kernel for addresses.
    if socket.socket.__repr__ is not object.__repr__:
        socket.socket.__repr__ = object.__repr__  # type: ignore[method-assign]


def loop_mistake(name: str, context: Mapping[str, object]) -> None:
    """The same for what an event loop noticed (`AbstractEventLoop.set_exception_handler`)."""
    error = context.get("exception")
    if isinstance(error, BaseException):
        _tell(name, error)
    else:
        log(name, f"a mistake of ours: {context.get('message')}")


def tell_loop(task: "asyncio.Task[None]") -> None:
    """What a task raised that nobody waits for is told to the loop: called when the task is done."""
    if not task.cancelled():
        task.result()


def _tell(name: str, error: BaseException | None) -> None:
    log(name, "a mistake of ours: " + ("of no known kind" if error is None else place_of(error)))
