"""`[secure.acme]` to settings."""

from urllib.parse import urlsplit

from anchorhold.certificates.settings import AcmeSettings, Challenge, UpdateServer
from anchorhold.config.errors import Path, Wrong
from anchorhold.config.names import read_address, read_host
from anchorhold.config.notes import Notes
from anchorhold.config.places import Places
from anchorhold.config.schema_acme import AcmeTable, UpdateTable

PLACE: Path = ("secure", "acme")


def read_acme(table: AcmeTable, notes: Notes, places: Places) -> AcmeSettings:
    """What the table comes to; of use if `notes` stay empty."""
    _check_directory(table.directory, notes)
    for number, text in enumerate(table.contact):
        if not text.startswith("mailto:") or "@" not in text:
            hint = 'write contact = ["mailto:you@example.net"]'
            notes.note((*PLACE, "contact", number), f"{text!r} is no mail address", hint)
    _check_way(table, notes)
    return AcmeSettings(
        directory=table.directory,
        contact=table.contact,
        terms_agreed=table.terms_agreed,
        challenge=table.challenge,
        authorities=places.absolute(table.authorities),
        update=None if table.update is None else _update(table.update, notes, places),
        hook=table.hook,
        wait=table.wait,
    )


def _check_directory(text: str, notes: Notes) -> None:
    try:
        parts = urlsplit(text)
        usable = parts.scheme == "https" and parts.hostname and not parts.username
    except ValueError:
        usable = False
    if not usable:
        hint = "write the https:// URL that your authority names"
        notes.note((*PLACE, "directory"), f"{text!r} is no directory of an authority", hint)


def _check_way(table: AcmeTable, notes: Notes) -> None:
    ways = (table.update is not None) + bool(table.hook)
    if table.challenge is Challenge.DNS and ways != 1:
        what = "update and hook are both there" if ways else "nothing says how the TXT record is set"
        notes.note(PLACE, what, 'write [secure.acme.update], or hook = ["/path/to/program"], one of them')
    if table.challenge is Challenge.HTTP and ways:
        notes.note(PLACE, "update and hook are for dns-01", 'write challenge = "dns-01", or drop them')
    if table.hook and not table.hook[0].startswith("/"):
        notes.note((*PLACE, "hook", 0), f"{table.hook[0]!r} is no whole path", "write /path/to/program")


def _update(table: UpdateTable, notes: Notes, places: Places) -> UpdateServer:
    place = (*PLACE, "update")
    address, zone = table.server, table.zone
    try:
        address = str(read_address(table.server))
    except Wrong as wrong:
        notes.note((*place, "server"), wrong.what, wrong.hint)
    try:
        zone = read_host(table.zone)
    except Wrong as wrong:
        notes.note((*place, "zone"), wrong.what, wrong.hint)
    if not table.key:
        notes.note((*place, "key"), "it is empty", "name the file of the TSIG key")
    return UpdateServer(address, zone, places.absolute(table.key), table.port)
