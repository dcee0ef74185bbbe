"""What all formats have in common: the text as a whole, its lines, names and addresses in it."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address

from privacy.lists.compile import Item
from privacy.lists.entry import Entry, Record, Skipped
from wire.dns.names import MAX_LABEL, MAX_NAME, ROOT
from wire.errors import Malformed

MAX_LINE = 4_096
"""Characters. A longer line is not used: no name needs it, and a regular expression of that length is nobody's."""

MAX_ANSWERS = 100_000
"""Entries of one list that have records of their own: they are kept in memory until all lines are read, for several lines may
add to one."""

MAX_RECORDS = 64
"""Records of one such entry."""

NOWHERE = frozenset({"0.0.0.0", "127.0.0.1", "::", "::1"})  # noqa: S104
"""How addresses that lead nowhere are mostly written."""

_PIECE = 1 << 20
"""Octets decoded at a time: a list of 100 MiB is not held twice."""

_MAGIC = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"\xfd7zXZ\0": "xz",
    b"BZh": "bzip2",
    b"\x28\xb5\x2f\xfd": "zstd",
}

_MARKUP = re.compile(rb"<!doctype html|<html[ >]|<head[ >]", re.IGNORECASE)
_HEAD = 4_096
"""Octets of the beginning in which an HTML page shows itself."""

_CONTROL = re.compile("[\0-\x08\x0b-\x1f\x7f\u0080-\u009f\u2028\u2029\ufeff]")
_SURROGATE = re.compile("[\ud800-\udfff]")

_NAME_OCTETS = b"abcdefghijklmnopqrstuvwxyz0123456789-_."
_LENGTHS = {length: bytes((length,)) for length in range(1, MAX_LABEL + 1)}


class Unusable(Malformed):
    """What was fetched is no list: compressed, binary, a web page, or beyond a bound. Nothing of it is used."""


class Unused(ValueError):
    """Raised inside the readers for one line; its text is the reason, in words for the user, and repeats nothing of the line
    but words that the format itself defines."""


def open_text(data: bytes) -> bytes:
    """`data` without a byte order mark. Raises Unusable if it cannot be a list of any format."""
    for magic, name in _MAGIC.items():
        if data.startswith(magic):
            raise Unusable(f"compressed with {name}: a list must be plain text")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Unusable("UTF-16: a list must be UTF-8")
    if (at := data.find(b"\0")) >= 0:
        raise Unusable("binary: there is a zero octet in it", at)
    text = data.removeprefix(b"\xef\xbb\xbf")
    head = text[:_HEAD].lstrip()
    if head.startswith(b"<") or _MARKUP.search(head):
        raise Unusable("a web page, not a list: has it moved, or must one log in?")
    if head.startswith((b"{", b'["', b"[{")):
        raise Unusable("JSON, not a list")
    return text


def numbered(text: bytes) -> Iterator[tuple[int, str]]:
    """Every line with its number, from 1, without its end. Octets that are not UTF-8 become lone surrogates."""
    number = at = 0
    while at < len(text):
        end = text.find(b"\n", at + _PIECE) + 1 or len(text)
        piece = text[at:end].replace(b"\r\n", b"\n").removesuffix(b"\n")
        for line in piece.decode("utf-8", "surrogateescape").split("\n"):
            number += 1
            yield number, line
        at = end


def read_line(number: int, line: str, read: Callable[[int, str], Iterable[Item]]) -> Iterator[Item]:
    """What `read` makes of a line (stripped), or why it is not used."""
    if reason := _fault(line):
        yield Skipped(number, reason)
        return
    try:
        yield from read(number, line.strip())
    except Unused as odd:
        yield Skipped(number, str(odd))


def _fault(line: str) -> str:
    if len(line) > MAX_LINE:
        return f"longer than {MAX_LINE:,} characters"
    if _SURROGATE.search(line):
        return "not UTF-8"
    if _CONTROL.search(line.strip("\r")):
        return "a control character in it"
    return ""


def strip_comment(line: str, marks: str = "#!;") -> str:
    """The line without what is behind a `#` that begins it or follows white space; "" if it begins with one of `marks`."""
    if line.startswith(tuple(marks)):
        return ""
    if "#" not in line:
        return line
    return re.split(r"\s#", line, maxsplit=1)[0].rstrip()


def quick_name(text: str) -> bytes | None:
    """The name in folded wire form if it is an ordinary one; None says only that `read_domain` has to look at it."""
    try:
        octets = text.encode("ascii").lower()
        if octets.translate(None, _NAME_OCTETS):
            return None
        labels = octets.split(b".")
        name = b"".join([_LENGTHS[len(label)] + label for label in labels])
    except (UnicodeEncodeError, KeyError):
        return None
    return None if len(name) >= MAX_NAME or labels[-1].isdigit() else name + ROOT


def read_domain(text: str) -> bytes:
    """A host or domain name in folded wire form, its last dot optional; letters outside ASCII as A-labels. Raises Unused."""
    name = quick_name(text) or quick_name(_to_ascii(text.removesuffix(".")))
    if name is not None:
        return name
    if "://" in text or "/" in text:
        raise Unused("a URL: a resolver sees names only")
    if is_address(text):
        raise Unused("an address where a name should be")
    if "*" in text:
        raise Unused("a * may stand only as the first label here: patterns need the format adblock or regex")
    raise Unused("not a domain name")


def _to_ascii(text: str) -> str:
    if text.isascii() or len(text) > MAX_NAME:
        return text
    return ".".join(map(_to_a_label, text.split(".")))


def _to_a_label(label: str) -> str:
    """The label, as punycode if it needs it. Only where the old IDNA of 2003, that of 2008 and UTS 46 agree on it: letters, marks
    and digits that neither case folding nor normalization changes. For others, as ß, it is not known which name was meant."""
    if label.isascii():
        return label
    lower = unicodedata.normalize("NFC", label.lower())
    plain = all(
        unicodedata.category(sign)[0] in "LM" or unicodedata.category(sign) == "Nd" or sign == "-" for sign in lower
    )
    if not plain or lower.casefold() != lower or unicodedata.normalize("NFKC", lower) != lower or lower[2:4] == "--":
        raise Unused("letters outside ASCII that have no certain form in DNS: write the name as xn--…")
    return "xn--" + lower.encode("punycode").decode()


def read_address(text: str) -> IPv4Address | IPv6Address:
    """An address, an interface behind a `%` left out. Raises Unused."""
    try:
        return ip_address(text.partition("%")[0])
    except ValueError:
        raise Unused("not an address") from None


def is_address(text: str) -> bool:
    """Whether it is one in text form."""
    try:
        read_address(text)
    except Unused:
        return False
    return True


def is_null(address: IPv4Address | IPv6Address) -> bool:
    """Whether lists mean "nowhere" by it: this machine, or none."""
    return address.is_unspecified or address.is_loopback


def address_record(address: IPv4Address | IPv6Address) -> Record:
    """The A or AAAA record of an address."""
    return Record(1 if address.version == 4 else 28, address.packed)


def read_expression(text: str) -> str:
    """A regular expression, bare or as `/…/`. Raises Unused."""
    pattern = text[1:-1] if is_expression(text) else text
    if not pattern.isascii():
        raise Unused("letters outside ASCII in an expression: names have none, write them as xn--…")
    if not pattern:
        raise Unused("an empty expression, which every name would match")
    return pattern


def is_expression(text: str) -> bool:
    """Whether it is written `/…/`."""
    return len(text) > 1 and text[0] == text[-1] == "/"


class Answers:
    """Entries with records of their own, which several lines may add to: joined where all else about them is the same."""

    def __init__(self) -> None:
        self._found: dict[Entry, tuple[int, list[Record]]] = {}

    def add(self, entry: Entry) -> None:
        """Takes it in; the line of the first is kept. Raises Unused beyond MAX_RECORDS, Unusable beyond MAX_ANSWERS."""
        _, records = self._found.setdefault(replace(entry, line=0, records=()), (entry.line, []))
        if len(self._found) > MAX_ANSWERS:
            raise Unusable(f"more than {MAX_ANSWERS:,} names with records of their own")
        for record in entry.records:
            if record in records:
                continue
            if len(records) == MAX_RECORDS:
                raise Unused(f"more than {MAX_RECORDS} records of one name")
            records.append(record)

    def entries(self) -> Iterator[Entry]:
        """All, in the order in which they came first."""
        for entry, (line, records) in self._found.items():
            yield replace(entry, line=line, records=tuple(records))
