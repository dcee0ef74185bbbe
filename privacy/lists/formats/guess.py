"""Finds the format of a list by its first lines, for `format = "auto"`."""

import re
from collections import Counter
from itertools import islice

from privacy.lists.formats.text import is_address, numbered

MAX_LINES = 2_000
"""Lines that are looked at."""

_LINES = (
    ("rpz", re.compile(r"(?i)\$(ttl|origin)\s|(\S+)?\s+(\d+\s+)?(in\s+)?(soa|cname|ns)\s+\S")),
    ("dnsmasq", re.compile(r"(address|server|local)=/|bogus-nxdomain=")),
    ("adblock", re.compile(r"\[adblock|\|\||@@|\|[^|]|[^#\s]*\^(\$|$)|[^\s#]*#@?#", re.IGNORECASE)),
    ("regex", re.compile(r"/.*/$|\^|.*[\\()\[\]+?{}]|.*\$$|.*\.\*")),
    ("wildcards", re.compile(r"\*\.[^\s*]+$")),
    ("domains", re.compile(r"[^\s/*^|=]+(\s+#.*)?$")),
)
"""In this order, for what fits several: the first tells most."""


def guess(text: bytes) -> str:
    """The name of the format that most lines have; `domains` if nothing can be told.

    One rule of adblock makes it that, for hosts and domains may stand among those. Plain names are read as `domains`: that all
    below them is meant cannot be seen, and has to be said with `format = "wildcards"`.
    """
    kinds = Counter(map(_kind, islice((line for _, line in numbered(text) if _counts(line)), MAX_LINES)))
    if kinds["rpz"]:
        return "rpz"
    if kinds["adblock"] and kinds["adblock"] * 20 >= kinds.total():
        return "adblock"
    return max((kind for kind in kinds if kind), key=lambda kind: kinds[kind], default="domains")


def _counts(line: str) -> bool:
    return bool(line.strip()) and not line.startswith(("#", "!", ";"))


def _kind(line: str) -> str:
    fields = line.split()
    if len(fields) > 1 and is_address(fields[0]):
        return "hosts"
    return next((name for name, pattern in _LINES if pattern.match(line[:512])), "")
