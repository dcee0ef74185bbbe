"""What the certificate of `[secure]` is to be for, and where it comes from."""

from collections.abc import Sequence

from anchorhold.certificates.settings import DEFAULT_NAME, AcmeSettings, Kind, RenewSettings
from anchorhold.certificates.subjects import read_name
from anchorhold.config.acme import read_acme
from anchorhold.config.errors import Path, Wrong
from anchorhold.config.names import read_host
from anchorhold.config.notes import Notes
from anchorhold.config.places import Places
from anchorhold.config.schema_secure import SecureTable
from anchorhold.config.service import ListenAddress


def renewal(table: SecureTable, addresses: Sequence[ListenAddress], notes: Notes, places: Places) -> RenewSettings:
    """What the hourly run is told; `addresses` are all that we listen at. What is wrong is noted."""
    kind = table.certificate
    acme = _acme(table, kind, notes, places)
    if kind is Kind.FILES:
        return RenewSettings(kind, _names(table, kind, notes), chain=places.absolute(table.chain))
    literal = dict.fromkeys(one.host.partition("%")[0] for one in addresses if not one.wildcard)
    everywhere = any(one.wildcard for one in addresses)
    return RenewSettings(kind, _names(table, kind, notes), tuple(literal), table.days, acme=acme, machine=everywhere)


def _acme(table: SecureTable, kind: Kind, notes: Notes, places: Places) -> AcmeSettings | None:
    if table.acme is None:
        if kind is Kind.ACME:
            hint = 'write [secure.acme] with directory = "https://…", or certificate = "private"'
            notes.note(("secure", "certificate"), "no authority is named", hint)
        return None
    if kind is not Kind.ACME:
        notes.note(("secure", "acme"), f'it is for certificate = "acme", not "{kind.value}"', "drop one of them")
    return read_acme(table.acme, notes, places)


def _names(table: SecureTable, kind: Kind, notes: Notes) -> tuple[str, ...]:
    """Our name; with labels that lead it also what is one label below."""
    path: Path = ("secure", "name")
    if not table.name:
        if kind is Kind.ACME:
            notes.note(path, "an authority signs for a name", 'write name = "dns.example.net", one that is yours')
        return (DEFAULT_NAME,) if kind is Kind.PRIVATE else ()
    try:
        name = read_host(table.name)
    except Wrong:
        # `SecureReader` says so.
        return ()
    try:
        read_name(name)
    except ValueError as error:
        what, _, hint = str(error).partition("; ")
        notes.note(path, what, hint)
    return (name, f"*.{name}") if table.clients else (name,)
