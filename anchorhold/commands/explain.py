"""`anchorhold explain`: how a question would be decided, and what each party would see."""

from ipaddress import ip_address
from pathlib import Path

import click

from anchorhold import text
from anchorhold.chain_text import chain_lines, exception_text
from anchorhold.control_client import Answer
from anchorhold.terminal import (
    CommandFailed,
    Exit,
    by_cell,
    complain,
    control_option,
    json_option,
    print_json,
    printable,
    rows_of,
    service_answer,
    show,
)
from anchorhold.together import together
from wire.dns.codes import QueryFlag

_LEASE_STEP = ("lease", "a name of a lease, or where such names are: front answers, nothing leaves")
_LEASE_VIEWS = [
    "front process     the client's address, the name, whose lease it is",
    "resolver process  nothing",
    "outside           nothing",
]


@click.command(
    epilog="""\b
Examples:
  anchorhold explain example.net
  anchorhold explain printer.corp.example --client 192.168.1.20
  anchorhold explain example.net HTTPS --json
  anchorhold explain --dnssec example.net

Exit codes: 0 explained, 1 the service says no, or with --dnssec clients get SERVFAIL, 2 no such name, type or address, 4 no
service answers."""
)
@click.argument("name")
@click.argument("rrtype", default="", metavar="[TYPE]")
@click.option("--type", "other_type", default="", help="Record type, instead of TYPE.  [default: A]")
@click.option("--client", default="", help="Decide as for the client with this address.  [default: group default]")
@click.option("--dnssec", is_flag=True, help="Show the chain of trust too. For this the upstreams are asked.")
@control_option
@json_option
def command(
    name: str, rrtype: str, other_type: str, client: str, dnssec: bool, control: Path | None, as_json: bool
) -> None:
    """The path of a question through the policy, step by step. Nothing is sent to any upstream, unless --dnssec says so.

    With --dnssec the name is asked for as for a client, and so are the keys and delegations above it, whatever is remembered:
    each link of the chain of trust is shown, and the first that fails.

    Your --client address goes to the front process only; it tells the resolver process the group.
    """
    try:
        if rrtype and other_type and rrtype != other_type:
            raise ValueError("TYPE and --type are two ways to say the same; give one of them")
        wanted = text.read_type(rrtype or other_type or "A")
        key = text.question_key(text.read_name(name), wanted)
        address = str(ip_address(client)) if client else ""
    except ValueError as error:
        raise CommandFailed(Exit.USAGE, str(error)) from None
    request: Answer = {"verb": "explain", "key": key.hex(), "flags": int(QueryFlag.RD), "client": address}
    if dnssec:
        request["dnssec"] = True
    cells = by_cell(service_answer(control, request))
    chain = together(cells).get("dnssec")
    if as_json:
        print_json(cells)
    else:
        for line in explain_lines(text.show_name(key[:-4]), text.show_type(wanted), address, cells):
            click.echo(line)
        if isinstance(chain, dict):
            click.echo()
            for line in chain_lines(chain):
                click.echo(line)
    complain(cells)
    _judge(chain)


def _judge(chain: object) -> None:
    """That clients get no answer goes into the exit code."""
    verdict = chain.get("verdict") if isinstance(chain, dict) else None
    if isinstance(verdict, dict) and verdict.get("rcode") in ("SERVFAIL", "REFUSED"):
        raise CommandFailed(Exit.NEGATIVE, f"clients get {verdict['rcode']}; the first failure above says why")


def explain_lines(name: str, rrtype: str, client: str, cells: dict[str, Answer]) -> list[str]:
    """The decision as numbered sentences, then what each party sees."""
    front, resolver = cells.get("front", {}), together(cells)
    if front.get("allowed") is False:
        return [f"{name} {rrtype}", "  1. client    not on the access list: no answer at all, nothing leaves"]
    steps = [("client", _client_step(client, front, resolver))]
    if front.get("cached") is not None:
        steps.append(("answers", f"front has one, good for {show(front['cached'])} s more; nothing leaves"))
    steps += [_LEASE_STEP] if front.get("lease") else _resolver_steps(resolver)
    lines = [f"{name} {rrtype}"]
    lines += [f"  {at}. {label:<9} {said}" for at, (label, said) in enumerate(steps, 1)]
    lines += ["", "What each party sees:"]
    # With DNS64 an answer that is there may not be all that is asked for.
    known = resolver.get("cached") is not None and not resolver.get("dns64")
    cached = front.get("cached") is not None or known
    views = _LEASE_VIEWS if front.get("lease") else _views(f"{name} and type {rrtype}", resolver, cached)
    return lines + [f"  {line}" for line in views]


def _client_step(client: str, front: Answer, resolver: Answer) -> str:
    group = show(front.get("group", resolver.get("group")))
    return f"{client} is in group {group}" if client else f"decided for group {group} (no --client given)"


def _resolver_steps(resolver: Answer) -> list[tuple[str, str]]:
    if not resolver or "error" in resolver:
        return [("resolver", f"does not answer: {show(resolver.get('error'))}")]
    steps = _considered(resolver)
    if resolver.get("rule"):
        zone = f" ({show(resolver['zone'])})" if resolver.get("zone") else ""
        return [*steps, ("rule", f"{show(resolver['rule'])}{zone}: answered here; nothing leaves")]
    steps.append(("rule", "none answers this name here"))
    if resolver.get("dns64"):
        steps.append(("dns64", show(resolver["dns64"])))
    cached = resolver.get("cached")
    steps.append(("cache", f"an answer, good for {show(cached)} s more" if cached is not None else "no answer yet"))
    steps.append(("route", f"{show(resolver.get('route'))} goes to group {show(resolver.get('upstream_group'))}"))
    if resolver.get("fallback"):
        steps.append(("fallback", f"{show(resolver['fallback'])}, if nothing can be had there"))
    validation = resolver.get("validation")
    if isinstance(validation, dict):
        steps.append(("dnssec", _validation_step(validation)))
    if resolver.get("strategy") == "iterate":
        steps.append(
            ("iterate", f"from {show(resolver.get('begins_at'))} down, minimise {show(resolver.get('minimise'))}")
        )
        return steps
    steps.append(("strategy", f"{show(resolver.get('strategy'))}, profile {show(resolver.get('profile'))}"))
    if resolver.get("site"):
        steps.append(("site", f"{show(resolver['site'])}: all of it goes to the first operator below"))
    if resolver.get("moved"):
        steps.append(("moved", "the site's own operator does not answer; the next in the site's order takes its place"))
    return steps + [("ask", _server(row)) for row in rows_of(resolver, "order")]


def _considered(resolver: Answer) -> list[tuple[str, str]]:
    """Every rule and line of a list that is about the name, in the order in which they count. Of what is built in only what is
    about it: it is about few names."""
    return [
        ("list" if row.get("kind") == "list" else "rule", _one_considered(row))
        for row in rows_of(resolver, "considered")
        if row.get("kind") != "built in" or row.get("result") != "not its name"
    ]


def _one_considered(row: Answer) -> str:
    kind, what = row.get("kind"), f" {show(row['what'])}" if row.get("what") else ""
    about = f" ({show(kind)}{what})" if kind != "list" else f" ({what.strip()})" if what else ""
    rule = str(row.get("rule", ""))
    if kind == "list":
        source = f" of {show(row['source'])}" if row.get("source") else ""
        return f"{printable(rule.removeprefix('list '))}{source}{about}: {show(row.get('result'))}"
    return f"{printable(rule)}{about}: {show(row.get('result'))}"


def _validation_step(found: Answer) -> str:
    """Whether the answer must be proved, and if not, by whose will."""
    match found.get("outcome"):
        case "trusted":
            return f"must be proved, from the trust anchor of {show(found.get('zone'))} down"
        case "not validated":
            return exception_text(found)
        case _:
            return f"cannot be proved: {show(found.get('why'))}; clients get SERVFAIL"


def _server(row: Answer) -> str:
    latency = show(row.get("latency_ms"), " ms")
    return f"{show(row.get('upstream'))} of {show(row.get('operator'))} ({show(row.get('state'))}, {latency})"


def _views(question: str, resolver: Answer, cached: bool) -> list[str]:
    """Sentences: our own cells first, then the resolver's own account of what would leave."""
    views = [
        "front process     the client's address, the name; no upstream",
        "resolver process  the name, the client's group (a group of one device is that device); no address",
    ]
    leaves = resolver.get("leaves")
    if resolver.get("rule") or not isinstance(leaves, list) or not leaves:
        return [*views, "outside           nothing"]
    if cached:
        views.append("outside           nothing while the cached answer lasts; then:")
    if resolver.get("strategy") == "iterate":
        return [*views, *(f"outside           {printable(str(line))}" for line in leaves)]
    # What an oblivious target sees comes from its relay (RFC 9230).
    who, whose = ("target   ", "the relay's") if resolver.get("oblivious") is True else ("forwarder", "this machine's")
    forwarder = f"the {who}     the full name {question}, {whose} address"
    return [*views, forwarder, *(printable(str(line)) for line in leaves)]
