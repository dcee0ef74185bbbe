"""`[lists.NAME]`: where a list comes from (for the lists cell), and what it is used for (for the resolver)."""

from base64 import b64decode

from anchorhold.config.errors import Path, Wrong
from anchorhold.config.names import read_domain_if_any
from anchorhold.config.notes import Notes
from anchorhold.config.places import Places
from anchorhold.config.refusals import read_refusal
from anchorhold.config.schema import ConfigFile
from anchorhold.config.schema_policy import ListTable
from anchorhold.lists.settings import ListSource, ListsSettings
from anchorhold.lists.urls import is_at_home, read_list_url
from resolver.policy_settings import ListUse, Refusal
from wire.dns.names import is_below

MAX_LISTS = 200
MAX_TEXT = 100 * 1024 * 1024
"""Octets of all local lists together."""

FORMATS = ("auto", "hosts", "domains", "wildcards", "regex", "adblock", "rpz", "dnsmasq")
"""As in `privacy.lists.formats`, whose parsers the loader has no use for."""

_KEY_LENGTH = 42
"""minisign: algorithm 2, key id 8, Ed25519 key 32 octets."""


def read_sources(
    config: ConfigFile, notes: Notes, places: Places, generation: int, protected: tuple[bytes, ...]
) -> ListsSettings | None:
    """Where the lists come from; None without any. What is wrong goes to `notes`."""
    if not config.lists:
        return None
    if len(config.lists) > MAX_LISTS:
        notes.note(("lists",), f"{len(config.lists)} lists", f"at most {MAX_LISTS}")
    own = tuple(read_domain_if_any(table.zone) for table in config.local)
    reader = _SourceReader(notes, places, tuple(zone for zone in own if zone))
    sources = tuple(reader.source(name, table) for name, table in config.lists.items())
    if sum(len(source.text) for source in sources) > MAX_TEXT:
        notes.note(
            ("lists",), f"the files of lists are larger than {MAX_TEXT} octets together", "use fewer or shorter ones"
        )
    return ListsSettings(generation, sources, protected)


def read_uses(config: ConfigFile, notes: Notes, clients: tuple[str, ...]) -> tuple[ListUse, ...]:
    """What they are used for."""
    return tuple(_use(config, notes, clients, name, table) for name, table in config.lists.items())


def _use(config: ConfigFile, notes: Notes, clients: tuple[str, ...], name: str, table: ListTable) -> ListUse:
    path: Path = ("lists", name)
    schedule = notes.known((*path, "schedule"), table.schedule, config.schedules, "schedule") if table.schedule else -1
    refusal = notes.one((*path, "answer"), table.answer, read_refusal, Refusal())
    groups = notes.groups((*path, "clients"), table.clients, clients)
    # What lies on this machine is the user's own; what comes from elsewhere must not lead anybody anywhere unasked.
    redirect = bool(table.file) if table.redirect is None else table.redirect
    return ListUse(name, groups, table.allow, schedule, refusal, redirect, table.url or table.file)


class _SourceReader:
    """`zones`: folded names of the local zones; what is at or below them is at home."""

    def __init__(self, notes: Notes, places: Places, zones: tuple[bytes, ...]) -> None:
        self._notes = notes
        self._places = places
        self._zones = zones

    def source(self, name: str, table: ListTable) -> ListSource:
        path: Path = ("lists", name)
        self._notes.word(path, name, "list")
        if bool(table.url) == bool(table.file):
            what = "both url and file" if table.url else "neither url nor file"
            self._notes.note(path, f"the list has {what}", "write one of them")
        self._notes.known((*path, "format"), table.format, FORMATS, "format")
        private = self._check_url((*path, "url"), table.url) if table.url else False
        if table.signature:
            self._check_url((*path, "signature"), table.signature)
        key = self._key(path, table)
        return ListSource(
            name=name,
            url=table.url,
            private=private,
            text=self._text((*path, "file"), table.file) if table.file else b"",
            format=table.format,
            refresh=table.refresh,
            max_size=table.max_size,
            public_key=key,
            signature_url=(table.signature or f"{table.url}.minisig") if key else "",
            fuse=table.fuse,
        )

    def _check_url(self, path: Path, url: str) -> bool:
        """Whether its host is at home."""
        place = self._notes.one(path, url, read_list_url, None)
        if place is None:
            return False
        host, name = place.host, read_domain_if_any(place.host)
        return is_at_home(host) or any(zone != b"\0" and is_below(name, zone) for zone in self._zones)

    def _key(self, path: Path, table: ListTable) -> bytes:
        if not table.public_key:
            if table.signature:
                self._notes.note((*path, "signature"), "a signature without a key", "write public_key, or drop it")
            return b""
        if table.file:
            self._notes.note((*path, "public_key"), "a key for a local file", "drop it; it is for lists with a url")
        return self._notes.one((*path, "public_key"), table.public_key, read_public_key, b"")

    def _text(self, path: Path, file: str) -> bytes:
        try:
            return self._places.read_file(self._places.absolute(file))
        except OSError as error:
            self._notes.note(path, f"{file}: {error.strerror}", "correct the path, or the file's permissions")
            return b""


def read_public_key(text: str) -> bytes:
    """minisign's public key, as its file's second line or `minisign -P` has it. Raises Wrong."""
    try:
        key = b64decode(text.strip(), validate=True)
    except ValueError:
        key = b""
    if len(key) != _KEY_LENGTH or not key.startswith(b"Ed"):
        raise Wrong(f"{text!r} is no public key of minisign", "the line of 56 letters that begins with RW")
    return key
