"""What can be wrong in a zone after a signer of another project was through with it."""

from collections.abc import Callable
from functools import partial

import dns.name
import dns.node
import dns.rdata
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.zone

IN = dns.rdataclass.IN
A, DS, SOA, NSEC, NSEC3, DNSKEY, RRSIG = (
    dns.rdatatype.from_text(kind) for kind in ("A", "DS", "SOA", "NSEC", "NSEC3", "DNSKEY", "RRSIG")
)
UNKNOWN = 200
"""An algorithm number that nobody has."""

Damage = Callable[[dns.zone.Zone], None]


def damaged(text: str, origin: str, damage: str) -> str:
    """The master file with that done to it."""
    zone = dns.zone.from_text(text, origin, relativize=False, check_origin=False)
    DAMAGES[damage](zone)
    return str(zone.to_text(relativize=False, want_origin=True))


def _node(zone: dns.zone.Zone, name: str) -> dns.node.Node:
    return zone.nodes[dns.name.from_text(name, zone.origin)]


def _spoil(kind: dns.rdatatype.RdataType, name: str, zone: dns.zone.Zone) -> None:
    """One bit of every signature over the RRset."""
    rdataset = _node(zone, name).find_rdataset(IN, RRSIG, kind)
    spoiled = [one.replace(signature=one.signature[:-1] + bytes([one.signature[-1] ^ 1])) for one in rdataset]
    _put(_node(zone, name), rdataset, spoiled)


def _put(node: dns.node.Node, rdataset: dns.rdataset.Rdataset, rdatas: list[dns.rdata.Rdata]) -> None:
    node.replace_rdataset(dns.rdataset.from_rdata_list(rdataset.ttl, rdatas))


def _unsign(kind: dns.rdatatype.RdataType, name: str, zone: dns.zone.Zone) -> None:
    _node(zone, name).delete_rdataset(IN, RRSIG, kind)


def _forget(kinds: tuple[dns.rdatatype.RdataType, ...], zone: dns.zone.Zone, names: tuple[str, ...] = ()) -> None:
    """No records of these types, nor their signatures, at `names` or anywhere."""
    wanted = [dns.name.from_text(name, zone.origin) for name in names]
    for owner, node in zone.nodes.items():
        if not wanted or owner in wanted:
            node.rdatasets = [one for one in node.rdatasets if one.rdtype not in kinds and one.covers not in kinds]


def _renumber(zone: dns.zone.Zone) -> None:
    """Keys and signatures of an algorithm that nobody knows."""
    for node in zone.nodes.values():
        for rdataset in [one for one in node.rdatasets if one.rdtype in (DNSKEY, RRSIG)]:
            _put(node, rdataset, [one.replace(algorithm=UNKNOWN) for one in rdataset])


def _keep_signatures(wanted: Callable[[dns.rdata.Rdata], bool], zone: dns.zone.Zone) -> None:
    for node in zone.nodes.values():
        for rdataset in [one for one in node.rdatasets if one.rdtype == RRSIG]:
            kept = [one for one in rdataset if wanted(one)]
            if kept:
                _put(node, rdataset, kept)
            else:
                node.delete_rdataset(IN, RRSIG, rdataset.covers)


def _several(damages: tuple[Damage, ...], zone: dns.zone.Zone) -> None:
    for damage in damages:
        damage(zone)


DAMAGES: dict[str, Damage] = {
    "one bit of a signature": partial(_spoil, A, "www"),
    "one bit of the keys' signature": partial(_spoil, DNSKEY, "@"),
    "one bit of the SOA's signature": partial(_spoil, SOA, "@"),
    "a signature missing": partial(_unsign, A, "www"),
    "no signature over the keys": partial(_unsign, DNSKEY, "@"),
    "no signature over the SOA": partial(_unsign, SOA, "@"),
    "no signature at all": partial(_forget, (RRSIG, DNSKEY, NSEC, NSEC3)),
    "no keys": partial(_forget, (DNSKEY,)),
    "no denial": partial(_forget, (NSEC, NSEC3)),
    "an unknown algorithm": _renumber,
    "one algorithm does not sign": partial(
        _keep_signatures, lambda one: one.algorithm != 8 or one.type_covered == DNSKEY
    ),
    "delegations": partial(
        _several,
        (
            partial(_spoil, DS, "bad-ds"),
            partial(_unsign, DS, "unsigned-ds"),
            partial(_forget, (NSEC,), names=("unproved",)),
        ),
    ),
}
"""By what is wrong. The names are those of the zones in `lab/sealed.py`."""
