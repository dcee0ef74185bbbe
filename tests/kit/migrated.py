"""What the corpus of dnsmasq's configurations needs around it, and the table of differences that are meant."""

import re
from pathlib import Path

CORPUS = Path(__file__).parents[1] / "corpus" / "dnsmasq"
FOUND = tuple(sorted((CORPUS.parents[2].parent / "shared" / "configs" / "dnsmasq").glob("*")))
"""Files that others wrote, where they are at hand (`../shared/configs/`)."""

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


KNOWN = {"school.conf": "02:00:5e:10:33:01"}
"""Hardware address of the device that joins, where those that nobody knows get no answer."""


def exchanges(file: str) -> str:
    """The interface where a device gets an address; empty if none does."""
    if "dhcp-range" not in (CORPUS / file).read_text():
        return ""
    return next(one for one in reversed(BRIDGES[file]) if file != "office.conf" or one == "office0")


DEVICES = {"access-point.conf": ("portal.lan",)}
"""Domains of devices for which dnsmasq has no `local=`."""


def _mark(said: str) -> str:
    """An answer of the scripted upstream without what tells which of them it was."""
    return re.sub(r"(?<==)(93\.\S+|2606:4700\S+)|5399|5398|(?<=mx)\d|(?<=host)\d+", "", said)


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


def explained(file: str, text: str, question: str, theirs: str, ours: str) -> str:
    """Why the two answers of a file with that text are as they are; empty if nobody knows. `same` is a reason too."""
    if theirs == ours:
        return "same"
    name, kind = question.split()
    return _of_the_file((file, text), name, kind, theirs, ours) or _of_the_name(name, kind, theirs, ours)


def _of_the_file(case: tuple[str, str], name: str, kind: str, theirs: str, ours: str) -> str:
    """What certain files lead to."""
    empty = ours in ("NXDOMAIN", "NOERROR")
    file, text = case
    if file == "ads.conf" and _mark(theirs) == _mark(ours) != theirs:
        return "the other of two servers that are equal"
    if "server=" not in text and theirs == "REFUSED":
        return "dnsmasq has nobody to ask"
    if "synth-domain" in text and "ptr=192-168-34-0." in theirs:
        return "a name made of an address, which is dropped"
    if (
        "dnssec\n" in text
        and theirs == "SERVFAIL"
        and any(name == one or name.endswith(f".{one}") for one in _NEVER_OUT)
    ):
        return "a name that never leaves, so there is nothing to prove"
    if empty and any(name == one or name.endswith(f".{one}") for one in DEVICES.get(file, ())):
        return "a name among those of devices, which never leave"
    if "address=/#/" in text and name.endswith((".168.192.in-addr.arpa", "10.in-addr.arpa")) and empty:
        return "a reverse name of a private network is nobody's host (RFC 6303), whatever is said of all names"
    if file == "access-point.conf" and name.endswith(".in-addr.arpa") and empty:
        return "a reverse name has no address"
    if "filter-AAAA" in text and kind == "AAAA" and "cname=" in theirs and empty:
        return "an alias without the records that are filtered"
    devices = [line.split(",") for line in text.splitlines() if line.startswith("dhcp-host=")]
    if any(name.split(".")[0] in fields for fields in devices) and kind in ("A", "AAAA") and theirs == "NXDOMAIN":
        return "a device with an address of its own has its name before it comes"
    if kind == "PTR" and any(
        f"={fields[1]}." in ours or _backwards(name) in fields for fields in devices if len(fields) > 1
    ):
        return "a device with an address of its own has its name before it comes"
    if name == "files.flat.lan" and theirs == "NOERROR cname=nas.flat.lan.":
        return "an alias of a device is its address: a lease is no record"
    return ""


def _of_the_name(name: str, kind: str, theirs: str, ours: str) -> str:
    """What is so in every file."""
    empty = ours in ("NXDOMAIN", "NOERROR")
    outside = (
        any(mark in theirs for mark in ("=93.", "2606:4700", "upstream_", "outside.example")) or theirs == "NXDOMAIN"
    )
    if name == "1.0.0.127.in-addr.arpa" and ours.endswith("ptr=localhost."):
        return "this machine's own name (RFC 6303)"
    if name.startswith("inside.") and ours == "NOERROR":
        return "rebinding: an answer from outside that leads inside"
    if empty and outside and any(name == one or name.endswith(f".{one}") for one in _NEVER_OUT):
        return "a name that never leaves (RFC 6761, 6303)"
    if (empty or ours in ("NOERROR aaaa=::", "NOERROR a=0.0.0.0")) and outside and theirs != "NXDOMAIN":
        return "other kinds of records of a name of ours: dnsmasq asks the upstream"
    if kind == "PTR" and ours.startswith(theirs) and "ptr=" in theirs:
        return "of two names of one address the one with a domain"
    if empty and theirs in ("NXDOMAIN", "NOERROR"):
        return "none, said otherwise"
    if name == "0.0.0.10.in-addr.arpa" and kind == "PTR":
        return "dnsmasq takes 10.in-addr.arpa for the same, and remembers it by the address"
    return ""


def _backwards(name: str) -> str:
    """`4.3.2.1.in-addr.arpa` → `1.2.3.4`."""
    return ".".join(reversed(name.removesuffix(".in-addr.arpa").split(".")))
