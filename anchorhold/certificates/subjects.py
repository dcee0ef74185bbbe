"""The names and addresses that a certificate is for: read, compared, and what an authority may sign. Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from cryptography import x509

from resolver.designated import PRIVATE

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})+")

MOST = 100
"""Names and addresses of one certificate."""

_GLOBAL = ip_network("2000::/3")
"""Global unicast: the only addresses whose /64 is one network of one owner (RFC 4291 §2.5.4)."""

_EVERYTHING: tuple[Network, ...] = (ip_network("0.0.0.0/0"), ip_network("::/0"))


@dataclass(frozen=True, slots=True)
class Subjects:
    """What one certificate is for: names in lower case without a dot at the end, in their order, and addresses."""

    names: tuple[str, ...]
    addresses: tuple[Address, ...] = ()

    def plus(self, addresses: Iterable[Address]) -> "Subjects":
        """With further addresses."""
        return Subjects(self.names, tuple(dict.fromkeys((*self.addresses, *addresses))))


def read_subjects(names: Sequence[str], addresses: Sequence[str]) -> Subjects:
    """The checked form; doubles are dropped, zones of addresses too. Raises ValueError, whose text says what to do."""
    found = Subjects(tuple(dict.fromkeys(map(read_name, names))), tuple(dict.fromkeys(map(_read_address, addresses))))
    if len(found.names) + len(found.addresses) > MOST:
        raise ValueError(f"more than {MOST} names and addresses; name fewer")
    if not found.names:
        raise ValueError("a certificate needs a name; write one, such as dns.home.arpa")
    return found


def read_name(text: str) -> str:
    """A host name of at least two labels (letters, digits, hyphens; RFC 1123 §2.1), also `*.` and one. Raises ValueError."""
    name = text.lower().removesuffix(".")
    if len(name) > 253 or not _NAME.fullmatch(name) or name.rpartition(".")[2].isdigit():
        raise ValueError(f"{text!r} is no host name for a certificate; write one like dns.home.arpa, in ASCII")
    return name


def _read_address(text: str) -> Address:
    try:
        return ip_address(text.partition("%")[0])
    except ValueError:
        raise ValueError(f"{text!r} is no address; write a literal one, such as 192.168.1.1") from None


def subjects_of(certificate: x509.Certificate) -> Subjects:
    """What `certificate` says of itself (subjectAltName only, RFC 9525 §2); entries of other kinds are left out."""
    try:
        entries = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return Subjects(())
    addresses = entries.get_values_for_type(x509.IPAddress)
    return Subjects(
        tuple(name.lower() for name in entries.get_values_for_type(x509.DNSName)),
        tuple(one for one in addresses if isinstance(one, IPv4Address | IPv6Address)),
    )


def general_names(subjects: Subjects) -> list[x509.GeneralName]:
    """As entries of subjectAltName (RFC 5280 §4.2.1.6)."""
    return [*map(x509.DNSName, subjects.names), *map(x509.IPAddress, subjects.addresses)]


def is_covered(name: str, by: Iterable[str]) -> bool:
    """Whether one of `by` is `name`, or a wildcard for its first label (RFC 9525 §6.3)."""
    rest = name.partition(".")[2]
    return any(one == name or (one.startswith("*.") and one[2:] == rest and not name.startswith("*")) for one in by)


def lacking(wanted: Subjects, found: Subjects) -> list[str]:
    """Those of `wanted` that a certificate for `found` is not good for, as text."""
    names = [name for name in wanted.names if not is_covered(name, found.names)]
    return names + [str(one) for one in wanted.addresses if one not in found.addresses]


def bases_of(names: Iterable[str]) -> tuple[str, ...]:
    """The subtrees that names are in: each name without `*.`, and none that lies below another of them."""
    bases = dict.fromkeys(name.removeprefix("*.") for name in names)
    return tuple(one for one in bases if not any(one.endswith(f".{other}") for other in bases))


def constraints_for(subjects: Subjects) -> x509.NameConstraints:
    """What an authority for `subjects` may sign and no more (RFC 5280 §4.2.1.10).

    The names and what is below them; of each address its private network, for a global one itself (IPv4) or its /64. A
    kind of address that is not there at all is excluded: without any constraint of a kind, all of that kind is permitted.
    """
    networks = tuple(dict.fromkeys(map(_network_for, subjects.addresses)))
    missing = [one for one in _EVERYTHING if not any(network.version == one.version for network in networks)]
    permitted: list[x509.GeneralName] = [*map(x509.DNSName, bases_of(subjects.names)), *map(x509.IPAddress, networks)]
    return x509.NameConstraints(permitted, [x509.IPAddress(one) for one in missing] or None)


def _network_for(address: Address) -> Network:
    """All of a private network: a home that is numbered anew shall not need new trust on every device."""
    for network in PRIVATE:
        if address in network:
            return network
    return ip_network((address, 64 if address in _GLOBAL else address.max_prefixlen), strict=False)


def refused_by(constraints: x509.NameConstraints, subjects: Subjects) -> list[str]:
    """Those of `subjects`, as text, that `constraints` do not permit."""
    permitted = constraints.permitted_subtrees or []
    bases = [one.value for one in permitted if isinstance(one, x509.DNSName)]
    networks = [one.value for one in permitted if isinstance(one, x509.IPAddress)]
    names = [
        name for name in subjects.names if not any(f".{name.removeprefix('*.')}".endswith(f".{base}") for base in bases)
    ]
    outside = [
        str(one)
        for one in subjects.addresses
        if not any(isinstance(network, IPv4Network | IPv6Network) and one in network for network in networks)
    ]
    return names + outside


def permitted(authority: x509.Certificate, addresses: Iterable[Address]) -> tuple[Address, ...]:
    """Those that `authority` may sign for."""
    constraints = authority.extensions.get_extension_for_class(x509.NameConstraints).value
    return tuple(one for one in addresses if not refused_by(constraints, Subjects((), (one,))))


def is_lasting(address: Address) -> bool:
    """Whether an address of this machine is one that devices may be told: of a private network, and not of one link only."""
    return any(address in network for network in PRIVATE) and not address.is_link_local and not address.is_loopback
