"""Domain names and networks as people write them in the configuration."""

import ipaddress

import dns.exception
import dns.name

from anchorhold.config.errors import Wrong

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def read_domain(text: str) -> bytes:
    """The folded wire form of a name; "." is the root, other letters by IDNA 2008 with UTS 46. Raises Wrong."""
    if not text:
        raise Wrong("an empty name", "write a domain such as corp.example, or . for all names")
    codec = dns.name.IDNA_2008_UTS_46 if dns.name.have_idna_2008 else None
    if codec is None and not text.isascii():
        raise Wrong(f"{text!r} holds letters beyond ASCII", "write it in its ASCII form, xn--…")
    try:
        name = dns.name.from_text(text, idna_codec=codec)
        return name.canonicalize().to_digestable()
    except (dns.exception.DNSException, UnicodeError) as error:
        raise Wrong(f"{text!r} is no domain name ({error})", "write a domain such as corp.example") from None


def read_domain_if_any(text: str) -> bytes:
    """The same; empty where it is no name, which whoever reads the value itself says."""
    try:
        return read_domain(text)
    except Wrong:
        return b""


def show_domain(name: bytes) -> str:
    """A folded name as text, with its final dot."""
    return dns.name.from_wire(name, 0)[0].to_text()


def read_host(text: str) -> str:
    """The name of a server: lower-case, ASCII, no dot at the end, as certificates have it. Raises Wrong."""
    wire = read_domain(text)
    name = dns.name.from_wire(wire, 0)[0].to_text(omit_final_dot=True)
    if "\\" in name or "_" in name or " " in name or name == ".":
        raise Wrong(f"{text!r} is no host name", "write a name such as dns.example")
    return name


def read_address(text: str) -> Address:
    """A literal address. Raises Wrong."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        raise Wrong(f"{text!r} is no IP address", "write a literal one such as 192.0.2.53 or 2001:db8::53") from None


def overlap(one: Network, other: Network) -> bool:
    """True if they share an address."""
    return one.version == other.version and one.overlaps(other)


def read_network(text: str) -> Network:
    """A network or a single address; bits beyond the prefix must be zero. Raises Wrong."""
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        pass
    try:
        meant = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise Wrong(f"{text!r} is no network", "write one such as 192.168.1.0/24 or fd00::/8") from None
    raise Wrong(f"{text!r} has bits set behind its prefix", f"write {meant}")
