"""What may be said of an exception that nobody expected: of what kind and where, but without its words, which may be a client's
name or address."""

import traceback
from pathlib import Path

EXIT_MISTAKE = 1
"""Exit code of a process that raised what nobody expected."""


def place_of(error: BaseException) -> str:
    """The kind of an exception and where it came from, the innermost place first; those it was caused by, too. No file is read
    for it: `traceback` would look for the source."""
    frames = [(frame.f_code, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    places = " < ".join(f"{Path(code.co_filename).name}:{line} {code.co_name}" for code, line in reversed(frames))
    cause = error.__cause__ or error.__context__
    return f"{type(error).__name__} at {places}" + (f"; after {place_of(cause)}" if cause is not None else "")
