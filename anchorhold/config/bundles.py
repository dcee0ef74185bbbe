"""What comes with the program for rules: services, safe search, and the names by which devices find out whether they are online.

Read once, while our own files can still be read: the loader cannot open them after it has given up its rights.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from anchorhold.config.names import read_domain
from wire.dns.names import read_name


@dataclass(frozen=True, slots=True)
class SafeSearch:
    """The names (folded) that are rewritten, exactly these, and to what."""

    target: bytes
    names: tuple[bytes, ...]


@cache
def services() -> dict[str, tuple[bytes, ...]]:
    """Name of a bundle → its domains, folded."""
    return {name: tuple(map(read_domain, row["domains"])) for name, row in _read("services")["service"].items()}


@cache
def safe_search() -> dict[str, SafeSearch]:
    """By the word for it."""
    rows = _read("safe-search")
    return {
        word: SafeSearch(read_name(row["target"]), tuple(map(read_name, row["names"]))) for word, row in rows.items()
    }


@cache
def portals() -> tuple[bytes, ...]:
    """Folded."""
    return tuple(read_name(name) for names in _read("portals").values() for name in names)


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(files("anchorhold").joinpath(f"data/{name}.toml").read_text(encoding="utf-8"))
