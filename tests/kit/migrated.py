"""What the corpus of dnsmasq's configurations needs around it, and the table of differences that are meant."""

from pathlib import Path

CORPUS = Path(__file__).parents[1] / "corpus" / "dnsmasq"

BRIDGES: dict[str, dict[str, list[str]]] = {
    "access-point.conf": {"wlan0": ["10.55.0.1/24"]},
    "ads.conf": {},
    "guest.conf": {"lan0": ["192.168.98.1/24"], "guest0": ["192.168.99.1/24"]},
    "home.conf": {"lan0": ["192.168.77.1/24"]},
    "ipv6.conf": {"lan0": ["192.168.66.1/24", "fd00:66::1/64"]},
    "laptop.conf": {},
    "office.conf": {"office0": ["10.9.0.1/24"], "phones0": ["10.9.1.1/24"]},
    "openwrt.conf": {"br-lan": ["192.168.44.1/24"]},
    "privacy.conf": {},
    "pxe.conf": {"lan0": ["192.168.80.1/24"]},
    "school.conf": {"lan0": ["192.168.33.1/24"]},
    "signed.conf": {},
    "split.conf": {},
}
"""File → our interfaces and their addresses."""


def exchanges(file: str) -> str:
    """The interface where a device that nobody knows gets an address; empty if it gets none."""
    text = (CORPUS / file).read_text()
    if "dhcp-range" not in text or "tag:!known" in text:
        return ""
    return next(one for one in reversed(BRIDGES[file]) if file != "office.conf" or one == "office0")


_NEVER_OUT = (
    *("localhost", "test", "local", "invalid", "onion", "internal", "home.arpa", "alt"),
    *("10.in-addr.arpa", "168.192.in-addr.arpa", "127.in-addr.arpa", "d.f.ip6.arpa", "0.in-addr.arpa"),
    *("2.0.192.in-addr.arpa", "254.169.in-addr.arpa"),
    *(f"{number}.172.in-addr.arpa" for number in range(16, 32)),
)
_PRIVATE = (
    "a=192.168.",
    "a=10.",
    "a=127.",
    "aaaa=fd00:",
    "aaaa=::1",
    "a=172.2",
    "a=172.1",
    "a=172.3",
    "a=0.0.0.0",
    "aaaa=::",
)


def explained(file: str, question: str, theirs: str, ours: str) -> str:
    """Why the two answers are as they are; empty if nobody knows. `same` is a reason too."""
    name = question.split()[0]
    if theirs == ours:
        return "same"
    outside = (
        any(mark in theirs for mark in ("=93.", "2606:4700", "upstream_", "outside.example")) or theirs == "NXDOMAIN"
    )
    empty = ours in ("NXDOMAIN", "NOERROR")
    if empty and outside and any(name == one or name.endswith(f".{one}") for one in _NEVER_OUT):
        return "a name that never leaves (RFC 6761, 6303)"
    if empty and outside and theirs != "NXDOMAIN":
        return "other kinds of records of a name of ours: dnsmasq asks the upstream"
    if empty and theirs in ("NXDOMAIN", "NOERROR"):
        return "none, said otherwise"
    return ""
