"""DNS64 (RFC 6147): AAAA records made of A records, for clients behind a translator. A rule on answers. Pure.

An answer takes two looks. `consider` reads what the question itself came to, and says either that this is the answer or
what else has to be asked; `compose` makes the answer of both. Both looks go through memory as they are, so memory holds
only what servers said: no synthesised record can reach a client group without DNS64, and none survives a reload that
changes a prefix.
"""

import ipaddress
from collections.abc import Iterator, Sequence

from resolver.policy.prefix64 import Prefix64, read_reverse_name, reverse_name_v4
from resolver.policy.verdict import TTL, Say, soa
from resolver.settings import Dns64
from resolver.values import Explanation, Origin, Query, Reply
from wire.dns.codes import BOGUS, ExtendedError, HeaderFlag, QueryFlag, Rcode, RecordClass, RecordType
from wire.dns.message import Message, Record, ResourceRecord, build_response, parse_message, soa_minimum
from wire.dns.names import read_name, suffixes
from wire.errors import Malformed

RULE = "dns64"

LONGEST_WITHOUT_SOA = 600
"""Seconds a synthesised record lives if the AAAA answer had no SOA to say for how long (RFC 6147 §5.1.7)."""

IPV4ONLY = read_name("ipv4only.arpa")
WELL_KNOWN = (bytes((192, 0, 0, 170)), bytes((192, 0, 0, 171)))
"""RFC 7050 §2.2."""

_SPECIAL = frozenset({IPV4ONLY, *map(reverse_name_v4, WELL_KNOWN)})
_HERE = Explanation(ExtendedError.OTHER, "answered here, never sent on: RFC 8880, this resolver does DNS64")
_TOO_LONG = Explanation(ExtendedError.INVALID_DATA, "the synthesised answer is longer than a message can be")

_ITS_OWN = int(QueryFlag.DO | QueryFlag.CD)
_KEPT = int(HeaderFlag.RD | HeaderFlag.RA | HeaderFlag.CD)
_A, _AAAA, _PTR = int(RecordType.A), int(RecordType.AAAA), int(RecordType.PTR)
_SOA, _RRSIG, _IN = int(RecordType.SOA), int(RecordType.RRSIG), int(RecordClass.IN)
_FRESHNESS = (Origin.STALE, Origin.UPSTREAM, Origin.CACHE, Origin.LOCAL, Origin.FAILURE)
"""Of two parts, the one named first here says where the whole came from."""


class Translator:
    """The rule with its prefixes read."""

    __slots__ = ("_clients", "_ignored", "prefixes")

    def __init__(self, settings: Dns64) -> None:
        self.prefixes = tuple(map(Prefix64, settings.prefixes))
        self._clients = frozenset(settings.clients)
        self._ignored = tuple(map(ipaddress.IPv6Network, settings.ignore))

    def acts_on(self, query: Query) -> bool:
        """Whether an answer to `query` may be ours to make: the client's group has DNS64, and the client does not
        validate by itself."""
        if not self._serves(query):
            return False
        # > If the CD bit is set and DO is set, then vDNS64 MAY perform validation, but MUST NOT perform synthesis
        # > (RFC 6147 §5.5)
        return query.rrtype in (_AAAA, _PTR) and query.flags & _ITS_OWN != _ITS_OWN

    def _serves(self, query: Query) -> bool:
        return query.rrclass == _IN and (not self._clients or query.group in self._clients)

    # -- before anybody is asked

    def judge(self, query: Query) -> Say | None:
        """What is known here without asking: the names of RFC 8880, and where a translated address is looked up
        backwards (a CNAME, whose target `consider` then asks for)."""
        if not self._serves(query):
            return None
        zone = next((zone for zone in suffixes(query.name) if zone in _SPECIAL), None)
        return self._backwards(query) if zone is None else self._special(query, zone)

    def _special(self, query: Query, zone: bytes) -> Say | None:
        """RFC 8880 §7: these zones are ours, so that clients learn our prefixes from the AAAA records (RFC 7050 §3) and
        not those of a resolver further up."""
        if query.name != zone:
            return _say(zone, Rcode.NXDOMAIN, [])
        match query.rrtype:
            case RecordType.DS:
                # Asked for all the same, so that clients can see that the zone is not signed.
                return None
            case RecordType.SOA:
                return _say(zone, Rcode.NOERROR, [soa(zone)])
            case RecordType.NS:
                return _say(zone, Rcode.NOERROR, [_made(query, zone)])
        return _say(zone, Rcode.NOERROR, [_made(query, rdata) for rdata in self._well_known(query)])

    def _well_known(self, query: Query) -> Sequence[bytes]:
        """The data of a special name, for the types that have any."""
        if query.name != IPV4ONLY:
            return (IPV4ONLY,) if query.rrtype == _PTR else ()
        if query.rrtype == _A:
            return WELL_KNOWN
        if query.rrtype == _AAAA and self.acts_on(query):
            return [prefix.embed(address) for prefix in self.prefixes for address in WELL_KNOWN]
        return ()

    def _backwards(self, query: Query) -> Say | None:
        """RFC 6147 §5.3.1, its second way: a CNAME into `in-addr.arpa`."""
        if query.rrtype != _PTR or not self.acts_on(query):
            return None
        found = self._mapped(query.name)
        if found is None:
            return None
        prefix, target = found
        # No explanation: the answer that clients get is the one of the name that it points at.
        alias = ResourceRecord(query.name, RecordType.CNAME, _IN, TTL, target)
        return Say(RULE, prefix.zone, Rcode.NOERROR, (alias,), (), None)

    def _mapped(self, name: bytes) -> tuple[Prefix64, bytes] | None:
        """The prefix of the address that a reverse name stands for, and the IPv4 address's own reverse name."""
        address = read_reverse_name(name)
        if address is None:
            return None
        for prefix in self.prefixes:
            inner = prefix.extract(address)
            if inner is not None:
                return prefix, reverse_name_v4(inner)
        return None

    def pointed_at(self, query: Query) -> Query | None:
        """The question behind that CNAME; None if `query` is about no translated address."""
        found = self._mapped(query.name) if query.rrtype == _PTR else None
        return None if found is None else query._replace(key=found[1] + query.key[-4:])

    # -- after the first look

    def consider(self, query: Query, first: Reply) -> Reply | Query:
        """The answer, if what `query` came to is one; else what has to be asked besides."""
        if query.rrtype == _PTR:
            return self.pointed_at(query) or first
        if first.origin is Origin.LOCAL:
            return first
        message = parse_message(first.message)
        match message.rcode:
            case Rcode.NXDOMAIN | Rcode.YXDOMAIN:
                # There is no such name for any type (YXDOMAIN: too long for its DNAME, RFC 6672 §2.2).
                return first
            case Rcode.NOERROR:
                addresses = [record for record in message.answer if record.rrtype == _AAAA]
                left = [record for record in addresses if not self._is_ignored(message, record)]
                if left:
                    return first if len(left) == len(addresses) else self._without_ignored(query, first, message)
            case _ if first.explanation is not None and first.explanation.code in BOGUS:
                # The seam for our own validator: what it finds forged stays a failure. Until then all data count as
                # insecure, but for what a validating upstream says.
                # > it MUST validate the negative answer for AAAA queries before proceeding to query for A records
                # > (RFC 6147 §5.5)
                return first
        # Also for an error, or silence: there are servers that fail on AAAA only (RFC 6147 §5.1.2, §5.1.3).
        return query._replace(key=query.name + _A.to_bytes(2, "big") + query.key[-2:])

    def _is_ignored(self, message: Message, record: Record) -> bool:
        """Whether an AAAA record counts as none (RFC 6147 §5.1.4)."""
        packed = message.data[record.rdata_start : record.rdata_end]
        return len(packed) != 16 or any(ipaddress.IPv6Address(packed) in network for network in self._ignored)

    def _without_ignored(self, query: Query, first: Reply, message: Message) -> Reply:
        """Only some addresses are to be ignored: the others are the answer, and their signature does not fit any more."""
        answer = [
            _copied(message, record)
            for record in message.answer
            if not (record.rrtype == _AAAA and self._is_ignored(message, record)) and not _signs(message, record, _AAAA)
        ]
        return _reply(query, message, answer, first)

    # -- after the second

    def compose(self, query: Query, first: Reply, second: Reply) -> Reply:
        """The answer to `query` of what it came to itself and what was asked besides. Both as from `consider`."""
        message = parse_message(second.message)
        if message.rcode not in (Rcode.NOERROR, Rcode.NXDOMAIN):
            return _reply(query, message, (), second)
        own = parse_message(first.message)
        whole = second._replace(origin=min(first.origin, second.origin, key=_FRESHNESS.index))
        if first.origin in (Origin.STALE, Origin.LOCAL):
            whole = whole._replace(cacheable=min(first.cacheable, second.cacheable))
        if query.rrtype == _PTR:
            alias = [_copied(own, record) for record in own.answer]
            return _reply(query, message, [*alias, *(_copied(message, record) for record in message.answer)], whole)
        if not any(record.rrtype == _A for record in message.answer):
            # RFC 6147 §5.1.2 would have an AAAA question that failed count as empty here too. But then a server that
            # is down for a moment would make a name with AAAA records only vanish for as long as its SOA says.
            return first if message.rcode == Rcode.NOERROR and first.origin is Origin.FAILURE else _empty(query, whole)
        bound = _bound(own)
        whole = whole._replace(cacheable=min(whole.cacheable, float(bound)))
        return _reply(query, message, list(self._translated(message, bound)), whole)

    def _translated(self, message: Message, bound: int) -> Iterator[ResourceRecord]:
        """The A answer's records with every address below every prefix; CNAME and DNAME stay (RFC 6147 §5.1.7)."""
        for record in message.answer:
            address = message.data[record.rdata_start : record.rdata_end]
            if record.rrtype == _A and len(address) == 4:
                for prefix in self.prefixes:
                    yield ResourceRecord(record.owner, _AAAA, _IN, min(record.ttl, bound), prefix.embed(address))
            elif record.rrtype != _A and not _signs(message, record, _A):
                yield _copied(message, record)


def _bound(message: Message) -> int:
    """Seconds that a synthesised record may live: as long as the AAAA answer says that there is none (RFC 6147 §5.1.7)."""
    found = next((record for record in message.authority if record.rrtype == _SOA), None)
    try:
        return LONGEST_WITHOUT_SOA if found is None else min(found.ttl, soa_minimum(message, found))
    except Malformed:
        # Beside addresses that are all ignored an SOA was never read before.
        return LONGEST_WITHOUT_SOA


def _signs(message: Message, record: Record, rrtype: int) -> bool:
    """Whether `record` is a signature over records of `rrtype`, the first field of its data (RFC 4034 §3.1)."""
    covered = message.data[record.rdata_start : record.rdata_start + 2]
    return record.rrtype == _RRSIG and int.from_bytes(covered, "big") == rrtype


def _copied(message: Message, record: Record) -> ResourceRecord:
    """The record as it is: in an undressed answer no data is compressed."""
    rdata = message.data[record.rdata_start : record.rdata_end]
    return ResourceRecord(record.owner, record.rrtype, record.rrclass, record.ttl, rdata)


def _empty(query: Query, second: Reply) -> Reply:
    """No address of either kind: the A question's answer, under the client's question (RFC 6147 §5.1.6)."""
    message = parse_message(second.message)
    return _reply(query, message, [_copied(message, r) for r in message.answer if not _signs(message, r, _A)], second)


def _reply(query: Query, basis: Message, answer: Sequence[ResourceRecord], whole: Reply) -> Reply:
    """`answer` with the rcode and authority section of `basis` (RFC 6147 §5.4); all else is as in `whole`."""
    authority = [_copied(basis, record) for record in basis.authority]
    try:
        built = build_response(query.key, basis.flags & _KEPT, basis.rcode, answer, authority)
    except Malformed:
        # An A record of 16 octets becomes 28 a prefix: only an answer made to be long comes here.
        built = build_response(query.key, basis.flags & _KEPT, Rcode.SERVFAIL, ())
        return Reply(built.message, (), 0.0, whole.generation, Origin.FAILURE, _TOO_LONG)
    return whole._replace(message=built.message, ttl_offsets=built.ttl_offsets)


def _made(query: Query, rdata: bytes) -> ResourceRecord:
    return ResourceRecord(query.name, query.rrtype, _IN, TTL, rdata)


def _say(zone: bytes, rcode: Rcode, answer: Sequence[ResourceRecord]) -> Say:
    return Say(RULE, zone, rcode, answer, () if answer else (soa(zone),), _HERE)
