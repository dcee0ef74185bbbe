"""dnsmasq's records: `host-record`, `cname`, `mx-host`, `srv-host`, `txt-record` and their kin, as master file lines."""

import json
import re
from collections.abc import Callable

from anchorhold.migrate.dnsmasq_file import Option
from anchorhold.migrate.dnsmasq_run import WEEK, Run, Useless, is_address, read_address, read_number
from anchorhold.migrate.dnsmasq_zones import Zones

_NAME = re.compile(r"(?:\*\.)?[A-Za-z0-9_][A-Za-z0-9_.-]*\.?|\.")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})*")
MAX_TEXT = 255
"""Octets of one string of a TXT record."""


def read_name(text: str) -> str:
    """A name without letters that mean something in a master file; the last dot is gone. Raises Useless."""
    if not _NAME.fullmatch(text) or ".." in text or len(text) > 253:
        raise Useless(f"{text!r} is no name that can be written here")
    return text.rstrip(".").lower()


def _quoted(text: str) -> str:
    octets = text.encode("utf-8", "replace")
    if len(octets) > MAX_TEXT:
        raise Useless(f"a text is longer than {MAX_TEXT} octets")
    shown = "".join(chr(one) if 32 <= one < 127 and one not in b'"\\' else f"\\{one:03d}" for one in octets)
    return f'"{shown}"'


class RecordFamily:
    """Every line that is a record of a name."""

    def __init__(self, run: Run, zones: Zones) -> None:
        self._run = run
        self._report = run.report
        self._zones = zones

    def all(self) -> None:
        """Write them into the zones."""
        acts: dict[str, Callable[[Option], None]] = {
            "host-record": self._host,
            "cname": self._cname,
            "mx-host": self._mx,
            "mx-target": self._mx_target,
            "srv-host": self._srv,
            "ptr-record": self._ptr,
            "txt-record": self._txt,
            "naptr-record": self._naptr,
            "caa-record": self._caa,
            "dns-rr": self._raw,
            "interface-name": self._interface,
        }
        for keyword, act in acts.items():
            self._run.each(act, keyword)

    def _put(self, option: Option, name: str, text: str, reason: str = "") -> None:
        where = self._zones.record(read_name(name), text, option.place)
        if reason:
            self._report.changed(option.place, reason, where)
        else:
            self._report.kept(option.place, where)

    def _host(self, option: Option) -> None:
        names, addresses, ttl = [], [], ""
        for part in option.parts():
            if is_address(part):
                addresses.append(read_address(part))
            elif part.isascii() and part.isdigit():
                ttl = f"{min(int(part[:10]), WEEK)} "
            elif part:
                names.append(read_name(part))
        if not names or not addresses:
            raise Useless("it needs a name and an address")
        for name in names:
            for address in addresses:
                kind = "A" if address.version == 4 else "AAAA"
                self._put(option, name, f"{ttl}{kind} {address}")

    def _cname(self, option: Option) -> None:
        parts = option.parts()
        ttl = ""
        if len(parts) > 2 and parts[-1].isdigit():
            ttl = f"{min(int(parts.pop()[:10]), WEEK)} "
        if len(parts) < 2:
            raise Useless("it needs an alias and a name")
        target = read_name(parts[-1])
        label, _, domain = target.partition(".")
        device = self._run.devices.get(label) if domain in ("", self._run.domain()) else None
        for alias in parts[:-1]:
            if device is None:
                self._put(option, alias, f"{ttl}CNAME {target}.")
                continue
            if not device:
                raise Useless(
                    f"{target} is a device whose address changes; give it one in its [[dhcp.host]], then write the alias into a "
                    "[[local]] zone"
                )
            for address in device:
                self._put(
                    option,
                    alias,
                    f"{ttl}{'AAAA' if ':' in address else 'A'} {address}",
                    f"{target} is a device; its own address is written, for an alias cannot lead to a lease",
                )

    def _mx(self, option: Option) -> None:
        name, *rest = option.parts()
        default = self._run.reading.first("mx-target")
        target = (rest[0] if rest and rest[0] else "") or (default.value if default else "")
        if not target:
            raise Useless("without a target it means this machine's name; write name MX 1 name. into a [[local]] zone")
        preference = read_number(rest[1], 65_535) if len(rest) > 1 else 1
        self._put(option, name, f"MX {preference} {read_name(target)}.")

    def _mx_target(self, option: Option) -> None:
        if self._run.has("mx-host"):
            self._report.kept(option.place, reason="it is in the MX records that name no target")
        else:
            raise Useless("no MX record is made up for machines; write it into a [[local]] zone")

    def _srv(self, option: Option) -> None:
        name, *rest = option.parts()
        if name.count(".") < 2 and self._run.domain():
            name = f"{name}.{self._run.domain()}"
        target = f"{read_name(rest[0])}." if rest and rest[0] else "."
        port, priority, weight = (
            read_number(rest[at], 65_535) if len(rest) > at and rest[at] else default
            for at, default in ((1, 1), (2, 0), (3, 0))
        )
        self._put(option, name, f"SRV {priority} {weight} {port if target != '.' else 0} {target}")

    def _ptr(self, option: Option) -> None:
        name, *rest = option.parts()
        if not rest or not rest[0]:
            raise Useless("it names no target")
        self._put(option, name, f"PTR {read_name(rest[0])}.")

    def _txt(self, option: Option) -> None:
        name, *texts = option.parts()
        self._put(option, name, f"TXT {' '.join(map(_quoted, texts or ['']))}")

    def _naptr(self, option: Option) -> None:
        parts = option.parts()
        if len(parts) < 6:
            raise Useless("it needs name, order, preference, flags, service and expression")
        name, order, preference, flags, service, expression = parts[:6]
        replacement = f"{read_name(parts[6])}." if len(parts) > 6 and parts[6] else "."
        numbers = f"{read_number(order, 65_535)} {read_number(preference, 65_535)}"
        self._put(
            option, name, f"NAPTR {numbers} {_quoted(flags)} {_quoted(service)} {_quoted(expression)} {replacement}"
        )

    def _caa(self, option: Option) -> None:
        parts = option.parts()
        if len(parts) < 4 or not parts[2].isalnum() or not parts[2].isascii():
            raise Useless("it needs name, flags, tag and value")
        self._put(
            option, parts[0], f"CAA {read_number(parts[1], 255)} {parts[2].lower()} {_quoted(','.join(parts[3:]))}"
        )

    def _raw(self, option: Option) -> None:
        name, number, *data = option.parts()[:3] if option.value.count(",") else (option.value, "", "")
        octets = re.sub("[ :]", "", data[0]) if data else ""
        if not _HEX.fullmatch(octets):
            raise Useless("the data is not in hexadecimal")
        self._put(option, name, f"TYPE{read_number(number, 65_535)} \\# {len(octets) // 2} {octets.lower()}".rstrip())

    def _interface(self, option: Option) -> None:
        """`NAME,INTERFACE[/4|/6]`: records of the addresses that the interface has now."""
        name, *rest = option.parts()
        interface, _, version = (rest[0] if rest else "").partition("/")
        found = [
            address
            for address in self._run.reading.reader.addresses_of(interface)
            if not version or str(address.version) == version
        ]
        if not found:
            shown = json.dumps(f"{read_name(name)}. A ...")
            raise Useless(
                f"addresses of interfaces are not followed, and {interface or 'none'} has none on this machine; write it: "
                f"records = [{shown}]"
            )
        for address in found:
            kind = "A" if address.version == 4 else "AAAA"
            reason = f"the addresses that {interface} has now; they are not followed, so write it anew if they change"
            self._put(option, name, f"{kind} {address}", reason)
