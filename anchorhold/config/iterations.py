"""Asking authoritative servers ourselves: the root's, and those of stub zones."""

import ipaddress
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from anchorhold.config.errors import Path, Wrong
from anchorhold.config.hints import packaged_hints, read_hints
from anchorhold.config.names import Address, read_address, show_domain
from anchorhold.config.notes import Notes
from anchorhold.config.places import Places, read_port
from anchorhold.config.prefixes import read_translation_prefix
from anchorhold.config.root_zone import read_root_zone
from anchorhold.config.schema import ResolveTable
from resolver.settings import Authority, Family, Iteration

T = TypeVar("T")

ITERATE = "iterate"
"""The iteration that begins at the root; no upstream group may be called so."""

ROOT = b"\0"
"""The folded wire form of the root: every name is at or below it. As a server's name: it is not known."""

_ONLY = {Family.ONLY_IPV4: 4, Family.ONLY_IPV6: 6}


class IterationReader:
    """Makes iterations as routes need them; says what is wrong through `notes`. Equal ones are made once."""

    def __init__(self, table: ResolveTable, notes: Notes, places: Places) -> None:
        self.made: list[Iteration] = []
        self._table = table
        self._notes = notes
        self._places = places
        # Read even if no route needs them: a wrong setting is an error, not a surprise for later.
        self._hints = self._file("root_hints", table.root_hints, read_hints) or packaged_hints()
        self._local_root = self._file("local_root", table.local_root, read_root_zone) or b""
        self._nat64 = self._prefix(table.nat64)
        self._local_root_servers = self._addresses(("resolve", "local_root_servers"), table.local_root_servers)

    def root(self) -> int:
        """The index in `made` of the iteration from the root."""
        if all(made.name != ITERATE for made in self.made):
            place: Path = ("resolve", "root_hints" if self._table.root_hints else "family")
            self._check_family(place, [address for server in self._hints for address in server.addresses])
        return self._add(
            replace(
                self._plain(ITERATE, ROOT, self._hints),
                local_root=self._local_root,
                local_root_servers=self._local_root_servers,
            )
        )

    def authorities(self, path: Path, texts: tuple[str, ...]) -> tuple[str, ...]:
        """The authoritative servers that stand at `path`, as `Authority` has them."""
        addresses = self._addresses(path, texts)
        if addresses:
            self._check_family(path, list(addresses))
        return addresses

    def stub(self, zone: bytes, addresses: tuple[str, ...]) -> int:
        """The index in `made` of the iteration that asks `addresses` (of `authorities`) for `zone`."""
        plain = self._plain("", zone, (Authority(ROOT, addresses),))
        # Whose zone is served inside a network may well have its subzones there.
        inside = any(not _address(text).is_global for text in addresses)
        return self._add(replace(plain, prime=False, private_servers=plain.private_servers or inside))

    def _plain(self, name: str, zone: bytes, servers: tuple[Authority, ...]) -> Iteration:
        table = self._table
        return Iteration(
            name=name,
            zone=zone,
            servers=servers,
            minimisation=table.minimise,
            family=table.family,
            port=table.port,
            private_servers=table.private_servers,
            probe_encryption=table.probe_encryption,
            nat64=self._nat64,
        )

    def _prefix(self, text: str) -> str:
        """The translator's prefix in its usual form; empty if there is none, or, noted, a wrong one."""
        if not text:
            return ""
        path: Path = ("resolve", "nat64")
        if self._table.family is Family.ONLY_IPV4:
            self._notes.note(path, "it turns IPv4 into IPv6, and family is only-ipv4", "drop one of them")
        try:
            return str(read_translation_prefix(text))
        except Wrong as wrong:
            self._notes.note(path, wrong.what, wrong.hint)
        return ""

    def _add(self, iteration: Iteration) -> int:
        """Its index, or that of the equal one; a nameless one gets a name nobody else has."""
        for index, other in enumerate(self.made):
            if replace(other, name=iteration.name) == iteration:
                return index
        named = iteration if iteration.name else replace(iteration, name=self._free_name(iteration.zone))
        self.made.append(named)
        return len(self.made) - 1

    def _free_name(self, zone: bytes) -> str:
        """`stub:corp.example.`, the next one for other servers `stub:corp.example.#2`. No upstream group has a colon."""
        wanted = f"stub:{show_domain(zone)}"
        taken = [other.zone for other in self.made if not other.prime].count(zone)
        return f"{wanted}#{taken + 1}" if taken else wanted

    def _addresses(self, path: Path, texts: tuple[str, ...]) -> tuple[str, ...]:
        addresses: dict[str, Path] = {}
        for place, address in self._notes.each(path, texts, read_authority):
            if address in addresses:
                self._notes.note(place, f"{address} is there twice", "drop one")
            addresses.setdefault(address, place)
        return tuple(addresses)

    def _check_family(self, path: Path, addresses: list[str]) -> None:
        version = None if self._nat64 else _ONLY.get(self._table.family)
        if version is not None and all(_address(text).version != version for text in addresses):
            self._notes.note(
                path,
                f"none of these servers has an IPv{version} address, and no other may be asked",
                f"add one, or change family in [resolve] (now {self._table.family.value})",
            )

    def _file(self, key: str, file: str, read: Callable[[str], T]) -> T | None:
        """What `read` makes of the text in `file`; None if there is none or, then noted, it is of no use."""
        if not file:
            return None
        path: Path = ("resolve", key)
        place = self._places.absolute(file)
        try:
            return read(self._places.read_file(place).decode("utf-8"))
        except OSError as error:
            self._notes.note(path, f"cannot read {place}: {error.strerror}", "correct the path or its permissions")
        except UnicodeDecodeError:
            self._notes.note(path, f"{place} is no text", "it must be a master file (RFC 1035 §5) in UTF-8")
        except Wrong as wrong:
            self._notes.note(path, f"{place}: {wrong.what}", wrong.hint)
        return None


def read_authority(text: str) -> str:
    """`ADDRESS` or `ADDRESS@PORT` from these, from `ADDRESS:PORT` or from `[IPv6]:PORT`. Raises Wrong."""
    host, port = _split(text)
    address = read_address(host)
    if address.is_multicast or address.is_unspecified:
        raise Wrong(f"{address} is no server's address", "write the address of one server")
    if port is None:
        return str(address)
    number = read_port(port)
    if not number:
        raise Wrong("no server has port 0", "a number from 1 to 65535")
    return f"{address}@{number}"


def _split(text: str) -> tuple[str, str | None]:
    host, at, port = text.partition("@")
    if at:
        return host.removeprefix("[").removesuffix("]"), port
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise Wrong(f"{text!r} is no address with a port", "write [2001:db8::1]:5353 or 2001:db8::1@5353")
        return host, rest[1:] if rest else None
    if text.count(":") == 1:
        host, _, port = text.partition(":")
        return host, port
    return text, None


def _address(text: str) -> Address:
    return ipaddress.ip_address(text.partition("@")[0])
