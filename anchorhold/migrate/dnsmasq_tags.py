"""dnsmasq's tags: what sets them, and where what they choose belongs here.

A tag of a range or an interface is a subnet here; one that a client earns (vendor, user, hardware address, circuit, option) or
that its `dhcp-host` gives it is a class. All tags of a line must hold there; classes have no "and", so some lines cannot come
along.
"""

import re
from collections.abc import Callable

from anchorhold.migrate.dnsmasq_dhcp import Net
from anchorhold.migrate.dnsmasq_file import Option
from anchorhold.migrate.dnsmasq_run import Run, Useless, class_of, read_number
from anchorhold.migrate.draft import Table

_MAC = re.compile(r"(?:[0-9a-f]{1,2}|\*)(?::(?:[0-9a-f]{1,2}|\*)){5}", re.IGNORECASE)
_HEX = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2})+", re.IGNORECASE)
KNOWN = "known"
GUARD = "wpad"
ARCHITECTURE, VENDOR, USER = 93, 60, 77
_OPTION_NAMES = {"client-arch": ARCHITECTURE, "vendor-class": VENDOR, "user-class": USER}


def hardware_prefix(text: str) -> str:
    """`11:22:33:*:*:*` → `11:22:33`; one without stars as it is. Raises Useless."""
    kind, dash, rest = text.rpartition("-")
    if dash and kind not in ("1", "01"):
        raise Useless(f"{text!r}: only Ethernet addresses are known here")
    if not _MAC.fullmatch(rest):
        raise Useless(f"{text!r} is no hardware address of six octets")
    octets = rest.lower().split(":")
    while octets and octets[-1] == "*":
        octets.pop()
    if "*" in octets or not octets:
        raise Useless(f"{text!r}: stars can stand at the end only, behind at least one octet")
    return ":".join(octet.zfill(2) for octet in octets)


class TagBook:
    """All tags. Make it after the ranges, ask it once `all` was called."""

    def __init__(self, run: Run, subnets: list[Net]) -> None:
        self._run = run
        self._report = run.report
        self._subnets = subnets
        self._classes: dict[str, Table] = {}
        self.hosts: list[Table] = []
        """Every `[[dhcp.host]]`: those are known."""
        self._known = False

    def all(self) -> None:
        """Read the lines that set tags."""
        acts: dict[str, Callable[[Option], None]] = {
            "dhcp-vendorclass": lambda option: self._text(option, "vendor", "begins so, dnsmasq looks anywhere in it"),
            "dhcp-userclass": lambda option: self._text(option, "user", "is this, dnsmasq looks anywhere in it"),
            "dhcp-circuitid": lambda option: self._text(option, "circuit", ""),
            "dhcp-remoteid": lambda option: self._text(option, "remote", ""),
            "dhcp-mac": self._mac,
            "dhcp-match": self._match,
            "dhcp-name-match": self._name_match,
        }
        for keyword, act in acts.items():
            self._run.each(act, keyword)
        for net in self._subnets:
            for _, _, classes, place in net.pools:
                for name in classes:
                    if name == KNOWN:
                        self._known = True
                    elif name not in self._classes:
                        self.give(name, place)

    def give(self, tag: str, place: int | None) -> str:
        """The class of a tag, made if there is none. Returns its name."""
        name = class_of(tag)
        if name not in self._classes:
            self._classes[name] = self._run.draft.table("dhcp").table("classes").table(name, place)
        else:
            self._run.draft.table("dhcp").table("classes").tell(name, place)
        return name

    def known(self, place: int | None) -> str:
        """The class of every device that a line names."""
        self._known = True
        return self.give(KNOWN, place)

    def finish(self) -> None:
        """Put the known devices into their class, if anything asks for it."""
        if not self._known:
            return
        if self._subnets and KNOWN not in self._classes:
            self._classes[KNOWN] = self._run.draft.table("dhcp").table("classes").table(KNOWN)
        for host in self.hosts:
            host.add("classes", KNOWN)

    # Lines that set tags.

    def _needs_dhcp(self) -> None:
        if not self._subnets:
            raise Useless("no addresses are given out")

    def _split(self, option: Option) -> tuple[str, list[str]]:
        self._needs_dhcp()
        tag, *rest = option.parts()
        tag = tag.removeprefix("set:").removeprefix("net:")
        if not tag or not rest:
            raise Useless("it needs a tag and what to look for")
        return tag, rest

    def _text(self, option: Option, key: str, difference: str) -> None:
        tag, rest = self._split(option)
        if rest[0].startswith("enterprise:"):
            raise Useless("vendor classes of an enterprise number (IPv6) are not told apart")
        text = ",".join(rest)
        value = f"hex:{text.replace(':', '')}" if _HEX.fullmatch(text) and key in ("circuit", "remote") else text
        table = self._classes[self.give(tag, option.place)]
        where = table.add(key, value, option.place)
        if difference:
            self._report.changed(option.place, f"the {key} class {difference}", where)
        else:
            self._report.kept(option.place, where)

    def _mac(self, option: Option) -> None:
        tag, rest = self._split(option)
        prefix = hardware_prefix(rest[0])
        self._report.kept(
            option.place, self._classes[self.give(tag, option.place)].add("hardware", prefix, option.place)
        )

    def _match(self, option: Option) -> None:
        tag, rest = self._split(option)
        name = rest[0].removeprefix("option:").removeprefix("option6:")
        number = _OPTION_NAMES.get(name) or (int(name) if name.isdigit() and len(name) < 4 else 0)
        value = rest[1] if len(rest) > 1 else ""
        if rest[0].startswith("option6:") and number == 61:
            number = ARCHITECTURE
        if number == ARCHITECTURE and value:
            table = self._classes[self.give(tag, option.place)]
            architecture = int(value, 16) if value.lower().startswith("0x") else read_number(value, 65_535)
            self._report.kept(option.place, table.add("architecture", architecture, option.place))
        elif number in (VENDOR, USER) and value and "*" not in value:
            self._text(Option(option.keyword, f"set:{tag},{value}", option.place, option.folder), *_AS_TEXT[number])
        else:
            raise Useless(
                "classes look at vendor, user, hardware address, circuit, remote and architecture, not at other options"
            )

    def _name_match(self, option: Option) -> None:
        tag, rest = self._split(option)
        if rest[0].rstrip("*") == GUARD:
            self._report.kept(option.place, reason="no device can claim wpad here")
            self._guards = tag
            return
        raise Useless(
            "a name that a device says of itself does not make it a member; hosts = [...] in [[dhcp.host]] knows it by it"
        )

    _guards = ""

    # Where a line with tags belongs.

    def places(self, tags: list[str]) -> "tuple[list[Table], list[Table]]":
        """Tables in which what these tags choose is to be written, and classes in which it must be taken back. Raises
        Useless."""
        self._needs_dhcp()
        nets = list(self._subnets)
        chosen: list[str] = []
        hidden: list[Table] = []
        for tag in tags:
            negated = tag.startswith(("!", "#"))
            name = tag.lstrip("!#")
            of_nets = [net for net in self._subnets if name in net.tags or name == net.interface]
            if of_nets:
                nets = [net for net in nets if (net in of_nets) is not negated]
            elif negated:
                if class_of(name) not in self._classes:
                    continue
                hidden.append(self._classes[class_of(name)])
            elif name == KNOWN:
                chosen.append(self.known(None))
            elif class_of(name) in self._classes:
                chosen.append(class_of(name))
            else:
                raise Useless(f"no line that came along sets the tag {name!r}")
        if chosen and (len(nets) < len(self._subnets) or len(set(chosen)) > 1 or hidden):
            raise Useless(f"several conditions at once ({', '.join(tags)}): a class has no 'and'")
        if not nets:
            raise Useless("there is no such network")
        if chosen:
            return [self._classes[chosen[0]]], []
        whole = [self._run.draft.table("dhcp")]
        return (whole if len(nets) == len(self._subnets) else [net.table for net in nets]), hidden

    def is_guard(self, tag: str) -> bool:
        """Whether the tag is only there to keep a name from being claimed."""
        return bool(self._guards) and tag == self._guards


_AS_TEXT = {VENDOR: ("vendor", "begins so"), USER: ("user", "is this")}
