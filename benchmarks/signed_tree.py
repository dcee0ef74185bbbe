"""A small signed Internet for measuring validation: the root, one top-level domain and zones of many names below it.

Everything is signed by ldns-signzone, with NSEC; the root, the top-level domain and most zones with ECDSA P-256, the others
with RSASHA256 and keys of 2,048 bits. All of it is served by one program, which answers for every zone: what a forwarder
would get from its upstream's memory.
"""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from kit import find

TOP = "signed"
P256, RSA = "ECDSAP256SHA256", "RSASHA256"
RSA_BITS = "2048"

_HEAD = """{zone}. 3600 IN SOA ns.{top}. hostmaster.{top}. 1 7200 900 86400 900
{zone}. 3600 IN NS ns.{top}.
"""


@dataclass(frozen=True, slots=True)
class SignedTree:
    """`files` are the signed zones by name (the root's is empty), `anchor` is the root's DS record as text, `zones` the names of
    the zones by algorithm; each has the names `host0000` and on."""

    files: dict[str, Path]
    anchor: str
    zones: dict[str, list[str]]


def build(folder: Path, sizes: dict[str, int], names: int) -> SignedTree:
    """`sizes` zones of each algorithm with so many names each."""
    for program in ("ldns-keygen", "ldns-signzone"):
        if not find(program):
            sys.exit(f"{program} is missing: apt-get install ldnsutils")
    zones = {
        algorithm: [f"{algorithm[:3].lower()}{number:03}.{TOP}" for number in range(count)]
        for algorithm, count in sizes.items()
    }
    hosts = "".join(f"host{number:04} 3600 IN A 192.0.2.1\n" for number in range(names))

    def leaf(algorithm: str, zone: str) -> str:
        return sign(folder, zone, algorithm, f"$ORIGIN {zone}.\n{hosts}")

    with ThreadPoolExecutor(2) as pool:
        work = [(algorithm, zone) for algorithm, many in zones.items() for zone in many]
        delegations = list(pool.map(lambda one: leaf(*one), work))
    address = f"ns.{TOP}. 3600 IN A 127.0.0.1\n"
    servers = "".join(f"{zone}. 3600 IN NS ns.{TOP}.\n" for _, zone in work)
    top = sign(folder, TOP, P256, address + servers + "".join(delegations))
    anchor = sign(folder, "", P256, f"{TOP}. 3600 IN NS ns.{TOP}.\n" + address + top)
    files = {zone: folder / f"{zone or 'root'}.zone" for zone in ("", TOP, *(zone for _, zone in work))}
    return SignedTree(files, anchor.strip(), zones)


def sign(folder: Path, zone: str, algorithm: str, records: str) -> str:
    """Make a key for the zone and sign it with it; its DS record."""
    bits = ["-b", RSA_BITS] if algorithm == RSA else []
    command = ["ldns-keygen", "-a", algorithm, *bits, "-r", "/dev/urandom", "-k", f"{zone}."]
    key = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()
    plain = folder / f"{zone or 'root'}.plain"
    plain.write_text(_HEAD.format(zone=zone, top=TOP) + records)
    output = f"{zone or 'root'}.zone"
    subprocess.run(["ldns-signzone", "-o", f"{zone}.", "-f", output, plain.name, key], cwd=folder, check=True)
    return (folder / f"{key}.ds").read_text()
