"""Lines of dnsmasq's configuration that lists are made of: `address=/…/`, `server=/…/`, `local=/…/`, `bogus-nxdomain=`. A whole
configuration is not a list: `anchorhold migrate dnsmasq` reads that."""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_network

from privacy.lists.compile import Item
from privacy.lists.entry import Entry, Saying, Scope, Skipped, Trigger
from privacy.lists.formats.text import (
    NOWHERE,
    Answers,
    Unused,
    address_record,
    is_null,
    numbered,
    quick_name,
    read_address,
    read_domain,
    read_line,
    strip_comment,
)
from wire.dns.names import ROOT, parent, suffixes

_QUICK = {
    "address=": NOWHERE | {"", "#"},
    "server=": frozenset({""}),
    "local=": frozenset({""}),
}
"""What stands before the names → what behind them, where that blocks."""


def read_dnsmasq(text: bytes) -> Iterator[Item]:
    """Names and all below them; of two that a name is below, the longer counts. Several addresses of one are one answer."""
    reader = _Reader()
    for number, line in numbered(text):
        parts = line.split("/")
        if len(parts) == 3 and parts[2] in _QUICK.get(parts[0], ()) and (name := quick_name(parts[1])):
            yield number, name, Scope.TREE
        else:
            yield from read_line(number, line, reader.read)
    entries = [*reader.answers.entries()]
    yield from entries
    yield from _bounded(text, reader.allowed, entries)


def _bounded(text: bytes, allowed: dict[bytes, Entry], entries: list[Entry]) -> Iterator[Entry]:
    """What is let through, but for longer names that are not: an exception counts more than all that is blocked."""
    if not allowed:
        return
    longer: dict[bytes, list[bytes]] = {name: [] for name in allowed}
    told = (item for number, line in numbered(text) for item in read_line(number, line, _Reader().read))
    for item in (*told, *entries):
        name = item[1] if isinstance(item, tuple) else item.name if isinstance(item, Entry) else b""
        for above in suffixes(parent(name)) if len(name) > 1 and name not in allowed else ():
            if above in longer:
                longer[above].append(name)
    for name, entry in allowed.items():
        yield replace(entry, excepted=tuple(longer[name]))


class _Reader:
    def __init__(self) -> None:
        self.answers = Answers()
        self.allowed: dict[bytes, Entry] = {}

    def read(self, number: int, line: str) -> Iterator[Item]:
        """What a line says. Raises Unused."""
        if not (line := strip_comment(line, "#")):
            return
        key, _, value = (part.strip() for part in line.partition("="))
        if key == "bogus-nxdomain":
            yield _read_bogus(number, value)
            return
        if key not in ("address", "server", "local") or not value.startswith("/"):
            raise Unused("not a line of a list; `anchorhold migrate dnsmasq` reads configurations")
        _, *domains, target = value.split("/")
        if not domains:
            raise Unused("a name that no slash ends")
        for domain in domains:
            try:
                yield from self._use(_aim(number, domain), key, target)
            except Unused as odd:
                yield Skipped(number, str(odd))

    def _use(self, entry: Entry, key: str, target: str) -> Iterator[Item]:
        if target == "#" and key != "address" and entry.trigger is Trigger.NAME and entry.scope is Scope.TREE:
            self.allowed.setdefault(entry.name, replace(entry, saying=Saying.ALLOW))
        elif target == "#" and key != "address":
            yield replace(entry, saying=Saying.ALLOW)
        elif target in ("", "#") or (key == "address" and is_null(read_address(target))):
            is_plain = entry.trigger is Trigger.NAME
            yield (entry.line, entry.name, entry.scope) if is_plain else entry
        elif key == "address":
            record = address_record(read_address(target))
            self.answers.add(replace(entry, saying=Saying.RECORDS, records=(record,)))
        else:
            raise Unused("sends names to a server: a list may not say who is asked; that is a [[route]]")


def _aim(number: int, domain: str) -> Entry:
    """Of which names: `#` all, `*.name` those below, `*name` those that end so, `name` and `.name` itself and those below."""
    if domain == "#":
        return Entry(Trigger.NAME, Saying.BLOCK, number, ROOT, Scope.TREE)
    if domain.startswith("*."):
        return Entry(Trigger.NAME, Saying.BLOCK, number, read_domain(domain[2:]), Scope.BELOW)
    if domain.startswith("*"):
        rest = domain[1:].lower()
        read_domain(rest)
        pattern = rest.replace(".", r"\.") + "$"
        return Entry(Trigger.PATTERN, Saying.BLOCK, number, pattern=pattern)
    if not domain:
        raise Unused("names without a dot: there is no list of those")
    return Entry(Trigger.NAME, Saying.BLOCK, number, read_domain(domain.removeprefix(".")), Scope.TREE)


def _read_bogus(number: int, value: str) -> Entry:
    try:
        network = ip_network(value, strict=False)
    except ValueError:
        raise Unused("not an address") from None
    octets = network.network_address.packed
    return Entry(Trigger.ADDRESS, Saying.NXDOMAIN, number, network=(octets, network.prefixlen))
