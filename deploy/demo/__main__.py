"""Start the Internet and the service, ask everything, print what happened; exit 0 only if all of it was as expected."""

import os
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import dns.edns
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

from demo.authorities import AUTHORITIES, BY_TITLE, Authority
from demo.internet import Internet
from demo.questions import ANYBODY, NOBODY, QUESTIONS, Question
from demo.service import Service, free_port
from demo.zone import Seen

PORT = 5300
PADDING_OPTION, COOKIE_OPTION, BLOCK = 12, 10, 128
TRANSPORTS = {"DoT": "tls", "DoH": "https"}


@dataclass(frozen=True, slots=True)
class Asked:
    """One question with everything that is known of what became of it."""

    question: Question
    response: dns.message.Message
    over: str
    seen: tuple[Seen, ...]
    explained: dict[str, object]
    milliseconds: float


def ask(service: Service, internet: Internet, question: Question) -> Asked:
    """Explain first (sends nothing), then ask with dnspython, then look at what the upstreams received."""
    query = dns.message.make_query(question.name, question.rrtype, use_edns=0, payload=1232)
    if question.subnet:
        query.use_edns(0, payload=1232, options=[dns.edns.ECSOption.from_text(question.subnet)])
    key = query.question[0].name.canonicalize().to_wire() + query.question[0].rdtype.to_bytes(2, "big") + b"\0\1"
    explained = service.ask_control({"verb": "explain", "key": key.hex(), "flags": 8, "client": "127.0.0.1"})[1]
    before, start, over = len(internet.log), time.perf_counter(), question.over
    if over == "TCP":
        response = dns.query.tcp(query, "127.0.0.1", timeout=8, port=service.port)
    else:
        response = dns.query.udp(query, "127.0.0.1", timeout=8, port=service.port)
        if response.flags & dns.flags.TC:
            over = "UDP, TCP"
            response = dns.query.tcp(query, "127.0.0.1", timeout=8, port=service.port)
    took = 1000 * (time.perf_counter() - start)
    return Asked(question, response, over, tuple(internet.log[before:]), explained, took)


def data_of(response: dns.message.Message, rrtype: str) -> set[str]:
    """The record data of the type asked for."""
    wanted = dns.rdatatype.from_text(rrtype)
    found = [item.to_text() for rrset in response.answer if rrset.rdtype == wanted for item in rrset]
    return {f"{len(found)} records"} if len(found) > 4 else set(found)


def faults(asked: Asked) -> list[str]:
    """What was not as expected, in words."""
    question, wrong = asked.question, []
    rcode = dns.rcode.to_text(asked.response.rcode())
    if rcode != question.rcode:
        wrong.append(f"response code {rcode}, expected {question.rcode}")
    if data_of(asked.response, question.rrtype) != set(question.answer):
        wrong.append(f"answer {sorted(data_of(asked.response, question.rrtype))}, expected {sorted(question.answer)}")
    if asked.response.question[0].name.labels != dns.name.from_text(question.name).labels:
        wrong.append("the question came back in another spelling")
    operators = {seen.operator for seen in asked.seen}
    expected = {ANYBODY: ({"North"}, {"South"}), NOBODY: (set(),)}.get(question.goes, ({*question.goes.split(", ")},))
    if operators not in expected:
        wrong.append(f"seen by {sorted(operators) or NOBODY}, expected {question.goes}")
    group = asked.explained.get("upstream_group") or ""
    if group != question.group:
        wrong.append(f"explained as group {group!r}, expected {question.group!r}")
    return wrong + [fault for seen in asked.seen for fault in leaks(asked, seen)]


def leaks(asked: Asked, seen: Seen) -> list[str]:
    """What an upstream should not have received, or not in this form."""
    authority = BY_TITLE.get(seen.operator)
    if authority is not None:
        return shown_too_much(asked, seen, authority)
    wrong = []
    if seen.octets % BLOCK:
        wrong.append(f"{seen.octets} octets are no multiple of {BLOCK}")
    if seen.options != (PADDING_OPTION,):
        wrong.append(f"EDNS options {seen.options} arrived upstream, expected padding only")
    order = asked.explained.get("order")
    planned = [str(row["upstream"]) for row in order] if isinstance(order, list) else []
    scheme = TRANSPORTS[seen.transport]
    if not any(row.startswith(f"{scheme}://") for row in planned):
        wrong.append(f"went over {seen.transport}, which the plan did not name")
    return wrong


def shown_too_much(asked: Asked, seen: Seen, authority: Authority) -> list[str]:
    """QNAME minimisation: no authoritative server sees more labels than it needs, nor the type before the last."""
    wrong = []
    labels = seen.name.rstrip(".").count(".") + 1 if seen.name != "." else 0
    if labels > authority.labels:
        wrong.append(f"{authority.title} was shown {seen.name}, {labels} labels")
    if authority.child and seen.rrtype not in ("A", "NS"):
        wrong.append(f"{authority.title} was shown the type {seen.rrtype}")
    if not set(seen.options) <= {COOKIE_OPTION}:
        wrong.append(f"EDNS options {seen.options} arrived at {authority.title}, expected a cookie at most")
    return wrong


def row(asked: Asked) -> list[str]:
    """A line of the table."""
    question = asked.question
    shown = ", ".join(sorted(data_of(asked.response, question.rrtype))) or dns.rcode.to_text(asked.response.rcode())
    if not question.answer and asked.response.rcode() == dns.rcode.NOERROR:
        shown = "no such data"
    seen = asked.seen[-1] if asked.seen else None
    route = f"{asked.explained.get('upstream_group') or 'here'}"
    if seen and seen.operator in BY_TITLE:
        route = "iterate"
    source = "upstream" if seen else ("here" if not question.group else "cache")
    if question.rcode == "SERVFAIL":
        source = "refused"
    return [
        f"{question.name} {question.rrtype}",
        shown if len(shown) <= 40 else shown[:37] + "...",
        f"{route} / {', '.join(dict.fromkeys(s.operator for s in asked.seen)) or '-'}",
        f"{asked.over} / {seen.transport if seen else '-'}",
        str(seen.octets) if seen else "-",
        source,
        f"{asked.milliseconds:.1f}",
    ]


HEAD = ["question", "answer", "route / upstream", "client / upstream", "octets out", "from", "ms"]


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


def print_views(internet: Internet) -> None:
    """Which names each operator saw, and what nobody saw."""
    print("\nWhat each operator saw (the full name: a forwarder needs it to answer):")
    for operator in ("North", "South"):
        names = sorted({seen.name for seen in internet.log if seen.operator == operator})
        print(f"  {operator}: {', '.join(names) or 'nothing'}")
    if internet.own:
        print(f"  {internet.own[-1].operator}: once a day the keys of the root, which the service follows by itself")
    print("  nobody: client addresses, the client's subnet option, special names, names behind a wrong certificate")
    print("\nWhat each authoritative server saw (QNAME minimisation: one label more than its own zone, and no more):")
    for authority in AUTHORITIES:
        shown = dict.fromkeys(f"{seen.name} {seen.rrtype}" for seen in internet.log if seen.operator == authority.title)
        print(f"  {authority.title:<6} (servers of {authority.zone}): {', '.join(shown) or 'nothing'}")
    print("Minimisation acts where authoritative servers are asked; what a forwarder sees is bounded by `spread`.")


def check_sites(asked: list[Asked]) -> list[str]:
    """Every site to one operator only, and not all sites to the same."""
    homes: dict[str, set[str]] = {}
    for one in asked:
        if one.question.group == "default":
            site = ".".join(one.question.name.lower().split(".")[-3:])
            homes.setdefault(site, set()).update(seen.operator for seen in one.seen)
    return [f"site {site} was shown to {sorted(found)}" for site, found in homes.items() if len(found) > 1]


def run(folder: Path) -> int:
    """The whole demo; the number of faults."""
    with Internet(folder) as internet, Service(internet, folder, free_port(PORT)) as service:
        if service.port != PORT:
            print(f"port {PORT} is taken here, so this is on {service.port}")
        asked = [ask(service, internet, question) for question in QUESTIONS]
        wrong = [f"{one.question.name} {one.question.rrtype}: {fault}" for one in asked for fault in faults(one)]
        wrong += check_sites(asked)
        print_table([row(one) for one in asked])
        print_views(internet)
        if wrong:
            print("\nNot as expected:", *wrong, "\nThe service's log:", service.log_text(), sep="\n  ")
        else:
            print(f"\nAll {len(asked)} answers were as expected.")
        if os.environ.get("STAY"):
            stay(service.port)
    return len(wrong)


def stay(port: int) -> None:
    """Keep everything up until Ctrl-C or SIGTERM."""
    print(f"\nStaying up; try: dig @127.0.0.1 -p {port} www.harbour.example   (Ctrl-C ends it)", flush=True)
    signal.sigwait({signal.SIGINT, signal.SIGTERM})


def main() -> None:
    """Exit status 0 only if everything was as expected."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM} if os.environ.get("STAY") else set())
    # The loader reads the CA's file as an unprivileged user when root runs the demo: it must be able to get there.
    folder = Path(tempfile.mkdtemp(prefix="anchorhold-demo-"))
    folder.chmod(0o711)
    try:
        sys.exit(1 if run(folder) else 0)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
