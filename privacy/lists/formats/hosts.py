"""Lines of /etc/hosts (hosts(5)): an address and names. An address that leads nowhere blocks those names, any other is their
answer."""

from collections.abc import Iterator

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
)

LOOPBACK_NAMES = frozenset(
    (
        *("localhost", "localhost.localdomain", "localhost4", "localhost4.localdomain4", "localhost6"),
        *("localhost6.localdomain6", "ip6-localhost", "ip6-loopback", "loopback", "localdomain", "local"),
    )
)
"""What systems write on the lines of their loopback addresses: each machine's own."""

SYSTEM_NAMES = LOOPBACK_NAMES | {
    *("broadcasthost", "ip6-localnet", "ip6-mcastprefix", "ip6-allnodes", "ip6-allrouters", "ip6-allhosts")
}
"""All names that hosts files of systems have; lists are made from those."""

_OWN = frozenset(map(read_domain, SYSTEM_NAMES))


def read_hosts(text: bytes) -> Iterator[Item]:
    """Names are themselves only. Several addresses of a name are one answer."""
    answers = Answers()

    def read(number: int, line: str) -> Iterator[Item]:
        return read_host_line(number, line, answers)

    for number, line in numbered(text):
        fields = line.split()
        if len(fields) == 2 and fields[0] in NOWHERE and (name := quick_name(fields[1])) and name not in _OWN:
            yield number, name, Scope.EXACT
        else:
            yield from read_line(number, line, read)
    yield from answers.entries()


def read_host_line(number: int, line: str, answers: Answers) -> Iterator[Item]:
    """One line; what has a real address goes to `answers`. Raises Unused."""
    fields = line.partition("#")[0].split()
    if not fields or line.startswith(("!", ";")):
        return
    try:
        address = read_address(fields[0])
    except Unused:
        raise Unused("no address at its beginning, as hosts has it: names alone are the format domains") from None
    if len(fields) == 1:
        raise Unused("an address without a name")
    for field in fields[1:]:
        try:
            name = _read_name(field)
            if is_null(address):
                yield number, name, Scope.EXACT
            else:
                record = address_record(address)
                answers.add(Entry(Trigger.NAME, Saying.RECORDS, number, name, Scope.EXACT, records=(record,)))
        except Unused as odd:
            yield Skipped(number, str(odd))


def _read_name(text: str) -> bytes:
    name = read_domain(text)
    if name in _OWN:
        raise Unused("a name of every machine itself, as localhost")
    return name
