"""Files like `/etc/hosts`: `ADDRESS NAME NAME…` on each line, `#` begins a comment."""

import ipaddress
import re
from collections.abc import Iterator
from typing import NamedTuple

from anchorhold.config.errors import Wrong
from anchorhold.config.names import read_domain
from privacy.lists.formats.hosts import LOOPBACK_NAMES
from resolver.policy.special_names import overridable
from wire.dns.names import MAX_NAME, count_labels

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

MAX_COMPLAINTS = 10
"""Of one file: whoever gave a wrong file wants not a line for each of its own."""

_PLAIN = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?", re.IGNORECASE)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Host(NamedTuple):
    """A line: an address and its folded names, the one for its reverse name first."""

    number: int
    address: bytes
    names: tuple[bytes, ...]
    reversible: bool


def read_hosts(data: bytes, domain: bytes, machine: str) -> Iterator[Host | tuple[int, Wrong]]:
    """Each line, or what is wrong with it; no more after MAX_COMPLAINTS. `domain` (folded; empty: none) is put behind names of
    one label. `machine` is what this one calls itself: on a line with a loopback address that is left out, as LOOPBACK_NAMES are,
    for to another machine that address means itself."""
    complaints = 0
    own = LOOPBACK_NAMES | {machine.lower().rstrip("."), machine.lower().partition(".")[0]}
    for number, line in enumerate(data.removeprefix(_BYTE_ORDER_MARK).split(b"\n"), 1):
        try:
            words = line.partition(b"#")[0].decode("utf-8").split()
            host = _read_line(number, words, domain, own) if words else None
        except UnicodeDecodeError:
            yield number, Wrong("this is not UTF-8", "save the file as UTF-8")
            complaints += 1
        except Wrong as wrong:
            yield number, wrong
            complaints += 1
        else:
            if host is not None:
                yield host
        if complaints == MAX_COMPLAINTS:
            return


def _read_line(number: int, words: list[str], domain: bytes, own: frozenset[str]) -> Host | None:
    """None: there is nothing in it for others. Raises Wrong."""
    address = _address(words[0])
    if address.is_multicast or words[0] == "255.255.255.255":
        # ip6-allnodes, broadcasthost: names that systems write there and nobody asks for.
        return None
    named = words[1:]
    if not named:
        raise Wrong(f"{words[0]} has no name", "write the names behind it, or drop the line")
    if address.is_loopback:
        named = [word for word in named if word.lower().rstrip(".") not in own]
    names: list[bytes] = []
    for word in named:
        name = _name(word)
        if not overridable(name):
            raise Wrong(f"{word} means the same everywhere and is answered so", "drop it")
        if domain and count_labels(name) == 1:
            whole = name[:-1] + domain
            if len(whole) > MAX_NAME:
                raise Wrong(f"{word} is too long with its domain", "shorten it")
            names.append(whole)
        names.append(name)
    odd = address.is_loopback or address.is_unspecified or address.is_link_local or address.packed[0] == 0
    return Host(number, address.packed, tuple(dict.fromkeys(names)), not odd) if names else None


def _address(word: str) -> Address:
    if "%" in word:
        raise Wrong(
            f"{word} has a scope, which means something on one machine only", "give the device a global address"
        )
    try:
        return ipaddress.ip_address(word)
    except ValueError:
        raise Wrong(f"{word!r} is no address", "write ADDRESS NAME NAME…, or # before a comment") from None


def _name(word: str) -> bytes:
    if _PLAIN.fullmatch(word) and len(word) < MAX_NAME - 1:
        labels = word.lower().rstrip(".").encode("ascii").split(b".")
        return b"".join([bytes((len(label),)) + label for label in labels]) + b"\0"
    return read_domain(word)
