"""`[secure]` to settings: what is served where, and by which certificate."""

import re
from collections.abc import Sequence
from ipaddress import ip_address

from anchorhold.certificates.settings import Kind
from anchorhold.config.certificate import renewal
from anchorhold.config.errors import Path, Wrong
from anchorhold.config.names import read_host
from anchorhold.config.notes import Notes
from anchorhold.config.places import Places, read_listen
from anchorhold.config.schema_secure import SecureTable
from anchorhold.config.service import ListenAddress, SecureService, ServedAddress, share
from resolver.settings import FrontSettings, SecureSettings, Served

_SCHEMES = {served.value: served for served in Served}
PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")
"""Of what is served over HTTPS."""
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


class SecureReader:
    """One pass over the table. What is made is of use if `notes` stay empty."""

    def __init__(self, table: SecureTable, notes: Notes, places: Places) -> None:
        self._table = table
        self._notes = notes
        self._places = places

    def settings(self, front: FrontSettings, cores: int) -> SecureSettings:
        """What the cell gets; what clients are told of it comes later, into `front`."""
        table = self._table
        if table.connections_per_address > table.connections:
            path: Path = ("secure", "connections_per_address")
            self._notes.note(path, "it is above connections", "lower it or raise connections")
        return SecureSettings(
            front=front,
            name=self._name(),
            path=self._path("path", table.path),
            idle=table.idle,
            connections=share(table.connections, cores),
            connections_per_address=table.connections_per_address,
            streams=table.streams,
            identities=self._identities([group.name for group in front.client_groups]),
        )

    def service(self, clear: Sequence[ListenAddress]) -> SecureService:
        """What the supervisor gets; `clear` is where we listen without encryption."""
        path: Path = ("secure", "listen")
        addresses = self._notes.each(path, self._table.listen, read_served)
        if not self._table.listen:
            self._notes.note(
                path, "there is nowhere to listen", 'write listen = ["tls://192.168.1.1"], or drop [secure]'
            )
        taken = {(stream, address.host, address.port) for address in clear for stream in (True, False)}
        for place, served in addresses:
            where = (served.served.stream, served.address.host, served.address.port)
            if where in taken and served.address.port:
                transport = "TCP" if served.served.stream else "UDP"
                text = f"{served.address.text()} ({transport}) is there twice"
                self._notes.note(place, text, "drop one, or give it another port")
            taken.add(where)
        chain, key = self._files()
        listen = tuple(served for _, served in addresses)
        # Whoever asks in clear text may be shown to us there, and wants that address in the certificate (RFC 9462 §4.2).
        wanted = renewal(self._table, [*(served.address for served in listen), *clear], self._notes, self._places)
        return SecureService(listen, wanted, chain, key)

    def _name(self) -> str:
        if not self._table.name:
            return ""
        try:
            return read_host(self._table.name)
        except Wrong as wrong:
            self._notes.note(("secure", "name"), wrong.what, wrong.hint)
            return ""

    def _path(self, field: str, text: str) -> str:
        if PATH.fullmatch(text) is None:
            hint = "write one such as /dns-query, without {?dns}"
            self._notes.note(("secure", field), f"{text!r} is no path", hint)
        return text

    def _files(self) -> tuple[str, str]:
        """Paths of chain and key; empty if they are ours to make."""
        table = self._table
        for field, text in (("chain", table.chain), ("key", table.key)):
            path: Path = ("secure", field)
            if table.certificate is Kind.FILES and not text:
                self._notes.note(path, "it is missing", f'write {field} = "PATH", or certificate = "private"')
            elif table.certificate is not Kind.FILES and text:
                hint = 'write certificate = "files", or drop the line'
                self._notes.note(path, f"certificate = {table.certificate.value!r} makes its own", hint)
        return self._places.absolute(table.chain), self._places.absolute(table.key)

    def _identities(self, groups: list[str]) -> tuple[tuple[str, int], ...]:
        found = []
        for label, group in self._table.clients.items():
            path: Path = ("secure", "clients", label)
            if _LABEL.fullmatch(label) is None:
                hint = "up to 63 small letters, digits and - within: it stands in a host name"
                self._notes.note(path, f"{label!r} is no label", hint)
            found.append((label, self._notes.known(path, group, groups, "client group")))
        return tuple(found)


def read_served(text: str) -> ServedAddress:
    """`SCHEME://ADDRESS[:PORT]`. Raises Wrong."""
    scheme, separator, place = text.partition("://")
    served = _SCHEMES.get(scheme)
    if not separator or served is None:
        schemes = ", ".join(f"{one}://" for one in _SCHEMES)
        raise Wrong(f"{text!r} says not what is served", f"write tls://192.168.1.1; there are {schemes}")
    address = read_listen(place.removesuffix("/"), served.port)
    # The literal, so that two ways to write one address are one.
    return ServedAddress(served, ListenAddress(str(ip_address(address.host)), address.port))
