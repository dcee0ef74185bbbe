"""Questions that a configuration of dnsmasq raises, and what a server answers to all of them.

`python questions_of.py SERVER[#PORT] FILE` reads lines `NAME TYPE` and prints the answers, `NAME TYPE RCODE DATA…` each.
"""

import re
import sys
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

LEAST = 300
TYPES = ("A", "AAAA", "TXT", "MX", "PTR")
_NAME = re.compile(r"(?<![\w.:/-])(?:\*\.)?((?:[A-Za-z_][\w-]*\.)+[A-Za-z][\w-]*)(?![\w./-])")
_IN_SLASHES = re.compile(r"/([^/#\s]+)(?=/)")
_ADDRESS = re.compile(r"(?<![\d.])(\d{1,3}(?:\.\d{1,3}){3})(?![\d.])")
OUTSIDE = (
    "outer.example",
    "shop.example",
    "news.example",
    "alias.outer.example",
    "nx.outer.example",
    "inside.outer.example",
)
SPECIAL = ("printer", "nas", "nxlabel", "10.in-addr.arpa", "1.0.168.192.in-addr.arpa", "4.4.8.8.in-addr.arpa")


def questions(text: str) -> list[tuple[str, str]]:
    """At least LEAST: the names in the file, names below and above them, its addresses backwards, and names of others."""
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    named = [one.lower() for one in (*_NAME.findall(lines), *_IN_SLASHES.findall(lines))]
    named = [one.lstrip("*.") for one in dict.fromkeys(named) if not one.endswith((".conf", ".0", ".hosts", ".efi"))]
    backwards = [".".join(reversed(one.split("."))) + ".in-addr.arpa" for one in _ADDRESS.findall(lines)]
    names = [
        *named,
        *(f"www.{one}" for one in named),
        *(f"deep.below.{one}" for one in named),
        *(f"near{one}" for one in named[:6]),
        *dict.fromkeys(backwards),
        *OUTSIDE,
        *SPECIAL,
    ]
    names = [one for one in dict.fromkeys(names) if one and ".." not in one]
    number = 0
    while len(names) * len(TYPES) < LEAST:
        number += 1
        names.append(f"host{number}.other{number % 7}.example")
    return [(name, kind) for name in names for kind in TYPES]


def ask(server: str, name: str, kind: str) -> str:
    """`RCODE DATA…` of `ADDRESS[#PORT]`, without TTLs; the order of records does not matter."""
    address, _, port = server.partition("#")
    query = dns.message.make_query(name, kind)
    for _ in range(3):
        try:
            response = dns.query.udp(query, address, timeout=5, port=int(port or 53), ignore_unexpected=True)
            break
        except (dns.exception.DNSException, OSError):
            continue
    else:
        return "NONE"
    found = sorted(
        f"{dns.rdatatype.to_text(rrset.rdtype)}={item.to_text()}".lower().replace(" ", "_")
        for rrset in response.answer
        for item in rrset
    )
    return " ".join((dns.rcode.to_text(response.rcode()), *found))


def main() -> None:
    for line in Path(sys.argv[2]).read_text().splitlines():
        name, kind = line.split()
        print(name, kind, ask(sys.argv[1], name, kind), flush=True)


if __name__ == "__main__":
    main()
