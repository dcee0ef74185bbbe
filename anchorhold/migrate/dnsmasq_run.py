"""What the families of dnsmasq's keywords share while one configuration is migrated."""

from collections.abc import Callable
from dataclasses import dataclass, field

from anchorhold.config.names import Address, Network
from anchorhold.migrate import Migration
from anchorhold.migrate.dnsmasq_file import Option, Reading
from anchorhold.migrate.draft import Table
from anchorhold.migrate.report import Report
from anchorhold.migrate.words import address, network, word

WEEK = 604_800
"""Seconds; the longest TTL of our settings."""


class Useless(Exception):
    """An option whose value has no sense, or none here; the text is the reason."""


@dataclass
class Run:
    """One migration."""

    migration: Migration
    reading: Reading
    devices: dict[str, list[str]] = field(default_factory=dict)
    """Names of devices that DHCP knows (`dhcp-host`), one label each, with their own addresses if they have any."""

    @property
    def draft(self) -> Table:
        """Our configuration."""
        return self.migration.draft

    @property
    def report(self) -> Report:
        """What became of the lines."""
        return self.migration.report

    def each(self, act: Callable[[Option], None], *keywords: str) -> None:
        """Call `act` for each option with one of the keywords; what it says is useless is dropped."""
        for option in list(self.reading.of(*keywords)):
            try:
                act(option)
            except Useless as useless:
                self.report.dropped(option.place, str(useless))

    def has(self, keyword: str) -> bool:
        """Whether there is such a line."""
        return self.reading.first(keyword) is not None

    def domain(self) -> str:
        """The domain of this network: the last `domain=` without a network. Empty if there is none."""
        found = ""
        for option in self.reading.of("domain", "domain-suffix"):
            name, *rest = option.parts()
            if not rest and name not in ("", "#"):
                found = name.strip(".").lower()
        return found


def read_address(text: str) -> Address:
    """A literal address, IPv6 also in brackets. Raises Useless."""
    found = address(text)
    if found is None:
        raise Useless(f"{text!r} is no IP address")
    return found


def is_address(text: str) -> bool:
    """Whether it is one."""
    return address(text) is not None


def read_network(text: str) -> Network:
    """A network, bits behind the prefix ignored. Raises Useless."""
    found = network(text)
    if found is None:
        raise Useless(f"{text!r} is no network")
    return found


def read_number(text: str, most: int = 2**32 - 1) -> int:
    """A decimal number. Raises Useless."""
    if not (text.isascii() and text.isdigit() and len(text) < 12 and int(text) <= most):
        raise Useless(f"{text!r} is no number up to {most}")
    return int(text)


def class_of(tag: str) -> str:
    """What the class of a tag is called."""
    return word(tag, (), "class")
