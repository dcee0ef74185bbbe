"""IANA's `root-anchors.xml`: the root's trust anchors with the time each is for (RFC 9718 §2). Bytes to values.

    TrustAnchor id source
      Zone                       .
      KeyDigest id validFrom [validUntil]     once or more
        KeyTag Algorithm DigestType Digest
        [PublicKey Flags]

Read strictly: nothing else may be there, nothing twice. A document type declaration is refused, so there is no entity to
expand. Whether IANA has signed the document is looked at elsewhere, before.
"""

import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from xml.parsers import expat

from resolver.dnssec.algorithms import DIGESTS
from resolver.dnssec.sighting import is_digest_of
from wire.dns.names import ROOT
from wire.dns.signing import DelegationSigner, Key, parse_dnskey
from wire.errors import Malformed
from wire.units import Epoch

MAX_OCTETS = 64 * 1024
MAX_KEYS = 32
_SIZES = {row.number: row.size for row in DIGESTS.values()}
_CHILDREN: Mapping[str, frozenset[str]] = {
    "": frozenset({"TrustAnchor"}),
    "TrustAnchor": frozenset({"Zone", "KeyDigest"}),
    "KeyDigest": frozenset({"KeyTag", "Algorithm", "DigestType", "Digest", "PublicKey", "Flags"}),
}
_ATTRIBUTES: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    # those that must be there, and those that may
    "TrustAnchor": (frozenset({"id", "source"}), frozenset()),
    "KeyDigest": (frozenset({"id", "validFrom"}), frozenset({"validUntil"})),
}
_NONE: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset())
_PROTOCOL = 3
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)")


class NotAnchors(ValueError):
    """The document is not one of RFC 9718; the text says in which line and why."""


@dataclass(frozen=True, slots=True)
class KeyDigest:
    """One anchor, believed from `since` on and before `until` (None: no end is known). `key`: if the document has it, and then
    the digest is that of it."""

    id: str
    record: DelegationSigner
    since: Epoch
    until: Epoch | None
    key: Key | None


@dataclass(frozen=True, slots=True)
class RootAnchors:
    """A whole document."""

    id: str
    source: str
    digests: tuple[KeyDigest, ...]

    def valid_at(self, date: Epoch) -> tuple[KeyDigest, ...]:
        """Those that are for this date."""
        return tuple(d for d in self.digests if d.since <= date and (d.until is None or date < d.until))


@dataclass(slots=True)
class _Element:
    name: str
    line: int
    attributes: dict[str, str] = field(default_factory=dict)
    text: str = ""
    children: list["_Element"] = field(default_factory=list)


def read_root_anchors(data: bytes) -> RootAnchors:
    """The document in `data`, UTF-8. Raises NotAnchors."""
    if len(data) > MAX_OCTETS:
        raise NotAnchors(f"it is larger than {MAX_OCTETS} octets; is it the right file?")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise NotAnchors(f"line {line}: this is not UTF-8") from None
    top = _Tree().read(data)
    zone = _only(top, "Zone")
    if zone.text.strip() != ".":
        raise _wrong(zone, f"the zone is {zone.text.strip()!r}, not the root")
    found = [child for child in top.children if child.name == "KeyDigest"]
    if not 1 <= len(found) <= MAX_KEYS:
        raise _wrong(top, f"{len(found)} KeyDigest elements; 1 to {MAX_KEYS} are expected")
    return RootAnchors(top.attributes["id"], top.attributes["source"], tuple(map(_digest, found)))


class _Tree:
    """The elements of a document, as far as `_CHILDREN` knows them."""

    def __init__(self) -> None:
        self._parser = expat.ParserCreate("utf-8")
        self._parser.XmlDeclHandler = self._declare
        self._parser.StartDoctypeDeclHandler = self._refuse_doctype
        self._parser.ProcessingInstructionHandler = self._refuse_instruction
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._open = [_Element("", 0)]

    def read(self, data: bytes) -> _Element:
        try:
            self._parser.Parse(data, True)
        except expat.ExpatError as error:
            what = expat.ErrorString(error.code)
            raise NotAnchors(f"line {error.lineno}: this is no XML: {what}") from None
        return self._open[0].children[0]

    def _declare(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if (encoding or "utf-8").lower() not in ("utf-8", "us-ascii"):
            raise self._error(f"the encoding is {encoding}, not UTF-8")

    def _refuse_doctype(self, *_: object) -> None:
        raise self._error("a document type declaration (<!DOCTYPE …>) does not belong here")

    def _refuse_instruction(self, *_: object) -> None:
        raise self._error("a processing instruction (<?…?>) does not belong here")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        above = self._open[-1]
        if name not in _CHILDREN.get(above.name, frozenset()):
            raise self._error(f"<{name}> does not belong {f'into <{above.name}>' if above.name else 'at the top'}")
        needed, allowed = _ATTRIBUTES.get(name, _NONE)
        if missing := sorted(needed - attributes.keys()):
            raise self._error(f"<{name}> has no {missing[0]}")
        if surplus := sorted(attributes.keys() - needed - allowed):
            raise self._error(f"<{name}> has an unknown attribute {surplus[0]}")
        element = _Element(name, self._parser.CurrentLineNumber, attributes)
        above.children.append(element)
        self._open.append(element)

    def _end(self, _name: str) -> None:
        element = self._open.pop()
        if element.name in _CHILDREN and element.text.strip():
            raise _wrong(element, f"<{element.name}> holds text beside its elements")

    def _text(self, text: str) -> None:
        self._open[-1].text += text

    def _error(self, what: str) -> NotAnchors:
        return NotAnchors(f"line {self._parser.CurrentLineNumber}: {what}")


def _wrong(element: _Element, what: str) -> NotAnchors:
    return NotAnchors(f"line {element.line}: {what}")


def _only(element: _Element, name: str) -> _Element:
    found = [child for child in element.children if child.name == name]
    if len(found) != 1:
        raise _wrong(element, f"<{element.name}> has {len(found)} elements <{name}>, not one")
    return found[0]


def _digest(element: _Element) -> KeyDigest:
    tag, algorithm, digest_type = (
        _number(_only(element, name), most)
        for name, most in (("KeyTag", 65_535), ("Algorithm", 255), ("DigestType", 255))
    )
    digest = _only(element, "Digest")
    try:
        octets = bytes.fromhex("".join(digest.text.split()))
    except ValueError:
        raise _wrong(digest, "the digest is not hexadecimal") from None
    if len(octets) != _SIZES.get(digest_type, len(octets)) or not octets:
        raise _wrong(digest, f"the digest has {len(octets)} octets, not as many as digest type {digest_type}")
    record = DelegationSigner(tag, algorithm, digest_type, octets)
    since = _time(element, "validFrom")
    until = _time(element, "validUntil") if "validUntil" in element.attributes else None
    return KeyDigest(element.attributes["id"], record, since, until, _key(element, record))


def _key(element: _Element, record: DelegationSigner) -> Key | None:
    """The public key, if it is there: both its elements or none, and the digest must be that of it."""
    if not any(child.name in ("PublicKey", "Flags") for child in element.children):
        return None
    public, flags = _only(element, "PublicKey"), _number(_only(element, "Flags"), 65_535)
    head = flags.to_bytes(2, "big") + bytes((_PROTOCOL, record.algorithm))
    try:
        key = parse_dnskey(head + b64decode("".join(public.text.split()), validate=True))
    except (ValueError, Malformed):
        raise _wrong(public, "the public key is not base64") from None
    if record.digest_type in DIGESTS and not is_digest_of(ROOT, key, record):
        raise _wrong(element, f"key tag {record.tag}: tag or digest are not those of the public key beside them")
    return key


def _number(element: _Element, most: int) -> int:
    text = element.text.strip()
    if not re.fullmatch("[0-9]{1,9}", text) or int(text) > most:
        raise _wrong(element, f"{element.name} is {text[:20]!r}, not a number from 0 to {most}")
    return int(text)


def _time(element: _Element, name: str) -> Epoch:
    text = element.attributes[name].strip()
    try:
        if not _TIME.fullmatch(text):
            raise ValueError
        return Epoch(datetime.fromisoformat(text).timestamp())
    except (ValueError, OverflowError):
        raise _wrong(element, f"{name} is {text[:40]!r}, not a time like 2024-07-18T00:00:00+00:00") from None
