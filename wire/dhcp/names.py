"""Domain names as values of options."""

import re
from collections.abc import Sequence

from wire.dhcp.codecs import Codec, show_text
from wire.dns.names import ROOT, Known, parse_shared_name, read_name, show_name, suffixes
from wire.errors import Malformed

MAX_NAMES = 32
"""Domain names in one value; a pointer of two octets can stand for a name of 255."""

_ESCAPED = re.compile(r"\\\D")
_DIGITS = {"\\.": "\\046", "\\;": "\\059"}


def build_names(names: Sequence[bytes], compressed: bool) -> bytes:
    """Domain names one behind the other, `compressed` as RFC 3397 §2 does: pointers into the value itself."""
    made, places = bytearray(), dict[bytes, int]()
    for name in names:
        for part in suffixes(name):
            if part == ROOT:
                made += ROOT
                break
            if compressed and part in places:
                made += (0xC000 | places[part]).to_bytes(2, "big")
                break
            if len(made) < 0x4000:
                places[part] = len(made)
            made += part[: 1 + part[0]]
    return bytes(made)


def parse_names(data: bytes, at: int = 0) -> tuple[bytes, ...]:
    """The folded names from `at` to the end, compressed or not, 1 to 32. Raises Malformed."""
    found: list[bytes] = []
    known: Known = {}
    while at < len(data):
        if len(found) == MAX_NAMES:
            raise Malformed("too many names", at)
        name, at = parse_shared_name(data, at, known)
        found.append(name)
    if not found:
        raise Malformed("no name", at)
    return tuple(found)


def read_names(text: str) -> list[bytes]:
    """Names with commas or spaces between, 1 to 32. Raises ValueError."""
    found = [read_name(part) for part in text.replace(",", " ").split()]
    if not 1 <= len(found) <= MAX_NAMES or ROOT in found:
        raise ValueError(f"1 to {MAX_NAMES} names are needed, and none may be the root")
    return found


def show_names(found: Sequence[bytes]) -> str:
    """Names with commas, without final dots. Raises Malformed for the root, which no list of ours can hold."""
    if ROOT in found:
        raise Malformed("the root among names")
    return ",".join(show_one(name)[:-1] for name in found)


def show_one(name: bytes) -> str:
    """As `show_name`, with digits for the letters by which names and values are told apart."""
    shown = _ESCAPED.sub(lambda found: _DIGITS.get(found[0], found[0]), show_name(name))
    return shown.replace(",", "\\044")


def names(compressed: bool) -> Codec:
    """Domain names."""
    return Codec(
        "domain names with commas",
        lambda text: build_names(read_names(text), compressed),
        lambda data: show_names(parse_names(data)),
        "home.arpa,example.org",
    )


def read_single(text: str) -> bytes:
    """One name. Raises ValueError."""
    found = read_names(text)
    if len(found) > 1:
        raise ValueError("one name is needed, not several")
    return found[0]


def _show_single(data: bytes) -> str:
    found = parse_names(data)
    if len(found) > 1:
        raise Malformed("more than one name")
    return show_names(found)


def _read_domain(text: str) -> bytes:
    return show_names([read_single(text)]).encode()


def _show_domain(data: bytes) -> str:
    try:
        return _read_domain(show_text(data)).decode()
    except ValueError:
        raise Malformed("not a domain name", 0) from None


name = Codec("a domain name", read_single, _show_single, "example.org")
"""In the form of DNS messages."""
domain = Codec("a domain name", _read_domain, _show_domain, "home.arpa")
"""As text (RFC 2132 §3.17)."""
