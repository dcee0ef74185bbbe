"""A root zone file for `local_root` (RFC 8806), read in the loader: text in, records in wire form out."""

import re
import struct
from io import BytesIO

import dns.exception
import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.zone

from anchorhold.config.errors import Wrong

MAX_WIRE = 8 * 1024 * 1024
"""Octets of the zone in wire form; the root zone has about 1.5 MB."""

_FIXED = struct.Struct("!HHIH")
_SOA = dns.rdatatype.SOA
_DIRECTIVES = {"$ORIGIN", "$TTL"}
"""No $INCLUDE, which opens files, and no $GENERATE, which makes many records of one line."""

HINT = "take it as it is published, for instance by AXFR from a root server that offers it"


def read_root_zone(text: str) -> bytes:
    """The records of the root zone in the master file `text`: wire form, uncompressed, SOA first. Raises Wrong, with the
    line where there is one.

    Whether the copy is whole and young enough to be used is seen later, where the clock is: `resolver/iterate/local_root.py`.
    """
    try:
        zone = _parsed(text, check=True)
    except dns.zone.NoSOA:
        raise Wrong("the root zone has no SOA record at its top", HINT) from None
    except dns.zone.NoNS:
        raise Wrong("the root zone has no NS records at its top", HINT) from None
    except (dns.exception.DNSException, ValueError) as error:
        raise Wrong(f"the root zone does not read: {_place(text, str(error))}", HINT) from None
    return _written(zone)


def _parsed(text: str, check: bool) -> dns.zone.Zone:
    return dns.zone.from_text(text, ".", relativize=False, check_origin=check, allow_directives=_DIRECTIVES)


def _place(text: str, said: str) -> str:
    """Where and what. dnspython says `<string>:LINE: what`, and LINE is one too many if it saw the end of the line first:
    then the text without that line errs alike."""
    found = re.match(r"<string>:(\d+):\s*(.*)", said, re.DOTALL)
    if found is None:
        return said or "it is not a master file"
    line, what = int(found[1]), found[2]
    try:
        _parsed("".join(text.splitlines(keepends=True)[: line - 1]), check=False)
    except (dns.exception.DNSException, ValueError) as error:
        line -= str(error).endswith(what)
    return f"line {line}: {what}"


def _written(zone: dns.zone.Zone) -> bytes:
    """Every record, those of the SOA first."""
    soa = zone.get_rdataset(dns.name.root, _SOA)
    first = [] if soa is None else [(dns.name.root, soa.ttl, rdata) for rdata in soa]
    others = [record for record in zone.iterate_rdatas() if record[2].rdtype != _SOA or record[0] != dns.name.root]
    out = BytesIO()
    for owner, ttl, rdata in (*first, *others):
        data = rdata.to_digestable()
        out.write(owner.to_digestable())
        out.write(_FIXED.pack(rdata.rdtype, dns.rdataclass.IN, ttl, len(data)))
        out.write(data)
        if out.tell() > MAX_WIRE:
            raise Wrong(f"the root zone is larger than {MAX_WIRE} octets", "is it the right file?")
    return out.getvalue()
