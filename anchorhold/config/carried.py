"""`[secure.odoh]` to settings: what our relay carries to whom, and what our target is called (RFC 9230)."""

from collections.abc import Callable
from dataclasses import replace

from anchorhold.config.errors import Path
from anchorhold.config.schema import ServerTable
from anchorhold.config.schema_oblivious import CarriedTable, OdohTable
from anchorhold.config.schema_secure import SecureTable
from anchorhold.config.secure import PATH
from anchorhold.config.servers import operator_of
from privacy.odoh import WELL_KNOWN
from resolver.settings import CarriedTarget, SecureSettings, UpstreamSpec

Note = Callable[[Path, str, str], None]
Read = Callable[[Path, ServerTable], UpstreamSpec | None]
"""Reads a server that is connected to, and notes what is wrong with it."""

PLACE: Path = ("secure", "odoh")

MAX_TARGETS = 1_000
"""Targets travel as 16 bits."""


def read_carried(secure: SecureTable, note: Note, read: Read) -> tuple[CarriedTarget, ...]:
    """The targets of the relay. What is wrong is noted."""
    table, name = secure.odoh or OdohTable(), secure.name
    if not table.relay and table.targets:
        note((*PLACE, "targets"), "nothing is carried without a relay", "write relay = true, or drop the line")
        return ()
    if table.relay and not table.targets:
        hint = 'write targets = ["https://NAME@ADDRESS/PATH"]'
        note((*PLACE, "targets"), "a relay without targets carries nothing", hint)
    if len(table.targets) > MAX_TARGETS:
        note((*PLACE, "targets"), f"{len(table.targets)} targets", f"at most {MAX_TARGETS}")
    found: list[CarriedTarget] = []
    for position, one in enumerate(table.targets):
        path: Path = (*PLACE, "targets", position)
        target = _read_one(path, one, name, note, read)
        if target is None:
            continue
        if called(target) in map(called, found):
            note(path, f"{target.spec.label} is there twice", "drop one")
        found.append(target)
    return tuple(found)


def served(
    settings: SecureSettings, secure: SecureTable, carried: tuple[CarriedTarget, ...], note: Note
) -> SecureSettings:
    """What the cell gets: `settings` with this table."""
    table = secure.odoh or OdohTable()
    if (table.target or table.relay) and not any(text.startswith(("https:", "h3:")) for text in secure.listen):
        hint = 'add "https://ADDRESS" to listen in [secure]'
        note(PLACE, "it is served over HTTPS, but nothing listens for that", hint)
    paths = {"path": settings.path}
    for used, key, path in (
        (table.target, "target_path", table.target_path),
        (table.relay, "relay_path", table.relay_path),
    ):
        if used and PATH.fullmatch(path) is None:
            note((*PLACE, key), f"{path!r} is no path", "write one such as /odoh")
        if used and path in (*paths.values(), WELL_KNOWN):
            note((*PLACE, key), f"something else is at {path} already", "write another path")
        paths[key] = path if used else ""
    return replace(
        settings,
        odoh_target=table.target,
        odoh_path=table.target_path,
        odoh_relay=table.relay,
        odoh_relay_path=table.relay_path,
        odoh_targets=tuple(map(called, carried)),
    )


def called(target: CarriedTarget) -> tuple[str, str]:
    """What a client says to mean it: host (with its port, if that is not 443) and path."""
    spec = target.spec
    host = f"[{spec.name}]" if ":" in spec.name else spec.name
    return host if spec.port == 443 else f"{host}:{spec.port}", spec.path


def _read_one(path: Path, one: CarriedTable, name: str, note: Note, read: Read) -> CarriedTarget | None:
    spec = read(path, ServerTable(one.url, pins=one.pins, ca_file=one.ca_file, bootstrap=one.bootstrap))
    if spec is None:
        return None
    if spec.scheme != "https":
        note(path, f"{spec.scheme}:// is no target", "write https://NAME@ADDRESS/PATH")
        return None
    if name and operator_of(spec.name) == operator_of(name):
        note(path, f"{spec.name} is of the same operator as {name}", "carry to somebody else's target")
    return CarriedTarget(spec, one.private)
