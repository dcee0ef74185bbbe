"""What migrators make of what people wrote elsewhere: names of groups, servers, networks, domains."""

import ipaddress
import re
import unicodedata
from collections.abc import Iterable

from anchorhold.config.errors import Wrong
from anchorhold.config.names import Address, Network, read_domain, show_domain
from anchorhold.config.notes import MAX_WORD


def word(text: str, taken: Iterable[str], otherwise: str) -> str:
    """A name for a group out of any text: letters, digits, `-` and `_`, and not one of `taken`."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    base = re.sub(r"[^A-Za-z0-9_]+", "-", plain).strip("-_").lower()[:MAX_WORD].strip("-_") or otherwise
    known = set(taken)
    if base not in known:
        return base
    number = 2
    while f"{base[: MAX_WORD - len(str(number)) - 1]}-{number}" in known:
        number += 1
    return f"{base[: MAX_WORD - len(str(number)) - 1]}-{number}"


def address(text: str) -> Address | None:
    """A literal address, also in brackets; None if it is none."""
    try:
        return ipaddress.ip_address(text.strip().removeprefix("[").removesuffix("]"))
    except ValueError:
        return None


def network(text: str) -> Network | None:
    """A network or an address, bits behind the prefix ignored; None if it is none."""
    try:
        return ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        return None


def domain(text: str) -> str:
    """A domain in small letters without its final dot, `.` for the root; empty if it is none."""
    try:
        return show_domain(read_domain(text.strip())).lower().rstrip(".") or "."
    except Wrong:
        return ""


def is_host_name(text: str) -> bool:
    """Whether it is a name in the letters that hosts have, of at least one letter that is no digit."""
    return re.fullmatch(r"(?=.*[A-Za-z_-])[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?", text) is not None


def show_address(one: Address, port: int | None = None) -> str:
    """The address as it stands in a URL."""
    text = f"[{one}]" if one.version == 6 else str(one)
    return f"{text}:{port}" if port is not None else text


def reverse_zones(one: Network) -> list[str]:
    """The reverse domains that make up a network: several where its prefix does not end at a label."""
    step = 8 if one.version == 4 else 4
    length = -(-one.prefixlen // step) * step
    zones = []
    for part in one.subnets(new_prefix=length) if length > one.prefixlen else [one]:
        labels = part.network_address.reverse_pointer.split(".")
        zones.append(".".join(labels[(part.max_prefixlen - length) // step :]))
    return zones


def without(allowed: list[Network], refused: list[Network]) -> list[Network]:
    """The networks `allowed`, but for what a longer prefix refuses (and not for what a still longer one allows)."""
    result: list[Network] = []
    for net in allowed:
        parts: list[Network] = [net]
        for hole in refused:
            if hole.version == net.version and hole.prefixlen >= net.prefixlen and hole.subnet_of(net):  # type: ignore[arg-type]
                parts = [piece for part in parts for piece in _minus(part, hole)]
        result += parts
    return list(dict.fromkeys(result))


def _minus(part: Network, hole: Network) -> list[Network]:
    if not part.overlaps(hole):
        return [part]
    if part.subnet_of(hole):  # type: ignore[arg-type] # both are of one version
        return []
    return sorted(part.address_exclude(hole))  # type: ignore[arg-type] # likewise
