"""Text of types and record data, for lists that bring records of their own (`$dnsrewrite`, RPZ)."""

import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable, Iterable
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from privacy.lists.formats.text import Unused, read_domain
from wire.dns.names import MAX_NAME, ROOT, read_name
from wire.dns.svcb import ALPN, ECH, IPV4HINT, IPV6HINT, MANDATORY, NO_DEFAULT_ALPN, Service, build_alpn, build_service

TYPES = {
    name: int(number)
    for name, number in re.findall(
        r"(\S+) (\d+)",
        "A 1 NS 2 MD 3 MF 4 CNAME 5 SOA 6 MB 7 MG 8 MR 9 NULL 10 WKS 11 PTR 12 HINFO 13 MINFO 14 MX 15 TXT 16 RP 17 AFSDB 18"
        " X25 19 ISDN 20 RT 21 NSAP 22 SIG 24 KEY 25 PX 26 GPOS 27 AAAA 28 LOC 29 NXT 30 SRV 33 NAPTR 35 KX 36 CERT 37 A6 38"
        " DNAME 39 SINK 40 OPT 41 APL 42 DS 43 SSHFP 44 IPSECKEY 45 RRSIG 46 NSEC 47 DNSKEY 48 DHCID 49 NSEC3 50"
        " NSEC3PARAM 51 TLSA 52 SMIMEA 53 HIP 55 CDS 59 CDNSKEY 60 OPENPGPKEY 61 CSYNC 62 ZONEMD 63 SVCB 64 HTTPS 65 DSYNC 66"
        " SPF 99 NID 104 L32 105 L64 106 LP 107 EUI48 108 EUI64 109 NXNAME 128 TKEY 249 TSIG 250 IXFR 251 AXFR 252 MAILB 253"
        " MAILA 254 ANY 255 URI 256 CAA 257 AVC 258 DOA 259 AMTRELAY 260 RESINFO 261 WALLET 262 TA 32768 DLV 32769",
    )
}
"""Names of record types (IANA, DNS parameters)."""

MAX_RDATA = 2_048
"""Octets. Local data is an address, a name, a line of text."""

_SERVICE_KEYS = {
    name: key
    for key, name in enumerate(
        ("mandatory", "alpn", "no-default-alpn", "port", "ipv4hint", "ech", "ipv6hint", "dohpath", "ohttp")
    )
}
_VALUELESS = (NO_DEFAULT_ALPN, _SERVICE_KEYS["ohttp"])


def read_type(text: str) -> int:
    """The number of a record type, also of `TYPE123` (RFC 3597 §5). Raises Unused."""
    name = text.strip().upper()
    if name in TYPES:
        return TYPES[name]
    if re.fullmatch(r"TYPE\d{1,5}", name) and int(name[4:]) < 65_536:
        return int(name[4:])
    raise Unused("not a record type")


def read_types(texts: Iterable[str]) -> tuple[int, ...]:
    """Their numbers, ascending, each once. Raises Unused."""
    return tuple(sorted({read_type(text) for text in texts}))


def read_rdata(rrtype: int, words: tuple[str, ...], origin: bytes = ROOT) -> bytes:
    r"""Record data in wire form from its words, escapes still in them (RFC 1035 §5.1), names relative to `origin`; of types that
    are not known only `\# length hex` (RFC 3597 §5). Raises Unused."""
    if words[:1] == (r"\#",):
        data = _read_generic(words[1:])
    elif rrtype in _READERS:
        count, read = _READERS[rrtype]
        if (count > 0 and len(words) != count) or len(words) < -count:
            raise Unused("record data with a word too few or too many")
        try:
            data = read(words, origin)
        except (ValueError, OverflowError) as error:
            raise error if isinstance(error, Unused) else Unused("record data that cannot be read") from None
    else:
        raise Unused("local data of a type that is not known here")
    if len(data) > MAX_RDATA:
        raise Unused(f"record data longer than {MAX_RDATA:,} octets")
    return data


def read_target(text: str, origin: bytes) -> bytes:
    """A name in record data: relative to `origin` unless it ends in a dot. Any octets may be in it. Raises Unused."""
    if text == "@":
        return origin
    try:
        name = read_name(text) if text.isascii() else read_domain(text)
    except ValueError as error:
        raise error if isinstance(error, Unused) else Unused("not a name") from None
    absolute = text.endswith(".") and not re.search(r"(?<!\\)(?:\\\\)*\\\.$", text)
    return name if absolute else place_below(name, origin)


def place_below(name: bytes, origin: bytes) -> bytes:
    """A relative name made whole. Raises Unused."""
    whole = name[:-1] + origin
    if len(whole) > MAX_NAME:
        raise Unused(f"a name longer than {MAX_NAME} octets")
    return whole


def _read_generic(words: tuple[str, ...]) -> bytes:
    if not words or not re.fullmatch(r"\d{1,5}", words[0]):
        raise Unused(r"record data that cannot be read: \# needs a length")
    try:
        data = bytes.fromhex("".join(words[1:]))
    except ValueError:
        raise Unused("record data that cannot be read: not hexadecimal") from None
    if len(data) != int(words[0]):
        raise Unused("record data of another length than it says")
    return data


def _read_a(words: tuple[str, ...], _: bytes) -> bytes:
    return _packed(IPv4Address, words[0])


def _read_aaaa(words: tuple[str, ...], _: bytes) -> bytes:
    return _packed(IPv6Address, words[0])


def _packed(kind: type[IPv4Address] | type[IPv6Address], text: str) -> bytes:
    try:
        return kind(text).packed
    except AddressValueError:
        raise Unused("not an address of the record's type") from None


def _read_one_name(words: tuple[str, ...], origin: bytes) -> bytes:
    return read_target(words[0], origin)


def _read_mx(words: tuple[str, ...], origin: bytes) -> bytes:
    return _number(words[0], 2) + read_target(words[1], origin)


def _read_srv(words: tuple[str, ...], origin: bytes) -> bytes:
    return b"".join(_number(word, 2) for word in words[:3]) + read_target(words[3], origin)


def _read_txt(words: tuple[str, ...], _: bytes) -> bytes:
    return b"".join(bytes((len(part),)) + part for part in map(_unescape, words))


def _read_caa(words: tuple[str, ...], _: bytes) -> bytes:
    tag = _unescape(words[1])
    return _number(words[0], 1) + bytes((len(tag),)) + tag + _unescape(words[2])


def _read_service(words: tuple[str, ...], origin: bytes) -> bytes:
    parameters = dict(map(_read_parameter, words[2:]))
    if len(parameters) != len(words) - 2:
        raise Unused("a service parameter twice")
    target = read_target(words[1], origin)
    return build_service(Service(int.from_bytes(_number(words[0], 2)), target, tuple(parameters.items())))


def _read_parameter(word: str) -> tuple[int, bytes]:
    name, _, value = word.partition("=")
    value = value.strip('"')
    key = _service_key(name)
    if key == ALPN:
        return key, build_alpn(tuple(value.split(",")))
    if key == MANDATORY:
        return key, b"".join(number.to_bytes(2) for number in sorted(map(_service_key, value.split(","))))
    if key in (IPV4HINT, IPV6HINT):
        kind = IPv4Address if key == IPV4HINT else IPv6Address
        return key, b"".join(_packed(kind, part) for part in value.split(","))
    if key == ECH:
        return key, _base64(value)
    if key in _VALUELESS and value:
        raise Unused("a service parameter that has no value")
    return key, _number(value, 2) if name == "port" else _unescape(value, most=MAX_RDATA)


def _service_key(name: str) -> int:
    if name in _SERVICE_KEYS:
        return _SERVICE_KEYS[name]
    if re.fullmatch(r"key(0|[1-9]\d{0,4})", name) and int(name[3:]) < 65_535:
        return int(name[3:])
    raise Unused("a service parameter that is not known here")


def _base64(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except NotBase64:
        raise Unused("record data that cannot be read: not base64") from None


def _number(text: str, octets: int) -> bytes:
    if not re.fullmatch(r"[0-9]{1,5}", text):
        raise Unused("record data that cannot be read: not a number")
    return int(text).to_bytes(octets)


def _unescape(text: str, most: int = 255) -> bytes:
    r"""The octets of a character string: `\DDD` is one, `\X` is X."""

    def replaced(found: "re.Match[bytes]") -> bytes:
        digits = found[1]
        return bytes((int(digits),)) if digits.isdigit() else digits

    octets = re.sub(rb"\\(\d{3}|[^\d])", replaced, text.encode(), flags=re.DOTALL)
    if len(octets) > most:
        raise Unused(f"a text longer than {most} octets")
    return octets


_READERS: dict[int, tuple[int, Callable[[tuple[str, ...], bytes], bytes]]] = {
    TYPES["A"]: (1, _read_a),
    TYPES["NS"]: (1, _read_one_name),
    TYPES["CNAME"]: (1, _read_one_name),
    TYPES["PTR"]: (1, _read_one_name),
    TYPES["MX"]: (2, _read_mx),
    TYPES["TXT"]: (-1, _read_txt),
    TYPES["AAAA"]: (1, _read_aaaa),
    TYPES["SRV"]: (4, _read_srv),
    TYPES["SVCB"]: (-2, _read_service),
    TYPES["HTTPS"]: (-2, _read_service),
    TYPES["CAA"]: (3, _read_caa),
}
"""Type → how many words its data has (negative: at least so many), and their reader."""
