"""Client groups by device: names of `[[dhcp.host]]`, which nobody else can claim, as the dhcp cell tells them of addresses."""

from collections.abc import Sequence
from dataclasses import replace

from anchorhold.config.errors import Path
from anchorhold.config.lease_names import domains_of
from anchorhold.config.names import read_domain
from anchorhold.config.notes import Notes
from anchorhold.config.routes import DEFAULT
from anchorhold.config.schema import ConfigFile
from dhcp.settings import DhcpSettings
from resolver.settings import ClientGroup


def with_devices(
    groups: Sequence[ClientGroup], config: ConfigFile, dhcp: DhcpSettings | None, notes: Notes
) -> tuple[ClientGroup, ...]:
    """The groups with the names of their devices, in every domain that leases have. What is wrong goes to `notes`."""
    domains = () if dhcp is None else domains_of(dhcp)
    known = [] if dhcp is None else [one.name for one in dhcp.reservations if one.name]
    owners: dict[str, str] = {}
    found = []
    for group in groups:
        table = config.clients.get(group.name)
        names = () if table is None else table.devices
        for position, name in enumerate(names):
            path: Path = ("clients", group.name, "devices", position)
            _check(path, name.lower(), group.name, known, dhcp, owners, notes)
        devices = [f"{name.lower()}.{domain}" for name in names if name.lower() in known for domain in domains]
        found.append(replace(group, devices=tuple(map(read_domain, devices))))
    return tuple(found)


def _check(
    path: Path, name: str, group: str, known: list[str], dhcp: DhcpSettings | None, owners: dict[str, str], notes: Notes
) -> None:
    if dhcp is None:
        notes.note(path, "without [dhcp] no device is known by its name", "write networks, or [dhcp]")
        return
    notes.known(path, name, known, "name in [[dhcp.host]]")
    if not dhcp.names:
        notes.note(path, "the dhcp cell tells no names", "write names = true in [dhcp]")
    if group == DEFAULT:
        notes.note(path, "the default group has no devices", "it takes whoever no other group names; drop the line")
    owner = owners.setdefault(name, group)
    if owner != group:
        notes.note(path, f"{name} is in group {owner} already", "leave it in one group")
