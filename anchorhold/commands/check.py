"""`anchorhold check`: judge a configuration file."""

from dataclasses import asdict
from pathlib import Path
from typing import NoReturn

import click

from anchorhold.certificate_check import check_certificate
from anchorhold.commands.fitness import check_upstreams
from anchorhold.config.service import Loaded
from anchorhold.dhcp_warnings import shown_subnets
from anchorhold.settings_file import SettingsRefused, read_settings, shown_routes, warnings
from anchorhold.terminal import CommandFailed, Exit, json_option, print_json, print_table
from anchorhold.text import show_name
from net import clock
from resolver.settings import Iteration


@click.command(
    epilog="""\b
Examples:
  anchorhold check anchorhold.toml
  anchorhold check /etc/anchorhold.toml --json
  anchorhold check anchorhold.toml --upstreams

Exit codes: 0 usable (warnings do not count), 1 with --upstreams one of them is unfit, 2 errors."""
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--upstreams", is_flag=True, help="Ask each upstream whether it is fit for DNSSEC.")
@json_option
def command(file: Path, upstreams: bool, as_json: bool) -> None:
    """Judge FILE: all errors together, then warnings, then what would go where. Nothing is sent and nothing changed.

    With --upstreams each server in FILE is asked a few questions about the root, none about your names: whether it gives what
    validation needs, before your household meets SERVFAIL everywhere.
    """
    try:
        loaded = read_settings(file)
    except SettingsRefused as refused:
        _refuse(file, refused, as_json)
    wrong, doubtful = check_certificate(loaded, clock.date())
    if wrong:
        _refuse(file, SettingsRefused(file, wrong), as_json)
    if upstreams:
        check_upstreams(file, loaded, as_json)
        return
    if as_json:
        print_json({"file": str(file), "errors": [], "warnings": warnings(loaded) + doubtful} | _summary(loaded))
        return
    for warning in warnings(loaded) + doubtful:
        click.echo(f"warning: {warning}", err=True)
    _print_summary(file, loaded)


def _refuse(file: Path, refused: SettingsRefused, as_json: bool) -> NoReturn:
    if as_json:
        print_json({"file": str(file), "errors": [asdict(problem) for problem in refused.problems]})
        raise SystemExit(int(Exit.USAGE)) from None
    raise CommandFailed(Exit.USAGE, f"not usable, {len(refused.problems)} to correct:\n{refused}") from None


def _summary(loaded: Loaded) -> dict[str, object]:
    return {
        "listen": [address.text() for address in loaded.service.listen],
        "access": list(loaded.front.allow),
        "clients": {group.name: list(group.networks) for group in loaded.front.client_groups},
        "routes": [asdict(route) for route in shown_routes(loaded)],
        "upstreams": [
            {
                "group": group.name,
                "profile": group.profile.value,
                "strategy": group.strategy.value,
                "servers": [{"upstream": spec.label, "operator": spec.operator} for spec in group.servers],
            }
            for group in loaded.resolver.upstream_groups
        ],
        "iterations": [
            {
                "name": one.name,
                "zone": show_name(one.zone),
                "minimise": one.minimisation.value,
                "family": one.family.value,
                "servers": [address for server in one.servers for address in server.addresses],
            }
            for one in loaded.resolver.iterations
        ],
        "dns64": asdict(loaded.resolver.dns64) if loaded.resolver.dns64 else None,
        "dhcp": None if loaded.dhcp is None else [asdict(one) for one in shown_subnets(loaded.dhcp)],
    }


def _print_summary(file: Path, loaded: Loaded) -> None:
    click.echo(f"{file} is usable: listens on {', '.join(address.text() for address in loaded.service.listen)}")
    routes = [[route.domain, route.clients, route.upstreams, route.fallback] for route in shown_routes(loaded)]
    print_table("routes", ["names at or below", "clients", "go to", "and then to"], routes)
    servers = [
        [group.name, group.profile.value, group.strategy.value, spec.label, spec.operator]
        for group in loaded.resolver.upstream_groups
        for spec in group.servers
    ]
    if servers:
        print_table("upstreams", ["group", "profile", "strategy", "server", "operator"], servers)
    iterations = [
        [one.name, show_name(one.zone), one.minimisation.value, one.family.value, _servers_of(one)]
        for one in loaded.resolver.iterations
    ]
    if iterations:
        print_table("iterations", ["name", "from", "minimise", "family", "first asked"], iterations)
    if loaded.resolver.dns64:
        click.echo(f"dns64: {', '.join(loaded.resolver.dns64.prefixes)}")
    if loaded.dhcp is not None:
        subnets = [[one.subnet, one.interface, one.pools, one.lease] for one in shown_subnets(loaded.dhcp)]
        print_table("dhcp", ["subnet", "heard on", "addresses", "for seconds"], subnets)


def _servers_of(one: Iteration) -> str:
    """Where it begins, short: the root's thirteen servers are no news."""
    addresses = [address for server in one.servers for address in server.addresses]
    return ", ".join(addresses[:3]) + (f" and {len(addresses) - 3} more" if len(addresses) > 3 else "")
