"""`anchorhold status`: what the running service does."""

from pathlib import Path

import click

from anchorhold.commands.blocked import watched_line
from anchorhold.commands.cells import asked, summary
from anchorhold.commands.exceptions import print_exceptions
from anchorhold.commands.pause import paused_lines
from anchorhold.control_client import Answer
from anchorhold.terminal import (
    CommandFailed,
    Exit,
    by_cell,
    complain,
    control_option,
    json_option,
    percent,
    print_json,
    print_table,
    printable,
    rows_of,
    service_answer,
    show,
    show_time,
)
from anchorhold.together import together
from anchorhold.troubles import counters_in, troubles
from dhcp.facts import EDGE, WHY

_LEVELS = {"root": "the root", "top": "a top-level domain", "below": "a zone below"}


@click.command(
    epilog="""\b
Examples:
  anchorhold status
  anchorhold status --json

Exit codes: 0 all cells answer, 1 a cell does not answer, 4 no service answers."""
)
@control_option
@json_option
def command(control: Path | None, as_json: bool) -> None:
    """Cells, caches, upstreams, and each operator's share of your questions.

    With [dhcp] leases are counted too. The share is what an operator has seen since the resolver process
    started: of queries, and of different sites (an estimate). No name and no client is shown, for none is kept.
    """
    cells = by_cell(service_answer(control, {"verb": "status"}))
    if as_json:
        print_json(cells)
    else:
        resolver = together(cells)
        _print_cells(cells)
        _print_isolation(control)
        _print_troubles(cells)
        _print_clock(resolver)
        _print_network(resolver)
        _print_policy(resolver)
        _print_upstreams(resolver)
        _print_iterations(resolver)
        _print_keeper(resolver)
        _print_leases(cells.get("dhcp", {}))
        _print_lists(cells.get("lists", {}))
        print_exceptions(resolver)
        _print_counters(cells)
        _print_dhcp_counters(cells.get("dhcp", {}))
    complain(cells)
    missing = [cell for cell in ("front", "resolver") if cell not in cells]
    if missing:
        raise CommandFailed(Exit.NEGATIVE, f"no answer from: {', '.join(missing)} (it may be starting again)")


def _print_cells(cells: dict[str, Answer]) -> None:
    rows = [
        [name, show(line.get("pid")), show(line.get("generation")), show(line.get("restarts"))]
        for name, line in cells.items()
        if "error" not in line
    ]
    print_table("cells", ["cell", "process", "generation", "restarts"], rows)
    form = cells.get("front", {}).get("form")
    if form:
        click.echo(f"Code: {show(form)}\n")


def _print_isolation(control: Path | None) -> None:
    """What is in force and what is missing; also where the supervisor cannot be asked: all else is said by the cells."""
    try:
        click.echo("\n".join(summary(asked(control))) + "\n")
    except CommandFailed as error:
        click.echo(f"Isolation: not known ({error.message})\n")


def _print_clock(resolver: Answer) -> None:
    clock = resolver.get("clock")
    if not isinstance(clock, dict):
        return
    shown, floor = show_time(clock.get("date")), show_time(clock.get("not_before"))
    if clock.get("believed"):
        click.echo(f"The clock is believed: it shows {shown}, and it is later than {floor}.\n")
        return
    click.echo(
        f"THE CLOCK IS WRONG: it shows {shown}, and {floor} is over. Set it (NTP, or date).\n"
        f"Until then only the {show(clock.get('time_sources'))} servers of time in [dnssec] time_sources are looked up, and zones"
        " that are not\nvalidated; everything else is answered SERVFAIL. That ends by itself.\n"
    )


def _print_troubles(cells: dict[str, Answer]) -> None:
    """What the machine would not give."""
    said = [
        f"{name}: {trouble.what}, {times} times: {trouble.means}; {trouble.remedy}"
        for name, line in cells.items()
        for trouble, times in troubles(counters_in(line)).items()
    ]
    if said:
        click.echo("\n".join(said) + "\n")


def _print_network(resolver: Answer) -> None:
    """That it changed, or that nobody would notice."""
    network = resolver.get("network")
    if not isinstance(network, dict) or not network:
        return
    if network.get("changes"):
        click.echo(
            f"The network changed {show(network['changes'])} times, the last time {show(network.get('last_change'), ' s')} ago;"
            " each time all\nconnections to upstreams were made anew, and none was resumed.\n"
        )
    if "routes" not in str(network.get("watched")):
        click.echo(f"Changes of the network are not noticed here; watched: {show(network.get('watched'))}.\n")


def _print_policy(resolver: Answer) -> None:
    """What is not as the configuration says, first; and how much of everything there is."""
    policy = resolver.get("policy")
    if not isinstance(policy, dict):
        return
    said = [*paused_lines(policy), *filter(None, [watched_line(policy.get("watched"))])]
    if said:
        click.echo("\n".join(said) + "\n")
    lists, on = policy.get("lists"), [show(row.get("name")) for row in rows_of(policy, "schedules") if row.get("on")]
    row = [
        show(policy.get("rules")),
        str(len(lists)) if isinstance(lists, list) else "-",
        show(policy.get("local_zones")),
    ]
    if set(row) - {"0", "-"} or rows_of(policy, "schedules"):
        print_table(
            "names and rules", ["rules", "lists", "local zones", "schedules now"], [[*row, " ".join(on) or "-"]]
        )


def _print_upstreams(resolver: Answer) -> None:
    rows = [
        [
            show(row.get("group")),
            show(row.get("upstream")),
            show(row.get("operator")),
            show(row.get("state")),
            show(row.get("exchanges")),
            _failures(row.get("failures")),
            show(row.get("latency_ms"), " ms"),
        ]
        for row in rows_of(resolver, "upstreams")
    ]
    print_table("upstreams", ["group", "upstream", "operator", "state", "exchanges", "failures", "latency"], rows)
    shares = [
        [
            show(row.get("operator")),
            show(row.get("queries")),
            percent(row.get("share")),
            show(row.get("sites_estimate")),
            percent(row.get("site_share")),
        ]
        for row in rows_of(resolver, "operators")
    ]
    print_table("what each operator has seen", ["operator", "queries", "of all", "sites (about)", "of all"], shares)


def _print_iterations(resolver: Answer) -> None:
    columns = ("iteration", "zone", "minimise", "family", "learned", "octets")
    rows = [
        [*(show(row.get(column)) for column in columns), _local_root(row.get("local_root"))]
        for row in rows_of(resolver, "iterations")
    ]
    print_table("iterations", [*columns, "local root"], rows)
    shown = [
        [_LEVELS.get(show(row.get("servers_of")), "?"), show(row.get("labels")), show(row.get("questions"))]
        for row in rows_of(resolver, "labels_shown")
    ]
    print_table("labels shown to authoritative servers", ["servers of", "labels below their zone", "questions"], shown)


def _local_root(found: object) -> str:
    if not isinstance(found, dict):
        return "-"
    text = "none"
    if found.get("serial") is not None:
        signature = printable(str(found.get("signature", "not checked")))
        text = f"serial {show(found['serial'])}, good for {show(found['left'])} s, signature {signature}"
    return f"{text}; not taken: {printable(str(found['refused']))}" if found.get("refused") else text


def _print_keeper(resolver: Answer) -> None:
    keeper = resolver.get("keeper")
    if not isinstance(keeper, dict):
        return
    kept = "yes" if keeper.get("kept") else f"no: {show(keeper.get('why_not_kept') or 'the keeper says nothing')}"
    row = [show(keeper.get(column)) for column in ("state", "zones", "problems", "not_before")]
    print_table("trust anchors", ["keeper", "zones followed", "problems", "no clock before", "kept"], [[*row, kept]])


def _print_leases(dhcp: Answer) -> None:
    if dhcp.get("store"):
        click.echo(f"LEASES ARE NOT WRITTEN: {show(dhcp['store'])}; who holds one keeps it, newcomers get none.\n")
    found = dhcp.get("interfaces")
    interfaces = " ".join(show(name) for name in found) if isinstance(found, list) else ""
    if "leases" in dhcp:
        row = [interfaces or "none", *(show(dhcp.get(column)) for column in ("leases", "offers", "owed"))]
        print_table("leases", ["interfaces", "leases", "offers", "not written yet"], [row])


def _print_lists(line: Answer) -> None:
    columns = ("name", "state", "entries", "protected")
    rows = [[show(row.get(column)) for column in columns] for row in rows_of(line, "lists")]
    print_table("lists", ["list", "state", "entries", "of protected names"], rows)
    if line.get("problem"):
        click.echo(f"LISTS: {show(line['problem'])}\n")


def _failures(found: object) -> str:
    if not isinstance(found, dict) or not any(found.values()):
        return "-"
    return " ".join(f"{show(why)}:{show(count)}" for why, count in found.items() if count)


def _print_counters(cells: dict[str, Answer]) -> None:
    for name, line in cells.items():
        for field in ("counters", "cache") if name != "dhcp" else ():
            found = line.get(field)
            if isinstance(found, dict):
                rows = [[show(key), show(value)] for key, value in sorted(found.items())]
                print_table(f"{name} {field}", ["what", "number"], rows)


def _print_dhcp_counters(dhcp: Answer) -> None:
    found, texts = dhcp.get("counters"), WHY | EDGE
    if isinstance(found, dict):
        rows = [[show(what), show(number), texts.get(what, "-")] for what, number in sorted(found.items())]
        print_table("dhcp counters", ["what", "number", "that is"], rows)
