"""dnsmasq's `dhcp-option` and `dhcp-boot`: what is told to clients, with the types that dnsmasq guesses from the text.

[tag:T,…][encap:N,|vi-encap:E,|vendor:[CLASS],][N|option:NAME|option6:N|option6:NAME][,VALUE…]
"""

import ipaddress
import re

from anchorhold.migrate.dhcp_hosts import read_span
from anchorhold.migrate.dnsmasq_dhcp import DhcpFamily
from anchorhold.migrate.dnsmasq_file import Option, is_quoted, plain
from anchorhold.migrate.dnsmasq_run import Run, Useless, is_address, read_address
from anchorhold.migrate.dnsmasq_tags import TagBook
from anchorhold.migrate.draft import Table
from wire.dhcp.options4 import OPTIONS4
from wire.dhcp.options6 import OPTIONS6
from wire.dhcp.table import Option as Row

ROUTERS, DNS_SERVERS, VENDOR_PARTS, ROUTES, VENDOR_IDENTIFYING = 3, 6, 43, 121, 125
DNS_SERVERS_6 = 23
SPANS = frozenset({24, 35, 38, 58, 59, 108, 211})
"""Options whose value is seconds, which dnsmasq takes as `12h` too."""
OWN_4 = "0.0.0.0"  # noqa: S104 # nothing is bound
"""What stands for this server."""
OWN_6 = frozenset({"::", "fd00::", "fe80::"})
"""What stands for this server's own addresses: global, private, link-local."""
MAX_BOOT_FILE = 127
_DECIMAL = re.compile(r"(-?\d{1,10})([bsi]?)")
_HEX = re.compile(r"[0-9a-f]{1,2}(?::[0-9a-f]{1,2})+", re.IGNORECASE)
_OLD_TAG = re.compile(r"[A-Za-z#!][\w-]*")


class OptionFamily:
    """Options and boot files, written where their tags say."""

    def __init__(self, run: Run, dhcp: DhcpFamily, tags: TagBook) -> None:
        self._run = run
        self._report = run.report
        self._dhcp = dhcp
        self._tags = tags
        self._lines: dict[tuple[int, str], int] = {}
        self._inside: dict[tuple[str, str], bytes] = {}

    def all(self) -> None:
        """Read the lines; pools are written behind them, for routers are not in pools."""
        self._run.each(self._option, "dhcp-option", "dhcp-option-force", "dhcp-option-pxe")
        self._run.each(self._boot, "dhcp-boot")
        self._dhcp.finish_pools()

    def _option(self, option: Option) -> None:
        if not self._dhcp.subnets:
            raise Useless("no addresses are given out")
        tags, prefix, raw = [], "", option.value.split(",")
        while raw:
            head = plain(raw[0].strip())
            if head.startswith(("tag:", "net:")):
                tags.append(head[4:])
            elif head.startswith(("encap:", "vi-encap:", "vendor:")):
                prefix = head
            elif (
                not head.startswith(("option:", "option6:"))
                and not head.isdigit()
                and len(raw) > 1
                and _OLD_TAG.fullmatch(head)
            ):
                tags.append(head)
            else:
                break
            del raw[0]
        if not raw:
            raise Useless("it names no option")
        name, values = plain(raw[0].strip()), raw[1:]
        if option.keyword == "dhcp-option-pxe":
            self._report.changed(option.place, "it is told to all that ask for it, not to PXE alone")
        if option.keyword == "dhcp-option-force":
            self._report.changed(option.place, "it is told to clients that ask for it")
        if prefix:
            self._inner(option, tags, prefix, name, values)
            return
        family = 6 if name.startswith("option6:") else 4
        row = _row(name.removeprefix("option6:").removeprefix("option:"), family)
        tables, hidden = self._tags.places(tags)
        for table in tables:
            self._write(option, table, row, values, family)
        for table in hidden:
            inner = table.table("options" if family == 4 else "options6")
            if row.name not in inner:
                inner.set(row.name, "", option.place)

    def _write(self, option: Option, table: Table, row: Row, values: list[str], family: int) -> None:
        shown = [plain(value.strip()) for value in values]
        if family == 4 and row.number == ROUTERS and self._routers(option, table, shown):
            return
        dns = DNS_SERVERS if family == 4 else DNS_SERVERS_6
        own = [one for one in shown if one.strip("[]") in (OWN_6 if family == 6 else {OWN_4})]
        if own and row.number == dns:
            others = [value for value, one in zip(values, shown, strict=True) if one not in own]
            if not others:
                self._report.kept(option.place, reason="the resolver is told by itself")
                return
            self._report.changed(option.place, "this server's own address cannot be meant beside others; write it out")
            values = others
        elif own and row.number != 1:
            raise Useless("it means this server's own address, which must be written out here")
        text, said = option_text(row, values, family)
        self._set(option, table, row, text, said, family)

    def _set(self, option: Option, table: Table, row: Row, text: str, said: str, family: int) -> None:
        inner = table.table("options" if family == 4 else "options6")
        before = self._lines.get((id(inner), row.name))
        if before is not None:
            self._report.lost(before, "a later line says otherwise")
        self._lines[id(inner), row.name] = option.place
        where = inner.set(row.name, text, option.place)
        if said:
            self._report.changed(option.place, said, where)
        else:
            self._report.kept(option.place, where)

    def _routers(self, option: Option, table: Table, shown: list[str]) -> bool:
        """Routers are a setting of the subnet that they are in. False if it must be an option all the same."""
        if shown == [OWN_4]:
            self._report.kept(option.place, reason="the router is this machine")
            return True
        whole = table is self._run.draft.table("dhcp")
        nets = [net for net in self._dhcp.fours() if whole or net.table is table]
        if not nets:
            return False
        if not shown or shown == [""]:
            for net in nets:
                self._report.kept(option.place, net.table.set("own_router", False, option.place))
            return True
        if not all(is_address(one) for one in shown):
            return False
        routers = [read_address(one) for one in shown]
        homes = [net for net in nets if all(router in net.network for router in routers)]
        if not homes:
            return False
        for net in homes:
            where = net.table.set("routers", [str(router) for router in routers], option.place)
            self._report.kept(option.place, where)
        if len(homes) < len(nets):
            self._report.changed(
                option.place, "it is the router of the network that it is in; others keep this machine"
            )
        return True

    # Options inside an option.

    def _inner(self, option: Option, tags: list[str], prefix: str, name: str, values: list[str]) -> None:
        if not name.isdigit() or not 0 < int(name[:4]) < 256:
            raise Useless("an option inside another has a number from 1 to 255")
        data = octets_of([value.strip() for value in values], 0)
        if len(data) > 255:
            raise Useless("it is longer than 255 octets")
        part = bytes((int(name), len(data))) + data
        kind, _, of = prefix.partition(":")
        if kind == "vendor" and of:
            word = self._tags.give(f"vendor-{of}", option.place)
            tables = [self._run.draft.table("dhcp").table("classes").table(word, option.place)]
            tables[0].add("vendor", of, option.place)
            if tags:
                self._report.changed(option.place, "it goes to all with that vendor class, whatever their tags")
        else:
            tables, _ = self._tags.places(tags)
        number = {"vendor": VENDOR_PARTS, "vi-encap": VENDOR_IDENTIFYING}.get(kind) or _number(of, 254)
        for table in tables:
            key = (table.path, f"{kind}:{of}")
            self._inside[key] = made = self._inside.get(key, b"") + part
            whole = made
            if kind == "vi-encap":
                if len(made) > 255:
                    raise Useless("it is longer than 255 octets")
                whole = _number(of, 2**32 - 1).to_bytes(4, "big") + bytes((len(made),)) + made
            row = OPTIONS4.settable(number)
            where = table.table("options").set(row.name, f"hex:{whole.hex()}", option.place)
            self._report.kept(option.place, where)

    # Network boot.

    def _boot(self, option: Option) -> None:
        parts = option.parts()
        tags = []
        while len(parts) > 1 and parts[0].startswith(("tag:", "net:")):
            tags.append(parts.pop(0)[4:])
        if not parts[0] or len(parts[0].encode()) > MAX_BOOT_FILE:
            raise Useless("its file has no name, or a longer one than 127 octets")
        tables, _ = self._tags.places(tags)
        dhcp = self._run.draft.table("dhcp")
        tables = [net.table for net in self._dhcp.fours()] if tables == [dhcp] else tables
        for table in tables:
            where = table.set("boot_file", parts[0], option.place)
            if len(parts) > 2 and is_address(parts[2]) and read_address(parts[2]).version == 4:
                table.set("next_server", str(read_address(parts[2])), option.place)
                self._report.kept(option.place, where)
            elif "://" in parts[0]:
                self._report.kept(option.place, where)
            else:
                self._report.changed(
                    option.place,
                    "dnsmasq meant itself as TFTP server, and there is none here; name another: next_server",
                    where,
                )
            if len(parts) > 1 and parts[1]:
                table.table("options").set("tftp-server-name", parts[1], option.place)


def _number(text: str, most: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 11 and 0 < int(text) <= most):
        raise Useless(f"{text!r} is no number from 1 to {most}")
    return int(text)


def _row(name: str, family: int) -> Row:
    table = OPTIONS4 if family == 4 else OPTIONS6
    try:
        return table.settable(int(name[:9]) if name.isascii() and name.isdigit() else name)
    except ValueError as error:
        raise Useless(str(error)) from None


def option_text(row: Row, values: list[str], family: int) -> tuple[str, str]:
    """The value as our configuration has it, and what differs (or ""). Raises Useless."""
    shown = [plain(value.strip()) for value in values]
    if not shown or shown == [""]:
        return "", ""
    table = OPTIONS4 if family == 4 else OPTIONS6
    if family == 6:
        shown = [one.removeprefix("[").removesuffix("]") for one in shown]
    seconds = read_span(shown[0]) if row.number in SPANS and family == 4 else None
    if seconds is not None and shown[0].lower() != "infinite":
        shown = [str(seconds)]
    if row.number == ROUTES and family == 4 and len(shown) % 2 == 0:
        shown = [
            f"{net if '/' in net else net + '/32'} {router}"
            for net, router in zip(shown[::2], shown[1::2], strict=True)
        ]
    if row.name != f"option-{row.number}":
        try:
            table.from_text(row.number, ", ".join(shown))
            return ", ".join(shown), ""
        except ValueError:
            pass
    data = octets_of([value.strip() for value in values], 6 if family == 6 else 0)
    known = row.name != f"option-{row.number}"
    return f"hex:{data.hex()}", f"it is no usual value of {row.name}; its octets are kept" if known else ""


def octets_of(values: list[str], family: int) -> bytes:
    """What dnsmasq sends for an option of no known type: addresses, hexadecimal octets, numbers, else text. Raises Useless."""
    shown = [plain(value) for value in values]
    if not shown or shown == [""]:
        return b""
    bare = [one.strip("[]") for one in shown]
    if not any(map(is_quoted, values)):
        if all(is_address(one) and "." in one for one in shown) or (family == 6 and all(map(is_address, bare))):
            return b"".join(ipaddress.ip_address(one).packed for one in bare)
        if len(shown) == 1 and _HEX.fullmatch(shown[0]):
            return bytes(int(one, 16) for one in shown[0].split(":"))
        numbers = [_DECIMAL.fullmatch(one) for one in shown]
        if all(numbers):
            return b"".join(_packed(found) for found in numbers if found)
    return ",".join(shown).encode("utf-8", "replace")


def _packed(found: re.Match[str]) -> bytes:
    value, sizes = int(found[1]), {"b": 1, "s": 2, "i": 4}
    size = sizes.get(found[2]) or (1 if 0 <= value < 256 else 2 if 0 <= value < 65_536 else 4)
    try:
        return value.to_bytes(size, "big", signed=value < 0)
    except OverflowError:
        raise Useless(f"{value} does not fit into {size} octets") from None
