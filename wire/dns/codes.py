"""Numbers with names: opcodes, response codes, types and extended errors, as IANA lists them."""

from enum import IntEnum, IntFlag


class Opcode(IntEnum):
    """RFC 1035 §4.1.1, RFC 1996, RFC 2136, RFC 8490."""

    QUERY = 0
    STATUS = 2
    NOTIFY = 4
    UPDATE = 5
    DSO = 6


class Rcode(IntEnum):
    """RFC 1035 §4.1.1, RFC 2136, RFC 6891 §6.1.3, RFC 7873 §8."""

    NOERROR = 0
    FORMERR = 1
    SERVFAIL = 2
    NXDOMAIN = 3
    NOTIMP = 4
    REFUSED = 5
    YXDOMAIN = 6
    BADVERS = 16
    BADCOOKIE = 23


def show_rcode(code: int) -> str:
    """Its name, or `code NUMBER` if it has none here."""
    try:
        return Rcode(code).name
    except ValueError:
        return f"code {code}"


class HeaderFlag(IntFlag):
    """Bits of the second 16-bit word of the header (RFC 1035 §4.1.1, RFC 4035 §3)."""

    QR = 0x8000
    AA = 0x0400
    TC = 0x0200
    RD = 0x0100
    RA = 0x0080
    AD = 0x0020
    CD = 0x0010


class QueryFlag(IntFlag):
    """What of a query's header and EDNS is part of the question; our own numbering, one octet."""

    DO = 1
    CD = 2
    AD = 4
    RD = 8


class RecordType(IntEnum):
    """The types this program names; any other number stays a number (RFC 3597)."""

    A = 1
    NS = 2
    CNAME = 5
    SOA = 6
    PTR = 12
    HINFO = 13
    MX = 15
    TXT = 16
    AAAA = 28
    SRV = 33
    NAPTR = 35
    DNAME = 39
    OPT = 41
    DS = 43
    RRSIG = 46
    NSEC = 47
    DNSKEY = 48
    NSEC3 = 50
    NSEC3PARAM = 51
    ZONEMD = 63
    SVCB = 64
    HTTPS = 65
    NXNAME = 128
    TKEY = 249
    TSIG = 250
    IXFR = 251
    AXFR = 252
    MAILB = 253
    MAILA = 254
    ANY = 255
    RESINFO = 261


class RecordClass(IntEnum):
    """RFC 1035 §3.2.4, RFC 2136."""

    IN = 1
    CH = 3
    HS = 4
    NONE = 254
    ANY = 255


class EdnsOption(IntEnum):
    """EDNS option codes (RFC 6891 §6.1.2)."""

    NSID = 3
    CLIENT_SUBNET = 8
    EXPIRE = 9
    COOKIE = 10
    KEEPALIVE = 11
    PADDING = 12
    CHAIN = 13
    EXTENDED_ERROR = 15


class ExtendedError(IntEnum):
    """Extended DNS errors (RFC 8914 §4, RFC 9567 and the IANA registry)."""

    OTHER = 0
    UNSUPPORTED_DNSKEY_ALGORITHM = 1
    UNSUPPORTED_DS_DIGEST = 2
    STALE_ANSWER = 3
    FORGED_ANSWER = 4
    DNSSEC_INDETERMINATE = 5
    DNSSEC_BOGUS = 6
    SIGNATURE_EXPIRED = 7
    SIGNATURE_NOT_YET_VALID = 8
    DNSKEY_MISSING = 9
    RRSIGS_MISSING = 10
    NO_ZONE_KEY_BIT = 11
    NSEC_MISSING = 12
    CACHED_ERROR = 13
    NOT_READY = 14
    BLOCKED = 15
    CENSORED = 16
    FILTERED = 17
    PROHIBITED = 18
    STALE_NXDOMAIN_ANSWER = 19
    NOT_AUTHORITATIVE = 20
    NOT_SUPPORTED = 21
    NO_REACHABLE_AUTHORITY = 22
    NETWORK_ERROR = 23
    INVALID_DATA = 24
    SIGNATURE_EXPIRED_BEFORE_VALID = 25
    UNSUPPORTED_NSEC3_ITERATIONS = 27
    INVALID_QUERY_TYPE = 30


BOGUS = frozenset({*range(ExtendedError.DNSSEC_BOGUS, ExtendedError.NSEC_MISSING + 1), 25})
"""Extended errors of a validator that found data which is not genuine (RFC 8914 §4.7 to §4.13, IANA's 25), as plain
numbers."""
