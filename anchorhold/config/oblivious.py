"""Oblivious DoH in the configuration: `odoh://` targets, their relays, and where their keys come from (RFC 9230)."""

from collections.abc import Callable
from dataclasses import replace

from anchorhold.config.errors import Path, Wrong
from anchorhold.config.names import read_host
from anchorhold.config.places import Places
from anchorhold.config.schema import ServerTable
from anchorhold.config.servers import DEFAULT_PATH, OBLIVIOUS, operator_of, read_server
from anchorhold.config.stamped import stamp_url
from privacy.odoh import WELL_KNOWN, parse_configs
from resolver.settings import HttpMethod, ObliviousTarget, UpstreamSpec
from wire.errors import Malformed

Note = Callable[[Path, str, str], None]

PREFIX = f"{OBLIVIOUS}://"
RELAY = "relay"
"""Instead of a file: the relay is asked for the keys."""

PORT = 443


def is_oblivious(url: str) -> bool:
    """Whether this is an `odoh://` URL, or a stamp for a target."""
    if not url.startswith("sdns:"):
        return url.lower().startswith(PREFIX)
    try:
        return stamp_url(url).startswith(PREFIX)
    except Wrong:
        return False


class ObliviousReader:
    """Reads servers that are asked through a relay; says what is wrong through `note`."""

    def __init__(self, note: Note, places: Places) -> None:
        self._note = note
        self._places = places

    def server(self, path: Path, table: ServerTable, relay: UpstreamSpec | None) -> UpstreamSpec | None:
        """The target of `table` behind `relay` (None if it is not there or wrong, then that is noted already)."""
        try:
            target = read_target(table.url)
        except Wrong as wrong:
            self._note(path, wrong.what, wrong.hint)
            return None
        if not table.relay:
            self._note(
                path,
                "odoh:// without a relay: asked directly, the target would see who asks",
                'add relay = "https://NAME@ADDRESS/PATH" of somebody else',
            )
        if relay is None or not self._check_relay(path, table, relay, target):
            return None
        host = target.host.partition(":")[0]
        return replace(
            relay,
            scheme=OBLIVIOUS,
            operator=table.operator or operator_of(host),
            method=HttpMethod.POST,
            target=self._with_keys(path, table, relay, target),
        )

    def _check_relay(self, path: Path, table: ServerTable, relay: UpstreamSpec, target: ObliviousTarget) -> bool:
        if relay.scheme != "https":
            why = f"a relay is asked over https:// (HTTP/2), not over {relay.scheme}://"
            self._note((*path, "relay"), why, "write https://NAME@ADDRESS/PATH")
            return False
        if table.method is not HttpMethod.POST:
            self._note((*path, "method"), "sealed questions are posted (RFC 9230 §4.1)", "drop it")
        host = target.host.partition(":")[0]
        if host == relay.name or operator_of(host) == operator_of(relay.name):
            why = f"target and relay are both of {operator_of(host)}"
        elif _is_one(table.operator or operator_of(host), table.relay_operator or operator_of(relay.name)):
            why = f"target and relay are both run by {table.operator or operator_of(host)}"
        else:
            return True
        self._note(
            (*path, "relay"),
            f"{why}: one operator would see who asks and what is asked",
            "take a relay that somebody else runs",
        )
        return False

    # keys

    def _with_keys(
        self, path: Path, table: ServerTable, relay: UpstreamSpec, target: ObliviousTarget
    ) -> ObliviousTarget:
        places = [("keys", table.keys)] + ([("keys_check", table.keys_check)] if table.keys_check else [])
        if len({where for _, where in places}) < len(places):
            self._note((*path, "keys_check"), "the same place twice proves nothing", "name another one, or drop it")
        keys, sources = b"", []
        for key, where in places:
            if where == RELAY:
                sources.append(replace(relay, path=WELL_KNOWN, method=HttpMethod.GET))
            elif "://" in where:
                sources += self._source((*path, key), table, where, target)
            elif keys:
                self._note((*path, "keys_check"), "two files prove nothing", "name a server, or drop it")
            else:
                keys = self._file((*path, key), where)
        return replace(target, keys=keys, sources=tuple(sources))

    def _source(self, path: Path, table: ServerTable, url: str, target: ObliviousTarget) -> list[UpstreamSpec]:
        """A server that is asked for the keys: never the target, which would see who asks and could give each its own key."""
        try:
            spec = read_server(url)
        except Wrong as wrong:
            self._note(path, wrong.what, wrong.hint)
            return []
        host = target.host.partition(":")[0]
        if spec.scheme != "https":
            self._note(path, f"{spec.scheme}:// serves no keys", "write https://NAME@ADDRESS")
        elif operator_of(host) == operator_of(spec.name) or _is_one(table.operator, spec.operator):
            self._note(
                path,
                "the keys would be fetched from the target's own operator, who would see who asks",
                'write "relay", a file, or a server of somebody else',
            )
        else:
            place = WELL_KNOWN if spec.path == DEFAULT_PATH else spec.path
            return [replace(spec, path=place, method=HttpMethod.GET)]
        return []

    def _file(self, path: Path, file: str) -> bytes:
        place = self._places.absolute(file)
        hint = f"fetch it from the target's {WELL_KNOWN}, over a way that hides you"
        try:
            data = self._places.read_file(place)
            if not parse_configs(data):
                self._note(path, f"{place} holds no key for X25519, HKDF-SHA256 and AES-128-GCM", hint)
            return data
        except OSError as error:
            self._note(path, f"cannot read {place}: {error.strerror}", "correct the path or its permissions")
        except Malformed as error:
            self._note(path, f"{place} holds no ObliviousDoHConfigs: {error.what}", hint)
        return b""


def read_target(text: str) -> ObliviousTarget:
    """The target of `odoh://NAME[:PORT][/PATH]` or of a stamp, without keys. Raises Wrong."""
    url = stamp_url(text) if text.startswith("sdns:") else text
    authority, slash, path = url[len(PREFIX) :].partition("/")
    hint = "write odoh://NAME/PATH"
    if "@" in authority:
        raise Wrong(f"{text!r} has an address, but a target is never connected to", hint)
    if any(letter in authority + path for letter in " \t#\\?{}") or not url.isprintable() or not url.isascii():
        raise Wrong(f"{text!r} holds a letter that no target has", hint)
    name, colon, port = authority.partition(":")
    if not name:
        raise Wrong(f"{text!r} names no target", hint)
    if colon and not (port.isdigit() and 0 < int(port[:6]) < 65_536):
        raise Wrong(f"{port!r} is no port", "a number from 1 to 65535")
    host = read_host(name)
    where = f"{host}:{int(port)}" if colon and int(port) != PORT else host
    return ObliviousTarget(where, slash + path if path else DEFAULT_PATH)


def _is_one(one: str, other: str) -> bool:
    return bool(one) and one.casefold() == other.casefold()
