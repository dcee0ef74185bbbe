"""How the last runs ended, and when the next attempt is due: kept between runs, so that a refusal is not repeated every hour."""

from dataclasses import dataclass, replace

import msgspec

from wire.units import Epoch

FIRST_PAUSE = 3_600.0
"""Seconds after the first failure; each further one doubles it."""

LONGEST_PAUSE = 86_400.0

WORDS_EVERY = 86_400.0
"""Seconds between two warnings of the same kind."""

MOST_TEXT = 500
"""Letters of a reason that are kept."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Failures in a row (0: the last run did what it was to), seconds since 1970 when the next attempt is due and when a warning
    was last given, and why the last one failed. `source` is who made the certificate that is there (an ACME directory, or ""),
    `tried` what the last attempt that failed was for."""

    failures: int = 0
    next_attempt: float = 0.0
    warned: float = 0.0
    reason: str = ""
    source: str = ""
    tried: str = ""


NEVER_FAILED = Progress()


def read_progress(data: bytes | None) -> Progress:
    """What `build_progress` made. Whatever else is there counts as nothing: it only says when to be patient."""
    if data is None:
        return NEVER_FAILED
    try:
        return msgspec.json.decode(data, type=Progress)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return NEVER_FAILED


def build_progress(progress: Progress) -> bytes:
    """As JSON."""
    return msgspec.json.encode(progress)


def may_try(progress: Progress, what: str, now: Epoch) -> bool:
    """Whether the pause is over. Another wish than the one that failed waits for nothing. A clock that has gone far back ends it
    too: no pause is longer than LONGEST_PAUSE."""
    return what != progress.tried or not now < progress.next_attempt <= now + LONGEST_PAUSE


def failed(progress: Progress, what: str, reason: str, now: Epoch) -> Progress:
    """After one more failure of `what`."""
    before = progress.failures if what == progress.tried else 0
    pause = min(FIRST_PAUSE * 2.0 ** min(before, 10), LONGEST_PAUSE)
    return replace(progress, failures=before + 1, next_attempt=now + pause, reason=reason[:MOST_TEXT], tried=what)


def may_warn(progress: Progress, now: Epoch) -> bool:
    """Whether the last warning is a day old."""
    return not now - WORDS_EVERY < progress.warned <= now
