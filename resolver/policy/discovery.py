"""What clients are told of our encrypted ways in: DDR (RFC 9462), SVCB for DNS servers (RFC 9461), RESINFO (RFC 9606). Pure.

All of `resolver.arpa` is answered here and nothing else below it exists (RFC 9462 §6.4); so are the name that our certificate
proves, that name with a client's label before it, and `_dns` before either. Other names below it are not ours: with a public
name, they may be real.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from resolver.policy.verdict import soa
from resolver.settings import Announcement, Endpoint, Served
from wire.dns.codes import ExtendedError, HeaderFlag, Rcode, RecordClass, RecordType
from wire.dns.message import Built, ResourceRecord, build_response
from wire.dns.names import is_below, read_name
from wire.dns.svcb import ALPN, DOHPATH, IPV4HINT, IPV6HINT, PORT, Service, build_alpn, build_service

TTL = 60
"""Seconds: soon after a way in is gone, nobody is sent there any more."""

MAX_HINTS = 8
"""Addresses of one family in a record."""

RESOLVER_ARPA = read_name("resolver.arpa")

ALPN_OF = {Served.TLS: "dot", Served.QUIC: "doq", Served.HTTPS: "h2", Served.H3: "h3"}
"""IANA's names (RFC 9461 §4.1 and the registry)."""

_HTTP = frozenset((Served.HTTPS, Served.H3))
_PRIORITY = {False: 1, True: 2}
"""By whether it is HTTP: DNS's own protocols first, for HTTP says more of the client."""

EXPLAINED = (
    ExtendedError.OTHER,
    ExtendedError.UNSUPPORTED_DNSKEY_ALGORITHM,
    ExtendedError.UNSUPPORTED_DS_DIGEST,
    ExtendedError.STALE_ANSWER,
    ExtendedError.FORGED_ANSWER,
    ExtendedError.DNSSEC_INDETERMINATE,
    ExtendedError.DNSSEC_BOGUS,
    ExtendedError.SIGNATURE_EXPIRED,
    ExtendedError.SIGNATURE_NOT_YET_VALID,
    ExtendedError.DNSKEY_MISSING,
    ExtendedError.RRSIGS_MISSING,
    ExtendedError.NO_ZONE_KEY_BIT,
    ExtendedError.NSEC_MISSING,
    ExtendedError.CACHED_ERROR,
    ExtendedError.NOT_READY,
    ExtendedError.BLOCKED,
    ExtendedError.FILTERED,
    ExtendedError.STALE_NXDOMAIN_ANSWER,
    ExtendedError.NOT_AUTHORITATIVE,
    ExtendedError.NOT_SUPPORTED,
    ExtendedError.NO_REACHABLE_AUTHORITY,
    ExtendedError.NETWORK_ERROR,
    ExtendedError.INVALID_DATA,
    ExtendedError.SIGNATURE_EXPIRED_BEFORE_VALID,
    ExtendedError.UNSUPPORTED_NSEC3_ITERATIONS,
    ExtendedError.INVALID_QUERY_TYPE,
)
"""The extended errors that our answers may hold, ascending (RFC 9606 §5, `exterr`)."""

_SVCB, _RESINFO = int(RecordType.SVCB), int(RecordType.RESINFO)
_A, _AAAA, _IN = int(RecordType.A), int(RecordType.AAAA), int(RecordClass.IN)
_KEPT = int(HeaderFlag.RD | HeaderFlag.CD)
# > The DNS client MUST discard the response if the AA flag in the response is set to 0 (RFC 9606 §3)
_FLAGS = int(HeaderFlag.AA | HeaderFlag.RA)


Data = dict[int, tuple[bytes, ...]]
"""Type → data of the records."""


class _Node(NamedTuple):
    """One name of ours: the zone whose SOA denies there, and data by type. `lasting` stays when the ways in are down."""

    zone: bytes
    lasting: Data
    passing: Data


class OwnNames:
    """Everything there is to say of one announcement."""

    def __init__(self, announcement: Announcement) -> None:
        self._nodes = dict(_nodes(announcement))

    def answer(self, question: bytes, flags: int, up: bool) -> Built | None:
        """The undressed answer to a question key; None: it is no name of ours. `flags` are those of the query's header; `up` says
        whether the encrypted ways in are there."""
        name = question[:-4]
        node = self._nodes.get(name)
        if node is None:
            if not is_below(name, RESOLVER_ARPA):
                return None
            node = _Node(RESOLVER_ARPA, {}, {})
        rrtype = int.from_bytes(question[-4:-2], "big")
        found = node.lasting.get(rrtype, ()) or (node.passing.get(rrtype, ()) if up else ())
        answer = [ResourceRecord(name, rrtype, _IN, TTL, data) for data in found]
        authority = [] if answer else [soa(node.zone, TTL, TTL)]
        return build_response(question, _FLAGS | (flags & _KEPT), Rcode.NOERROR, answer, authority)


def _nodes(said: Announcement) -> Iterator[tuple[bytes, _Node]]:
    information: Data = {_RESINFO: (information_of(said),)}
    if not said.name:
        yield RESOLVER_ARPA, _Node(RESOLVER_ARPA, information, {})
        return
    own = read_name(said.name)
    services: Data = {_SVCB: services_of(said, own, said.path)}
    yield RESOLVER_ARPA, _Node(RESOLVER_ARPA, information, {})
    yield _below("_dns", RESOLVER_ARPA), _Node(RESOLVER_ARPA, {}, services)
    addresses = _addresses(said.endpoints)
    for label in ("", *said.labels):
        name = _below(label, own) if label else own
        path = f"{said.path}/{label}" if label else said.path
        yield _below("_dns", name), _Node(own, {}, {_SVCB: services_of(said, name, path)})
        # Where clients reach us is not known: then the name is whoever's it is, and may lead here all the same.
        if addresses:
            yield name, _Node(own, addresses | ({} if label else information), {})


def services_of(said: Announcement, target: bytes, path: str) -> tuple[bytes, ...]:
    """The data of the SVCB records: one for all that is served at the same port, in the same way, at the same addresses."""
    together: dict[tuple[bool, int, tuple[bytes, ...]], list[Served]] = {}
    for one in said.endpoints:
        together.setdefault((one.served in _HTTP, one.port, one.addresses), []).append(one.served)
    return tuple(
        build_service(
            Service(_PRIORITY[http], target, _parameters(tuple(dict.fromkeys(served)), port, path, addresses))
        )
        for (http, port, addresses), served in sorted(together.items(), key=lambda item: item[0])
    )


def _parameters(
    served: tuple[Served, ...], port: int, path: str, addresses: tuple[bytes, ...]
) -> tuple[tuple[int, bytes], ...]:
    """Those of one record. The port is said where it is not the protocol's own (RFC 9461 §4.2); HTTP needs the path (§5)."""
    found = [(ALPN, build_alpn(tuple(ALPN_OF[one] for one in served)))]
    if any(one.port != port for one in served):
        found.append((PORT, port.to_bytes(2, "big")))
    for key, size in ((IPV4HINT, 4), (IPV6HINT, 16)):
        hints = [address for address in addresses if len(address) == size][:MAX_HINTS]
        if hints:
            found.append((key, b"".join(hints)))
    if _HTTP & set(served):
        found.append((DOHPATH, f"{path}{{?dns}}".encode()))
    return tuple(sorted(found))


def information_of(said: Announcement) -> bytes:
    """The data of RESINFO: character-strings as in TXT, each a key with or without a value (RFC 9606 §4, §5)."""
    words = ["qnamemin"] if said.minimised else []
    words.append(f"exterr={_ranges(EXPLAINED)}")
    if said.information:
        words.append(f"infourl={said.information}")
    return b"".join(bytes((len(word),)) + word.encode("ascii") for word in words)


def _ranges(numbers: Iterable[int]) -> str:
    """`0,3-5`: numbers ascend; three or more in a row are written as a range."""
    runs: list[list[int]] = []
    for number in map(int, numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 2 else ",".join(map(str, run)) for run in runs)


def _addresses(endpoints: tuple[Endpoint, ...]) -> Data:
    """A and AAAA of our name: wherever something is served."""
    every = tuple(dict.fromkeys(address for one in endpoints for address in one.addresses))
    found = {rrtype: tuple(at for at in every if len(at) == size) for rrtype, size in ((_A, 4), (_AAAA, 16))}
    return {rrtype: addresses for rrtype, addresses in found.items() if addresses}


def _below(label: str, name: bytes) -> bytes:
    return bytes((len(label),)) + label.encode("ascii") + name


def label_of(peer_name: str, name: str) -> str:
    """The client's label in the name that it asked for in the handshake, given ours: `tv` of `tv.dns.home.arpa`. Empty if there
    is none. Both folded."""
    head, _, rest = peer_name.partition(".")
    return head if rest and rest == name.rstrip(".") else ""
