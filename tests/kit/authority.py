"""What an authoritative server answers from its zones (RFC 1034 §4.3.2, 4592, 6672, 4035 §3.1), with dnspython only."""

from collections.abc import Iterable

import dns.flags
import dns.message
import dns.name
import dns.node
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.rrset
import dns.zone

IN = dns.rdataclass.IN
NONE = dns.rdatatype.NONE
A, AAAA, NS, CNAME, SOA, DNAME, DS = (
    dns.rdatatype.from_text(kind) for kind in ("A", "AAAA", "NS", "CNAME", "SOA", "DNAME", "DS")
)
NSEC, RRSIG, ANY = (dns.rdatatype.from_text(kind) for kind in ("NSEC", "RRSIG", "ANY"))
MAX_CHAIN = 32
TTL = 3600


class Zone:
    """One zone. `text` is a master file; `$ORIGIN` is the zone and `$TTL` an hour unless it says otherwise, and an SOA
    with a MINIMUM of 60 s is added if it has none."""

    def __init__(self, origin: str, text: str = "") -> None:
        self.origin = dns.name.from_text(origin)
        self.nodes: dict[dns.name.Name, dns.node.Node] = {}
        self.inner: set[dns.name.Name] = {self.origin}  # names that exist, empty non-terminals too
        self.add(text)
        if self.get(self.origin, SOA) is None:
            self.add("@ SOA ns hostmaster 1 7200 900 1209600 60")

    def add(self, text: str) -> None:
        """More records: lines of a master file."""
        lines = "\n".join(line.strip() for line in text.splitlines())
        header = f"$ORIGIN {self.origin}\n$TTL {TTL}\n"
        read = dns.zone.from_text(header + lines + "\n", self.origin, IN, relativize=False, check_origin=False)
        for name, node in read.nodes.items():
            for rdataset in node.rdatasets:
                mine = self.nodes.setdefault(name, dns.node.Node())
                mine.find_rdataset(IN, rdataset.rdtype, rdataset.covers, create=True).update(rdataset)
            while name not in self.inner:
                self.inner.add(name)
                name = name.parent()

    def remove(self, name: str, rrtype: str) -> None:
        """Forget an RRset; `name` is relative to the zone unless it ends in a dot."""
        owner = dns.name.from_text(name, self.origin)
        self.nodes[owner].delete_rdataset(IN, dns.rdatatype.from_text(rrtype))

    def get(self, name: dns.name.Name, rrtype: int, covers: int = NONE) -> dns.rrset.RRset | None:
        node = self.nodes.get(name)
        rdataset = node.get_rdataset(IN, rrtype, covers) if node is not None else None
        return dns.rrset.from_rdata_list(name, rdataset.ttl, list(rdataset)) if rdataset else None

    def has(self, name: dns.name.Name) -> bool:
        return name in self.inner

    def between(self, name: dns.name.Name) -> Iterable[dns.name.Name]:
        """The names from below the apex down to `name`."""
        for depth in range(len(self.origin) + 1, len(name) + 1):
            yield name.split(depth)[1]

    def covering(self, name: dns.name.Name) -> dns.rrset.RRset | None:
        """The NSEC that is at, or covers, `name` in canonical order."""
        owners = [owner for owner in self.nodes if self.get(owner, NSEC) and owner <= name]
        return self.get(max(owners), NSEC) if owners else None

    def proofs(self, name: dns.name.Name) -> list[dns.rrset.RRset]:
        """What shows what there is at `name`, or that there is nothing."""
        found = self.covering(name)
        return [] if found is None else [found]


class Answering:
    """One response in the making. What it needs of `zones` is that they are the ones of this server."""

    def __init__(self, query: dns.message.Message, zones: Iterable[Zone], dnssec: bool) -> None:
        self.response = dns.message.make_response(query)
        self.zones, self.dnssec = tuple(zones), dnssec
        self.name, self.rrtype = query.question[0].name, query.question[0].rdtype

    def answer(self) -> dns.message.Message:
        zone = self._zone()
        if zone is None:
            self.response.set_rcode(dns.rcode.REFUSED)
            return self.response
        for _ in range(MAX_CHAIN):
            if not self._step(zone):
                break
        return self.response

    def _zone(self) -> Zone | None:
        """The closest zone; for DS at its apex the parent's, if it is here too (RFC 4035 §3.1.4.1)."""
        found = [zone for zone in self.zones if self.name.is_subdomain(zone.origin)]
        if self.rrtype == DS:
            found = [zone for zone in found if zone.origin != self.name] or found
        return max(found, key=lambda zone: len(zone.origin), default=None)

    def _step(self, zone: Zone) -> bool:
        """Handle `self.name`; whether it became another name of the same zone."""
        cut = next((name for name in zone.between(self.name) if zone.get(name, NS)), None)
        if cut is not None and not (cut == self.name and self.rrtype == DS):
            self._refer(zone, cut)
            return False
        self.response.flags |= dns.flags.AA
        for above in (zone.origin, *zone.between(self.name)):
            dname = zone.get(above, DNAME)
            if dname is not None and above != self.name:
                return self._rename(zone, dname)
        if zone.has(self.name):
            return self._tell(zone, self.name)
        encloser = self.name.parent()
        while not zone.has(encloser):
            encloser = encloser.parent()
        wildcard = dns.name.Name((b"*", *encloser.labels))
        if zone.has(wildcard):
            self._prove(zone, self.name)
            return self._tell(zone, wildcard)
        self.response.set_rcode(dns.rcode.NXDOMAIN)
        self._deny(zone, self.name, wildcard)
        return False

    def _tell(self, zone: Zone, owner: dns.name.Name) -> bool:
        """The records at `owner` under the name that was asked for."""
        cname = zone.get(owner, CNAME)
        if cname is not None and self.rrtype not in (CNAME, ANY, NSEC):
            self._put(self.response.answer, zone, cname)
            self.name = cname[0].target
            return self.name.is_subdomain(zone.origin)
        node = zone.nodes.get(owner)
        kinds = [r.rdtype for r in node.rdatasets if r.rdtype != RRSIG] if node else []
        wanted = kinds if self.rrtype == ANY else [kind for kind in kinds if kind == self.rrtype]
        for kind in wanted:
            rrset = zone.get(owner, kind)
            assert rrset is not None
            self._put(self.response.answer, zone, rrset)
            if kind == NS:
                self._glue(rrset)
        if not wanted:
            self._deny(zone, owner)
        return False

    def _rename(self, zone: Zone, dname: dns.rrset.RRset) -> bool:
        """RFC 6672 §2.2: the DNAME, and the CNAME that follows from it."""
        if all(rrset.name != dname.name or rrset.rdtype != DNAME for rrset in self.response.answer):
            self._put(self.response.answer, zone, dname, dname.name)
        try:
            target = dns.name.Name(self.name.relativize(dname.name).labels + dname[0].target.labels)
        except dns.name.NameTooLong:
            self.response.set_rcode(dns.rcode.YXDOMAIN)
            return False
        cname = dns.rrset.from_text(self.name, dname.ttl, "IN", "CNAME", target.to_text())
        self.response.answer.append(cname)
        self.name = target
        return target.is_subdomain(zone.origin)

    def _refer(self, zone: Zone, cut: dns.name.Name) -> None:
        servers = zone.get(cut, NS)
        assert servers is not None
        self.response.authority.append(servers)
        signers = zone.get(cut, DS)
        if self.dnssec and signers is not None:
            self._put(self.response.authority, zone, signers, cut)
        elif self.dnssec:
            self._prove(zone, cut)
        self._glue(servers)

    def _glue(self, servers: dns.rrset.RRset) -> None:
        """Addresses of the name servers as far as any zone of this server knows them, glue below a cut too."""
        for target in (rdata.target for rdata in servers):
            for kind in (A, AAAA):
                known = (zone.get(target, kind) for zone in self.zones if target.is_subdomain(zone.origin))
                found = next((rrset for rrset in known if rrset is not None), None)
                if found is not None and found not in self.response.additional:
                    self.response.additional.append(found)

    def _deny(self, zone: Zone, *names: dns.name.Name) -> None:
        """RFC 2308 §3: the SOA, its TTL no longer than MINIMUM; and the NSEC at or around `names`."""
        soa = zone.get(zone.origin, SOA)
        assert soa is not None
        self._put(self.response.authority, zone, soa, zone.origin)
        soa = self.response.authority[-2 if self.response.authority[-1].rdtype == RRSIG else -1]
        soa.ttl = min(soa.ttl, soa[0].minimum)
        for name in names:
            self._prove(zone, name)

    def _prove(self, zone: Zone, name: dns.name.Name) -> None:
        for proof in zone.proofs(name) if self.dnssec else ():
            if proof not in self.response.authority:
                self._put(self.response.authority, zone, proof, proof.name)

    def _put(
        self, section: list[dns.rrset.RRset], zone: Zone, rrset: dns.rrset.RRset, owner: dns.name.Name | None = None
    ) -> None:
        """Add `rrset` as one of `owner` (the name in question), and its signatures if they are wanted."""
        owner = owner or self.name
        signatures = zone.get(rrset.name, RRSIG, rrset.rdtype) if self.dnssec else None
        for each in (rrset, signatures):
            if each is not None:
                section.append(dns.rrset.from_rdata_list(owner, each.ttl, list(each)))
