"""What the resolvers are asked: every RRset of the lab, types that are not there, names that are not there, case, chains."""

from typing import NamedTuple

import dns.name
import dns.rdatatype
from lab.zones import Content

MOST_OF_ODD = 6
"""Questions for a zone on a server that does something wrong: some of them take seconds."""

SKIPPED = frozenset(map(dns.rdatatype.from_text, ("RRSIG", "NSEC", "NSEC3", "NSEC3PARAM", "DNSKEY")))
"""Not asked for by name: whoever validates asks for them."""


class Question(NamedTuple):
    """`zone` is the origin it was made from, `notes` what is special there."""

    name: str
    rrtype: str
    zone: str
    notes: tuple[str, ...] = ()


def questions(contents: dict[str, Content]) -> list[Question]:
    """All of them, in the same order each time."""
    found: list[Question] = []
    for origin, content in contents.items():
        mine = list(_of(origin, content))
        if origin.endswith(".odd."):
            mine = mine[:: max(1, len(mine) // MOST_OF_ODD)][:MOST_OF_ODD]
        found += mine
    return list(dict.fromkeys(found))


def _of(origin: str, content: Content) -> list[Question]:
    zone, notes = content.data, content.zone.notes
    below = "" if origin == "." else origin
    asked: list[tuple[str, str]] = [(f"nowhere.{below}", "A"), (f"a.b.nowhere.{below}", "AAAA"), (f"{origin}", "LOC")]
    for name, node in sorted(zone.nodes.items()):
        text = name.to_text()
        types = [rdataset.rdtype for rdataset in node.rdatasets if rdataset.rdtype not in SKIPPED]
        asked += [(text.replace("*", "star"), dns.rdatatype.to_text(rrtype)) for rrtype in types]
        if types and len(name) % 2:
            asked.append((text.replace("*", "other.star"), "AAAA" if dns.rdatatype.AAAA not in types else "SPF"))
        parent = name.parent() if name != dns.name.root else name
        if types and parent.is_subdomain(zone.origin) and parent not in zone.nodes:
            asked.append((parent.to_text(), "TXT"))
    asked += [(f"WwW.{below.swapcase()}", "A")]
    return [Question(name, rrtype, origin, notes) for name, rrtype in asked]
