"""Lease files of every program that we read, told apart by how they begin."""

from anchorhold.leases import adguardhome, dnsmasq, kea, own
from anchorhold.leases.reading import Found

MAX_FILE = 64 * 1024 * 1024
"""Octets."""
READERS = {
    "dnsmasq": dnsmasq.read,
    "kea": kea.read,
    "adguardhome": adguardhome.read,
    "anchorhold": own.read,
}


def read(data: bytes, name: str, form: str = "") -> Found:
    """Every lease of the file, and what is none; `form` is one of READERS, by default what it looks like."""
    text = data.decode(errors="replace")
    return READERS[form or _looks_like(text)](text, name)


def _looks_like(text: str) -> str:
    start = text.lstrip()[:64]
    if start.startswith(("{", "[")) and '"mac"' in text[:4_096]:
        return "adguardhome"
    if start.startswith("{"):
        return "anchorhold"
    return "kea" if start.startswith("address,") else "dnsmasq"
