"""A zone coming in over a stream (RFC 5936), message by message, and when to fetch it again. Pure."""

from resolver.iterate.zonecopy import FIXED, MAX_RECORDS, Timers, parse_timers
from wire.dns.canonical import canonical_rdata
from wire.dns.codes import HeaderFlag, Rcode, RecordClass, RecordType, show_rcode
from wire.dns.message import Message, Record, build_query, parse_part
from wire.dns.names import Known
from wire.dns.rdata import expand_rdata
from wire.errors import Malformed
from wire.units import Seconds

MAX_MESSAGES = 50_000
MAX_OCTETS = 16 * 1024 * 1024
"""Octets of one transfer, as it comes and as it is written out; the root zone has 1.5 MB."""

SHORTEST_REFRESH, LONGEST_REFRESH = 300, 86_400
SHORTEST_RETRY, LONGEST_RETRY = 60, 3_600
"""Seconds: what an SOA may ask for (the root's: 1800 and 900)."""

FIRST_RETRY = 30
"""Seconds until a first copy is tried for again; twice as long each time."""

_QR, _TC, _OPCODE = int(HeaderFlag.QR), int(HeaderFlag.TC), 0x7800
_IN, _SOA, _AXFR = int(RecordClass.IN), int(RecordType.SOA), int(RecordType.AXFR)


def build_ask(zone: bytes, rrtype: int, identifier: int) -> bytes:
    """A query for the SOA or AXFR of `zone`: no flag, no EDNS, nothing of any client's."""
    query = build_query(zone + rrtype.to_bytes(2, "big") + _IN.to_bytes(2, "big"), 0)
    return identifier.to_bytes(2, "big") + query[2:]


class Transfer:
    """One zone on its way: give it messages in order until it gives the zone.

    Bounded: MAX_MESSAGES, MAX_OCTETS and MAX_RECORDS. After a Malformed it is of no use any more.
    """

    def __init__(self, identifier: int, zone: bytes) -> None:
        self._identifier = identifier
        self._zone = zone
        self._soa = b""
        self._out = bytearray()
        self._messages = 0
        self._records = 0
        self._octets = 0

    def take(self, data: bytes) -> bytes | None:
        """The next message. Once the SOA has come for the second time, which ends it (RFC 5936 §2.2): all records, each
        once, uncompressed, one after the other, the SOA first. Raises Malformed."""
        self._messages += 1
        self._octets += len(data)
        message = parse_part(data)
        _check(message, self._identifier, self._zone, _AXFR, self._messages == 1)
        if not message.answer:
            raise Malformed("a message of a transfer without records", 6)
        known: Known = {}
        for place, record in enumerate(message.answer):
            if self._take_record(message, record, known):
                if place + 1 < len(message.answer):
                    raise Malformed("records after the end of the zone", record.rdata_end)
                return bytes(self._out)
        if self._messages >= MAX_MESSAGES:
            raise Malformed("a zone of too many messages")
        return None

    def _take_record(self, message: Message, record: Record, known: Known) -> bool:
        """Whether it is the last one."""
        if record.rrclass != _IN:
            raise Malformed("not of class IN", record.ttl_offset)
        rdata = canonical_rdata(record.rrtype, expand_rdata(message, record, known))
        is_soa = record.rrtype == _SOA and record.owner == self._zone
        if not self._soa and not is_soa:
            raise Malformed("a zone that does not begin with its SOA", record.ttl_offset)
        if is_soa and self._soa:
            if rdata != self._soa:
                raise Malformed("a zone that ends with another SOA than it began with", record.ttl_offset)
            return True
        if is_soa:
            self._soa = rdata
        self._records += 1
        self._out += record.owner + FIXED.pack(record.rrtype, _IN, record.ttl, len(rdata)) + rdata
        if self._records > MAX_RECORDS or max(len(self._out), self._octets) > MAX_OCTETS:
            raise Malformed("a zone that is too large")
        return False


def serial_in(data: bytes, identifier: int, zone: bytes) -> int:
    """The serial that an answer to `build_ask(zone, SOA)` says. Raises Malformed."""
    message = parse_part(data)
    _check(message, identifier, zone, _SOA, True)
    for record in message.answer:
        if record.rrtype == _SOA and record.owner == zone and record.rrclass == _IN:
            return parse_timers(canonical_rdata(_SOA, expand_rdata(message, record))).serial
    raise Malformed("an answer without the SOA")


def _check(message: Message, identifier: int, zone: bytes, rrtype: int, first: bool) -> None:
    """What every message must be; only the first must repeat the question (RFC 5936 §2.2.1). Raises Malformed."""
    if message.identifier != identifier or message.flags & (_QR | _OPCODE) != _QR:
        raise Malformed("no response to what was asked", 0)
    if message.rcode != Rcode.NOERROR:
        raise Malformed(f"the server says {show_rcode(message.rcode)}")
    if message.flags & _TC:
        raise Malformed("cut off, over a stream", 2)
    asked = zone + rrtype.to_bytes(2, "big") + _IN.to_bytes(2, "big")
    said = message.question[:-4].lower() + message.question[-4:]
    if said != asked and (first or said):
        raise Malformed("an answer to another question", 12)


def wait_after(timers: Timers | None, failures: int, chance: int) -> Seconds:
    """For how long to do nothing, after `failures` in a row (0: it went well), with the copy whose `timers` these are.

    `chance` is 32 random bits: up to an eighth is taken off, so that not everybody comes at once.
    """
    if timers is None:
        full = min(FIRST_RETRY * 2 ** min(max(failures - 1, 0), 16), LONGEST_RETRY)
    elif failures:
        full = min(max(timers.retry, SHORTEST_RETRY), LONGEST_RETRY)
    else:
        full = min(max(timers.refresh, SHORTEST_REFRESH), LONGEST_REFRESH)
    return Seconds(full * (1 - chance / 2**35))
