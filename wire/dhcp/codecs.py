"""How the value of an option becomes octets, and octets a value: what options of both families are made of.

A list is written with commas, the parts of a record with spaces.
"""

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from wire.errors import Malformed

MAX_VALUE = 4_096
"""Octets of one value that are read, as many as a whole message of IPv4 has."""

INFINITE = 0xFFFFFFFF
"""Seconds that mean for ever (RFC 2131 §3.3, RFC 4861 §4.6.2)."""

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_FLAGS = {"true": 1, "yes": 1, "on": 1, "1": 1, "false": 0, "no": 0, "off": 0, "0": 0}
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")
HEX = "hex:"
"""What stands before octets where a text would be read otherwise."""
_TEXT = "text:"


@dataclass(frozen=True, slots=True)
class Codec:
    """One kind of value. `form` says to people what it looks like, `example` is one; `size` in octets, 0 where it varies."""

    form: str
    read: Callable[[str], bytes]
    show: Callable[[bytes], str]
    example: str
    size: int = 0

    def from_text(self, text: str) -> bytes:
        """The octets of what a person wrote. Raises ValueError with a text for that person."""
        text = text.strip()
        if not text:
            raise ValueError(f"nothing is written; expected {self.form}, such as {self.example!r}")
        try:
            found = self.read(text)
        except UnicodeEncodeError:
            raise ValueError(
                f"{text!r} has letters that cannot stand in {self.form}, such as {self.example!r}"
            ) from None
        except (ValueError, struct.error) as error:
            raise ValueError(f"{text!r} is not {self.form}, such as {self.example!r}: {error}") from None
        if len(found) > MAX_VALUE:
            raise ValueError(f"the value has {len(found)} octets; no message has place for more than {MAX_VALUE}")
        return found

    def to_text(self, data: bytes) -> str:
        """What `from_text` would read again. Raises Malformed."""
        if len(data) > MAX_VALUE or (self.size and len(data) != self.size):
            raise Malformed(f"wrong length for {self.form}", len(data))
        return self.show(data)

    def check(self, data: bytes) -> None:
        """Raises Malformed if `data` is no value of this kind."""
        self.to_text(data)


# --- numbers ------------------------------------------------------------------------------------------------------------


def read_number(text: str) -> int:
    """Decimal, or hexadecimal behind `0x`. Raises ValueError."""
    try:
        return int(text, 16 if text.startswith("0x") else 10)
    except ValueError:
        raise ValueError(f"{text!r} is no number") from None


def number(size: int, lowest: int = 0, highest: int = -1, example: str = "1") -> Codec:
    """A number of so many octets, at least `lowest` and at most `highest` (-1: all there are). With a negative `lowest` its first
    bit is a sign."""
    signed = lowest < 0
    most = highest if highest >= 0 else (1 << 8 * size - signed) - 1

    def read(text: str) -> bytes:
        value = read_number(text)
        if not lowest <= value <= most:
            raise ValueError(f"it must be {lowest} to {most}")
        return value.to_bytes(size, "big", signed=signed)

    def show(data: bytes) -> str:
        value = int.from_bytes(data, "big", signed=signed)
        if not lowest <= value <= most:
            raise Malformed(f"number out of range: {value}")
        return str(value)

    return Codec(f"a number from {lowest} to {most}", read, show, example, size)


def _read_seconds(text: str) -> bytes:
    if text == "infinite":
        return INFINITE.to_bytes(4, "big")
    unit = _UNITS.get(text[-1], 0)
    digits = text[:-1] if unit else text
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError("it is neither a number nor `infinite`")
    value = int(digits) * (unit or 1)
    if value >= INFINITE:
        raise ValueError("so long is `infinite`")
    return value.to_bytes(4, "big")


def _show_seconds(data: bytes) -> str:
    value = int.from_bytes(data, "big")
    return "infinite" if value == INFINITE else str(value)


def _read_flag(text: str) -> bytes:
    if text.lower() not in _FLAGS:
        raise ValueError("write true or false")
    return bytes((_FLAGS[text.lower()],))


def _show_flag(data: bytes) -> str:
    if data[0] > 1:
        raise Malformed("a flag is 0 or 1")
    return "true" if data[0] else "false"


u8 = number(1)
u16 = number(2)
u32 = number(4)
s32 = number(4, -(1 << 31), example="-3600")
"""Two's complement (RFC 2132 §3.4)."""
seconds = Codec("seconds, or a number with s, m, h, d or w", _read_seconds, _show_seconds, "3600", 4)
flag = Codec("true or false", _read_flag, _show_flag, "true", 1)


# --- text and octets ----------------------------------------------------------------------------------------------------


def _read_text(text: str) -> bytes:
    if not text.isprintable():
        raise ValueError("it has letters that cannot be printed; write such octets as hex:0a0b")
    return text.encode()


def show_text(data: bytes) -> str:
    """The text, without zeros at its end. Raises Malformed if it is not UTF-8 or would not be read again as itself."""
    # > the receiver of such options MUST be prepared to delete trailing nulls if they exist (RFC 2132 §2)
    try:
        found = data.rstrip(b"\0").decode()
    except UnicodeDecodeError:
        raise Malformed("text is not UTF-8") from None
    if not _is_plain(found):
        raise Malformed("text is empty, cannot be printed, or has a space at an end")
    return found


def _is_plain(text: str) -> bool:
    """Whether it is read as itself."""
    return text.isprintable() and bool(text) and text == text.strip() and not text.startswith(HEX)


def read_octets(text: str) -> bytes:
    """`0a0b0c`, `0a:0b:0c`, the same behind `hex:`, or the octets of a text behind `text:`. Raises ValueError."""
    if text.startswith(_TEXT):
        return text[len(_TEXT) :].encode()
    digits = text.removeprefix(HEX)
    parts = digits.replace("-", ":").split(":")
    if len(parts) > 1 and any(len(part) not in (1, 2) for part in parts):
        raise ValueError("between colons stand one or two hexadecimal digits")
    try:
        return bytes.fromhex("".join(part.zfill(2) for part in parts) if len(parts) > 1 else digits)
    except ValueError:
        raise ValueError("the digits are not pairs of 0 to 9 and a to f") from None


def octets(least: int = 0) -> Codec:
    """Octets that mean something to others only, at least so many."""

    def read(text: str) -> bytes:
        found = read_octets(text)
        if len(found) < least:
            raise ValueError(f"it must have at least {least} octets")
        return found

    def show(data: bytes) -> str:
        if len(data) < least:
            raise Malformed("too few octets", len(data))
        return data.hex(":") if data else HEX

    example = ":".join(f"{octet:02x}" for octet in range(1, max(least, 3) + 1))
    return Codec("octets in hexadecimal, or text: and a text", read, show, example)


def _read_phrase(text: str) -> bytes:
    return read_octets(text) if text.startswith(HEX) else _read_text(text)


def _show_phrase(data: bytes) -> str:
    found = data.decode("utf-8", "replace")
    return found if _is_plain(found) and found.encode() == data else HEX + data.hex()


def _read_uri(text: str) -> bytes:
    if not _URI.fullmatch(text):
        raise ValueError("it has no scheme before a colon, or letters that no URI has")
    return text.encode()


def _show_uri(data: bytes) -> str:
    found = show_text(data)
    if not _URI.fullmatch(found):
        raise Malformed("not a URI", 0)
    return found


def _read_nothing(text: str) -> bytes:
    if text != "true":
        raise ValueError("it is there or not")
    return b""


def _show_nothing(data: bytes) -> str:
    if data:
        raise Malformed("octets in an option that has none", 0)
    return "true"


text = Codec("a text", _read_text, show_text, "a text")
phrase = Codec("a text, or hex: and octets", _read_phrase, _show_phrase, "PXEClient")
"""Mostly text, but nobody says so."""
uri = Codec("a URI", _read_uri, _show_uri, "https://example.org/")
nothing = Codec("true", _read_nothing, _show_nothing, "true")
"""An option that says all by being there."""


# --- addresses ----------------------------------------------------------------------------------------------------------


def read_ipv4(text: str) -> bytes:
    """Four octets. Raises ValueError."""
    try:
        return IPv4Address(text).packed
    except AddressValueError:
        raise ValueError(f"{text!r} is no IPv4 address") from None


def show_ipv4(data: bytes) -> str:
    """Dotted digits."""
    return f"{data[0]}.{data[1]}.{data[2]}.{data[3]}"


def read_ipv6(text: str) -> bytes:
    """Sixteen octets. Raises ValueError."""
    try:
        found = IPv6Address(text.removeprefix("[").removesuffix("]"))
    except AddressValueError:
        raise ValueError(f"{text!r} is no IPv6 address") from None
    if found.scope_id is not None:
        raise ValueError(f"{text!r} names an interface, which means nothing to others")
    return found.packed


def show_ipv6(data: bytes) -> str:
    """As RFC 5952 writes it."""
    return str(IPv6Address(data))


ipv4 = Codec("an IPv4 address", read_ipv4, show_ipv4, "192.0.2.1", 4)
ipv6 = Codec("an IPv6 address", read_ipv6, show_ipv6, "2001:db8::1", 16)


# --- several ------------------------------------------------------------------------------------------------------------


def many(item: Codec, least: int = 1) -> Codec:
    """Values of one size, one behind the other."""
    size = item.size
    if not size:
        raise ValueError("values of no fixed size cannot be told apart")

    def read(text: str) -> bytes:
        parts = [part.strip() for part in text.split(",")] if text != "none" or least else []
        return b"".join(item.read(part) for part in parts)

    def show(data: bytes) -> str:
        if len(data) % size or len(data) < least * size:
            raise Malformed(f"length is no multiple of {size}, or too small", len(data))
        return ",".join(item.show(data[at : at + size]) for at in range(0, len(data), size)) or "none"

    return Codec(f"{item.form}, or several with commas", read, show, f"{item.example},{item.example}")


def pairs(item: Codec, example: str = "") -> Codec:
    """Two values each: `A B,A B`; commas alone are read too."""
    flat = many(item)

    def read(text: str) -> bytes:
        parts = text.replace(",", " ").split()
        if len(parts) % 2:
            raise ValueError("an even number of values is needed")
        return b"".join(map(item.read, parts))

    def show(data: bytes) -> str:
        if len(data) % (2 * item.size):
            raise Malformed("values are no pairs", len(data))
        parts = flat.show(data).split(",")
        return ",".join(f"{one} {two}" for one, two in zip(parts[::2], parts[1::2], strict=True))

    return Codec(f"pairs of {item.form}", read, show, example or f"{item.example} {item.example}")


def record(*fields: Codec) -> Codec:
    """Fields one behind the other, written with spaces between; all but the last of a fixed size."""
    *fixed, last = fields
    least = sum(field.size for field in fixed)

    def read(text: str) -> bytes:
        parts = text.split(None, len(fixed))
        if len(parts) != len(fields):
            raise ValueError(f"{len(fields)} values with spaces are needed")
        return b"".join(field.read(part) for field, part in zip(fields, parts, strict=True))

    def show(data: bytes) -> str:
        if len(data) < least + last.size or (last.size and len(data) > least + last.size):
            raise Malformed("wrong length of a record", len(data))
        shown, at = [], 0
        for field in fixed:
            shown.append(field.show(data[at : at + field.size]))
            at += field.size
        return " ".join((*shown, last.show(data[at:])))

    size = least + last.size if last.size else 0
    form = ", then ".join(field.form for field in fields)
    return Codec(form, read, show, " ".join(field.example for field in fields), size)


def prefixed(width: int, example: str) -> Codec:
    """Texts (or octets behind `0x`), each behind its length in so many octets."""

    def read(text: str) -> bytes:
        parts = [_read_item(part.strip()) for part in text.split(",")]
        if not all(0 < len(part) < 1 << 8 * width for part in parts):
            raise ValueError("one of them is empty or too long")
        return b"".join(len(part).to_bytes(width, "big") + part for part in parts)

    def show(data: bytes) -> str:
        return ",".join(map(_show_item, parse_prefixed(data, width)))

    return Codec("texts (or 0x and octets) with commas between", read, show, example)


def _read_item(text: str) -> bytes:
    return read_octets(text.removeprefix("0x")) if text.startswith("0x") else _read_text(text)


def _show_item(data: bytes) -> str:
    shown = _show_phrase(data)
    plain = not shown.startswith((HEX, "0x")) and "," not in shown
    return shown if plain else f"0x{data.hex()}"


def parse_prefixed(data: bytes, width: int) -> tuple[bytes, ...]:
    """Values behind lengths of `width` octets, at least one and none empty. Raises Malformed."""
    found, at = [], 0
    while at < len(data):
        start = at + width
        at = start + int.from_bytes(data[start - width : start], "big")
        if not start < at <= len(data):
            raise Malformed("value behind a length is empty or cut off", start)
        found.append(data[start:at])
    if not found:
        raise Malformed("no value", 0)
    return tuple(found)
