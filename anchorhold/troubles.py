"""Which counters tell of trouble that is the machine's and nobody's mistake: what it is, and what to do. Pure; one table.

Counters of errors end in `-` and the error, by number (`udp-send-105`) or by name (`udp-upstream-ENOBUFS`).
"""

import errno
from collections.abc import Mapping

from anchorhold.remedies import Remedied
from wire.units import Instant

QUIET = 10.0
"""Seconds without more of it after which trouble is over."""


class Trouble(Remedied):
    """What it is, what follows, what to do."""

    DESCRIPTORS = (
        "no descriptor is left",
        "idle connections are given up and new ones wait",
        "allow more (LimitNOFILE=, fs.file-max) or fewer connections ([limits], [secure])",
    )
    MEMORY = (
        "the kernel has no memory or no buffer left for packets",
        "some are dropped and asked again",
        "see what fills memory or the interface's queue",
    )
    FORBIDDEN = (
        "the kernel forbids packets of ours",
        "they are dropped",
        "see the firewall's rules for outgoing packets (nft list ruleset)",
    )
    NO_WAY = (
        "packets of ours have no way out",
        "they are dropped",
        "see routes and addresses (ip route)",
    )


SHORTAGES = frozenset({Trouble.DESCRIPTORS, Trouble.MEMORY})
"""Where what failed says nothing of anybody."""

_OF_ERROR = {
    errno.EMFILE: Trouble.DESCRIPTORS,
    errno.ENFILE: Trouble.DESCRIPTORS,
    errno.ENOBUFS: Trouble.MEMORY,
    errno.ENOMEM: Trouble.MEMORY,
    errno.EPERM: Trouble.FORBIDDEN,
    errno.EACCES: Trouble.FORBIDDEN,
    errno.ENETUNREACH: Trouble.NO_WAY,
    errno.EHOSTUNREACH: Trouble.NO_WAY,
    errno.EADDRNOTAVAIL: Trouble.NO_WAY,
    errno.ENETDOWN: Trouble.NO_WAY,
}
_COUNTERS = ("tcp-accept-", "tls-accept-", "control-accept-", "udp-send-", "quic-send-", "udp-upstream-")
_BY_NAME = {"connect-shortage": Trouble.DESCRIPTORS}


def trouble_of(counter: str) -> Trouble | None:
    """What a counter tells of; None: of no trouble."""
    if counter in _BY_NAME:
        return _BY_NAME[counter]
    if not counter.startswith(_COUNTERS):
        return None
    error = counter.rpartition("-")[2]
    return _OF_ERROR.get(int(error) if error.isdigit() else getattr(errno, error, 0))


def troubles(counters: Mapping[str, int]) -> dict[Trouble, int]:
    """How often there was which."""
    found: dict[Trouble, int] = {}
    for counter, times in counters.items():
        trouble = trouble_of(counter)
        if trouble is not None and times:
            found[trouble] = found.get(trouble, 0) + times
    return found


def counters_in(line: Mapping[str, object]) -> dict[str, int]:
    """Those of one cell's line of a status; none where it has none."""
    found = line.get("counters")
    if not isinstance(found, dict):
        return {}
    return {str(name): times for name, times in found.items() if isinstance(times, int)}


class Watchman:
    """Looks at counters now and then, and says when trouble begins and when it is over: two lines, however much of it."""

    def __init__(self) -> None:
        self._known: dict[Trouble, int] = {}
        self._short = False
        self._began: dict[Trouble, int] = {}
        self._last: dict[Trouble, Instant] = {}
        self.relieved = False
        """Whether something was short at the look before, and nothing is now."""

    def look(self, counters: Mapping[str, int], now: Instant) -> list[str]:
        """What is to be said now."""
        said = []
        short, self._short = self._short, False
        for trouble, times in troubles(counters).items():
            before = self._known.get(trouble, 0)
            if times > before:
                self._known[trouble] = times
                self._last[trouble] = now
                self._short = self._short or trouble in SHORTAGES
                if trouble not in self._began:
                    self._began[trouble] = before
                    said.append(f"{trouble.what}: {trouble.means}; {trouble.remedy}")
            elif trouble in self._began and now - self._last[trouble] > QUIET:
                said.append(f"{trouble.what}: that is over; {times - self._began.pop(trouble)} times")
        self.relieved = short and not self._short
        return said
