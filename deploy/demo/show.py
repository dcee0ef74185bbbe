"""The table, and what each party saw."""

import sys
from collections.abc import Iterable

import dns.edns
import dns.rcode

from demo.authorities import AUTHORITIES, BY_TITLE
from demo.checks import Asked, data_of, error_of, worth
from demo.internet import Internet
from demo.zone import Seen

OPERATORS = ("North", "South", "Pirate")


def row(asked: Asked) -> list[str]:
    """A line of the table."""
    question = asked.question
    shown = ", ".join(sorted(data_of(asked.response, question.rrtype))) or dns.rcode.to_text(asked.response.rcode())
    if not question.answer and asked.response.rcode() == dns.rcode.NOERROR:
        shown = "no such data"
    error = error_of(asked.response)
    if question.rcode == "SERVFAIL" and error is not None:
        shown = f"SERVFAIL, EDE {int(error.code)}"
    seen = asked.seen[-1] if asked.seen else None
    sizes = sorted({one.octets for one in asked.seen})
    route = f"{asked.explained.get('upstream_group') or 'here'}"
    if seen and seen.operator in BY_TITLE:
        route = "iterate"
    source = "upstream" if seen else ("here" if not question.group else "cache")
    if question.rcode == "SERVFAIL":
        source = "refused"
    bits = {"AD": "", "": " +noad"}.get(question.sets, f" +{question.sets.lower()}")
    return [
        f"{question.name} {question.rrtype}{bits}",
        worth(asked),
        shown if len(shown) <= 40 else shown[:37] + "...",
        f"{route} / {', '.join(dict.fromkeys(s.operator for s in asked.seen)) or '-'}",
        f"{asked.over} / {seen.transport if seen else '-'}",
        f"{len(asked.seen)} x {'-'.join(map(str, dict.fromkeys((sizes[0], sizes[-1]))))}" if sizes else "-",
        source,
        f"{asked.milliseconds:.1f}",
    ]


HEAD = ["question", "worth", "answer", "route / upstream", "client / upstream", "sent, octets", "from", "ms"]


def print_table(rows: list[list[str]]) -> None:
    """Aligned columns; rich if there is a terminal to show it on."""
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table

        table = Table(*HEAD)
        for cells in rows:
            table.add_row(*cells)
        Console().print(table)
        return
    widths = [max(len(line[at]) for line in [HEAD, *rows]) for at in range(len(HEAD))]
    for line in [HEAD, ["-" * width for width in widths], *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def print_refusals(asked: list[Asked]) -> None:
    """Why an answer was not given out, or not as it came, in the service's own words (RFC 8914)."""
    print("\nRefused, and what the extended error (EDE) says:")
    for one in asked:
        error = error_of(one.response)
        if one.question.error and error is not None:
            title = dns.edns.EDECode(error.code).name.replace("_", " ").lower()
            print(f"  {one.question.name} {one.question.rrtype}: {int(error.code)} ({title}), {error.text}")


def print_views(internet: Internet) -> None:
    """Which names each operator saw, and what nobody saw."""
    print("\nWhat each operator saw (the full name: a forwarder needs it to answer; DS and DNSKEY: to validate):")
    for operator in OPERATORS:
        mine = [one for one in internet.log if one.operator == operator]
        print(f"  {operator:<6}  {_names(one for one in mine if not one.validates)}")
        if any(one.validates for one in mine):
            print(f"{'':<8}  DS or DNSKEY of {_names(one for one in mine if one.validates)}")
    own = ", ".join(dict.fromkeys(one.operator for one in internet.own))
    print(f"  {own}, not counted above: the keys of the root, to validate, and once a day to follow their changes")
    print("  nobody: client addresses, the client's subnet option, special names, names behind a wrong certificate")
    print("\nWhat each authoritative server saw (QNAME minimisation: one label more than its own zone, and no more):")
    for authority in AUTHORITIES:
        shown = dict.fromkeys(f"{seen.name} {seen.rrtype}" for seen in internet.log if seen.operator == authority.title)
        print(f"  {authority.title:<6} (servers of {authority.zone}): {', '.join(shown) or 'nothing'}")
    print("Minimisation acts where authoritative servers are asked; what a forwarder sees is bounded by `spread`.")


def _names(seen: Iterable[Seen]) -> str:
    return ", ".join(sorted({one.name for one in seen})) or "nothing"
