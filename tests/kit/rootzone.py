"""Root zones for tests: a small one by hand, and one of any size; the digest is dnspython's."""

import dns.name
import dns.node
import dns.rdata
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.rrset
import dns.zone
from kit.signing import Signer

from anchorhold.config.root_zone import read_root_zone

SIGNED_UNTIL = "20261231000000"
EXPIRATION = 1_798_675_200
"""The same in seconds since 1970."""

_SIGNATURE = "8 {labels} {ttl} " + SIGNED_UNTIL + " 20261101000000 12345 . AAAA"


def _signed(owner: str, rrtype: str, ttl: int = 86400) -> str:
    """A signature has the TTL of what it covers, and says so in its data: Knot sends it with the latter (RFC 4034 §3)."""
    labels = 0 if owner == "." else owner.count(".")
    return f"{owner} {ttl} IN RRSIG {rrtype} {_SIGNATURE.format(labels=labels, ttl=ttl)}\n"


SMALL = f"""\
. 86400 IN SOA a.root-servers.net. nstld.example. 2026112400 1800 900 604800 43200
{_signed(".", "SOA")}. 518400 IN NS a.root-servers.net.
. 518400 IN NS b.root-servers.net.
{_signed(".", "NS", 518400)}. 172800 IN DNSKEY 257 3 8 AwEAAagA
{_signed(".", "DNSKEY", 172800)}. 86400 IN NSEC example. NS SOA RRSIG NSEC DNSKEY ZONEMD
{_signed(".", "NSEC")}example. 172800 IN NS ns1.example.
example. 172800 IN NS NS2.nic.test.
example. 86400 IN DS 12345 8 2 {"ab" * 32}
{_signed("example.", "DS")}example. 86400 IN NSEC test. NS DS RRSIG NSEC
{_signed("example.", "NSEC")}ns1.example. 172800 IN A 192.0.2.1
ns1.example. 172800 IN AAAA 2001:db8::1
test. 172800 IN NS ns2.nic.test.
test. 86400 IN NSEC . NS RRSIG NSEC
{_signed("test.", "NSEC")}ns2.nic.test. 172800 IN A 192.0.2.2
a.root-servers.net. 518400 IN A 198.51.100.1
b.root-servers.net. 518400 IN AAAA 2001:db8::b
"""


def with_digest(text: str) -> str:
    """`text` with the ZONEMD record that dnspython computes for it, and a signature of that, which does not count."""
    zone = dns.zone.from_text(text, ".", relativize=False)
    rdata = zone.compute_digest(dns.zone.DigestHashAlgorithm.SHA384)
    return f"{text}. 86400 IN ZONEMD {rdata.to_text()}\n{_signed('.', 'ZONEMD')}"


def wire(text: str = SMALL) -> bytes:
    """The records of `text`, with the right digest."""
    return read_root_zone(with_digest(text))


def signed_root(signer: Signer, without: str = "", text: str = SMALL) -> bytes:
    """The records of `text`, really signed by the one key `signer`, at its apex only, with the right digest. `without`: a type
    that its apex lacks in the end, `RRSIG TYPE` for a signature; the digest counts it."""
    lines = (line for line in text.splitlines() if " IN RRSIG " not in line and " DNSKEY 257" not in line)
    zone = dns.zone.from_text("\n".join(lines), ".", relativize=False)
    apex = zone.nodes[dns.name.root]
    _add(apex, "DNSKEY", signer.dnskey)
    for rrtype in ("SOA", "NS", "DNSKEY", "NSEC"):
        _sign(apex, signer, rrtype)
    _add(apex, "ZONEMD", zone.compute_digest(dns.zone.DigestHashAlgorithm.SHA384))
    _sign(apex, signer, "ZONEMD")
    if without:
        apex.delete_rdataset(dns.rdataclass.IN, *map(dns.rdatatype.from_text, without.split()))
    return read_root_zone(zone.to_text())


def _add(node: dns.node.Node, rrtype: str, rdata: dns.rdata.Rdata) -> None:
    node.replace_rdataset(dns.rdataset.from_rdata(86_400, rdata))


def _sign(node: dns.node.Node, signer: Signer, rrtype: str) -> None:
    rdataset = node.get_rdataset(dns.rdataclass.IN, dns.rdatatype.from_text(rrtype))
    assert rdataset is not None
    signature = dns.rdataset.Rdataset(dns.rdataclass.IN, dns.rdatatype.RRSIG, rdataset.rdtype, rdataset.ttl)
    signature.add(signer.sign(dns.rrset.from_rdata_list(dns.name.root, rdataset.ttl, list(rdataset))))
    node.rdatasets.append(signature)


def large(domains: int, serial: int = 2026112400) -> str:
    """A zone like the root's: `domains` delegations with 4 servers of their own, DS, NSEC and signatures each."""
    names = sorted(f"tld{number:05d}." for number in range(domains))
    parts = [
        SMALL.split("example. 172800", 1)[0]
        .replace("NSEC example.", f"NSEC {names[0]}")
        .replace("2026112400", str(serial))
    ]
    long = "A" * 342 + "=="
    for name, following in zip(names, [*names[1:], "."], strict=True):
        number = int(name[3:-1])
        parts.append(f"{name} 86400 IN DS 12345 8 2 {'ab' * 32}\n{name} 86400 IN NSEC {following} NS DS RRSIG NSEC\n")
        parts += [_signed(name, rrtype).replace("AAAA", long) for rrtype in ("DS", "NSEC")]
        for letter in "abcd":
            parts.append(f"{name} 172800 IN NS {letter}.nic.{name}\n")
            parts.append(f"{letter}.nic.{name} 172800 IN A 198.18.{number % 256}.{number // 256}\n")
            parts.append(f"{letter}.nic.{name} 172800 IN AAAA 2001:db8::{number:x}\n")
    parts.append("a.root-servers.net. 518400 IN A 198.51.100.1\nb.root-servers.net. 518400 IN AAAA 2001:db8::b\n")
    return "".join(parts)
