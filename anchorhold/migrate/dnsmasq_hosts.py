"""dnsmasq's known devices (`dhcp-host`, `/etc/ethers`), and who is ignored.

dhcp-host=[MAC…][,id:ID|*][,set:TAG…][,tag:TAG][,ADDRESS…][,NAME][,LEASE][,ignore]     in any order
"""

import ipaddress
import re

from anchorhold.config.dhcp_values import LABEL, UNPUBLISHED
from anchorhold.migrate.dhcp_hosts import read_identifier, read_span
from anchorhold.migrate.dnsmasq_dhcp import DhcpFamily, read_lease
from anchorhold.migrate.dnsmasq_file import Option
from anchorhold.migrate.dnsmasq_run import Run, Useless, is_address, read_address
from anchorhold.migrate.dnsmasq_tags import TagBook, hardware_prefix
from anchorhold.migrate.draft import Table
from anchorhold.migrate.reading import Unreadable

_HARDWARE = re.compile(r"(?:[0-9a-f]{1,2}-)?(?:[0-9a-f]{1,2}|\*)(?::(?:[0-9a-f]{1,2}|\*)){5,}", re.IGNORECASE)


class HostFamily:
    """Known devices."""

    def __init__(self, run: Run, dhcp: DhcpFamily, tags: TagBook) -> None:
        self._run = run
        self._report = run.report
        self._dhcp = dhcp
        self._tags = tags
        self._tagged: dict[str, list[Table]] = {}

    def all(self) -> None:
        """Read the lines."""
        self._run.each(self._host, "dhcp-host")
        self._run.each(self._ethers, "read-ethers")
        self._run.each(self._ignore, "dhcp-ignore")
        self._run.each(self._ignore_names, "dhcp-ignore-names")

    def _host(self, option: Option) -> None:
        if not self._dhcp.subnets:
            raise Useless("no addresses are given out")
        host = self._run.draft.table("dhcp").append("host", option.place)
        try:
            for part in option.parts():
                if part:
                    self._field(host, part, option)
        except Useless:
            self._run.draft.table("dhcp").drop_last("host")
            raise
        self._finish(host, option)

    def _field(self, host: Table, part: str, option: Option) -> None:
        place = option.place
        lower = part.lower()
        if lower.startswith("id:"):
            self._identifier(host, part[3:], place)
        elif lower.startswith(("set:", "net:")):
            host.add("classes", self._tags.give(part[4:], place))
            self._tagged.setdefault(part[4:], []).append(host)
        elif lower.startswith("tag:"):
            self._report.changed(place, f"it counts for all, not only with the tag {part[4:]!r}")
        elif lower == "ignore":
            host.set("ignored", True)
        elif part.startswith("[") or is_address(part):
            self._address(host, part, place)
        elif _HARDWARE.fullmatch(part):
            self._hardware(host, part, place)
        elif read_span(part) is not None:
            span, said = read_lease(part)
            host.set("lease_time", span)
            if said:
                self._report.changed(place, said)
        else:
            self._name(host, part, place)

    def _identifier(self, host: Table, text: str, place: int) -> None:
        if text == "*":
            self._report.changed(
                place, "its client identifier is not ignored: a device is known by that or its hardware address"
            )
        else:
            host.add(*read_identifier(text))

    def _hardware(self, host: Table, text: str, place: int) -> None:
        prefix = hardware_prefix(text)
        if prefix.count(":") < 5:
            raise Useless(
                f"{text!r}: a device has its whole address here; hardware = [...] in [dhcp.classes.NAME] takes the beginning"
            )
        host.add("hardware", prefix)

    def _address(self, host: Table, text: str, place: int) -> None:
        bare = text.strip("[]").partition("/")
        address = read_address(bare[0])
        if bare[1]:
            self._report.changed(place, f"it gets the one address {address}, not all of /{bare[2]}")
        if address.version == 6 and int(address) < 2**64:
            net = next((net for net in self._dhcp.subnets if net.network.version == 6), None)
            if net is None:
                self._report.changed(place, f"{address} has no prefix: no IPv6 subnet has one written out")
                return
            address = ipaddress.IPv6Address(int(net.network.network_address) + int(address))
        have = [one for one in host.values("addresses") if ":" not in str(one)]
        if address.version == 4 and have:
            self._report.changed(place, f"a device has one IPv4 address; {address} is left out")
            return
        host.add("addresses", str(address))

    def _name(self, host: Table, text: str, place: int) -> None:
        label, _, domain = text.lower().partition(".")
        if domain and domain.strip(".") != self._run.domain():
            self._report.changed(place, f"its name is in the domain of its subnet, not in {domain}")
        if not LABEL.fullmatch(label) or label in UNPUBLISHED:
            self._report.changed(place, f"{text!r} is no name that a device can have here")
            return
        if "name" in host:
            raise Useless("dnsmasq itself refuses two names in one line")
        host.set("name", label)

    def _finish(self, host: Table, option: Option) -> None:
        if not any(key in host for key in ("hardware", "identifiers", "duids")):
            if "name" not in host:
                self._run.draft.table("dhcp").drop_last("host")
                raise Useless("it names no device")
            host.add("hosts", str(host.get("name")))
            self._report.changed(
                option.place, "the device is known by the name that it says of itself, which anybody can say"
            )
        if host.get("name") and not host.get("ignored"):
            self._run.devices[str(host.get("name"))] = [str(one) for one in host.values("addresses")]
        self._tags.hosts.append(host)
        self._report.kept(option.place, host.path)

    # /etc/ethers: hardware address, then name or IPv4 address.

    def _ethers(self, option: Option) -> None:
        reader = self._run.reading.reader
        path = reader.place("/etc/ethers")
        try:
            text = reader.text(path)
        except Unreadable as error:
            raise Useless(f"{error.file} {error.what}") from None
        self._report.files.append(str(path))
        self._report.kept(option.place, "dhcp.host")
        for number, line in enumerate(text.splitlines(), 1):
            words = line.partition("#")[0].split()
            if not words:
                self._report.blank += 1
                continue
            place = self._report.add(str(path), number, line.strip())
            try:
                self._host(Option("dhcp-host", ",".join(words[:2]), place, path.parent))
            except Useless as useless:
                self._report.dropped(place, str(useless))

    # Who gets nothing.

    def _ignore(self, option: Option) -> None:
        tags = [part.removeprefix("tag:").removeprefix("net:") for part in option.parts()]
        if not self._dhcp.subnets:
            raise Useless("no addresses are given out")
        if len(tags) == 1 and tags[0].lstrip("!#") == "known" and tags[0] != "known":
            name = self._tags.known(option.place)
            for net in self._dhcp.subnets:
                net.pools[:] = [(first, last, classes or (name,), place) for first, last, classes, place in net.pools]
            self._report.kept(
                option.place, "dhcp.subnet.pools", "pools are for the class of the devices that have a [[dhcp.host]]"
            )
        elif len(tags) == 1 and tags[0] in self._tagged:
            for host in self._tagged[tags[0]]:
                self._report.kept(option.place, host.set("ignored", True))
        else:
            raise Useless("only devices with a [[dhcp.host]] can be ignored; give pools to classes instead")

    def _ignore_names(self, option: Option) -> None:
        if not self._dhcp.subnets:
            raise Useless("no addresses are given out")
        if not option.value:
            self._report.kept(option.place, self._run.draft.table("dhcp").set("names", False, option.place))
            return
        tags = [part.removeprefix("tag:").removeprefix("net:") for part in option.parts()]
        if len(tags) == 1 and self._tags.is_guard(tags[0]):
            self._report.kept(option.place, reason="no device can claim wpad here")
            return
        tables, hidden = self._tags.places(tags)
        if hidden:
            raise Useless("a class can be left without names, not all others")
        for table in tables:
            key = "names" if table is self._run.draft.table("dhcp") else "named"
            self._report.kept(option.place, table.set(key, False, option.place))
