"""`anchorhold init`: write a first configuration, by questions or by flags."""

import ipaddress
import os
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from anchorhold.config.places import DNS_PORT
from anchorhold.first_config import Answers, HomeNetwork, config_text, suggest_strategy
from anchorhold.operators import Service, read_services
from anchorhold.settings_file import SettingsRefused, read_settings
from anchorhold.terminal import CommandFailed, Exit, json_option, print_json, show
from dhcp.edge.links import read_links

ITERATE = "iterate"
"""Among the names of services: none of them."""

SMALLEST = 16
"""Addresses of a network that devices get addresses in."""

STRATEGIES = ("failover", "fastest", "random", "spread", "race")


@dataclass(frozen=True, slots=True)
class Flags:
    """The command line, as given."""

    upstream: tuple[str, ...]
    iterate: bool
    listen: tuple[str, ...]
    access: tuple[str, ...]
    output: Path
    strategy: str | None
    profile: str
    dhcp: str
    force: bool
    if_missing: bool
    as_json: bool


@click.command(
    epilog="""\b
Examples:
  anchorhold init
  anchorhold init --upstream quad9
  anchorhold init --upstream tls://dns.quad9.net@9.9.9.9 --listen 127.0.0.1:5300 --output anchorhold.toml
  anchorhold init --json
  anchorhold init --upstream quad9 --upstream switch --strategy spread --access 192.168.1.0/24
  anchorhold init --iterate
  anchorhold init --upstream quad9 --dhcp eth0

Exit codes: 0 written (or there, with --if-missing), 2 nobody named to ask, a wrong value, or the file exists."""
)
@click.option(
    "--upstream",
    metavar="URL|NAME",
    multiple=True,
    help="A server to ask, as a URL or by its name in the list. Repeat for more.",
)
@click.option("--iterate", is_flag=True, help="Ask no operator: resolve names from the root on.")
@click.option(
    "--listen",
    metavar="ADDRESS:PORT",
    multiple=True,
    help="Where clients ask. Repeat for more.  [default: 127.0.0.1:53 as root, else 127.0.0.1:5300]",
)
@click.option("--access", metavar="NETWORK", multiple=True, help="Who may ask.  [default: loopback, private networks]")
@click.option(
    "--output", type=click.Path(path_type=Path), default="anchorhold.toml", show_default=True, help="File to write."
)
@click.option(
    "--strategy", type=click.Choice(STRATEGIES), help="[default: spread with several operators, else failover]"
)
@click.option("--profile", type=click.Choice(("strict", "opportunistic")), default="strict", show_default=True)
@click.option(
    "--dhcp", metavar="INTERFACE", default="", help="Give out addresses there. Never where another DHCP server is."
)
@click.option("--force", is_flag=True, help="Overwrite the file.")
@click.option("--if-missing", is_flag=True, help="Do nothing, successfully, if the file exists.")
@json_option
def command(**options: object) -> None:
    """Write a first configuration.

    Nothing is sent to anybody. Who is asked is your choice alone: without --upstream and --iterate the choices are
    listed, on a terminal to choose from, elsewhere to come back with one.
    """
    flags = Flags(**options)  # type: ignore[arg-type] # click gives each option the type declared above
    # os.path.exists never raises, as Path.exists does where a directory may not be entered.
    if os.path.exists(flags.output) and not flags.force:
        if flags.if_missing:
            _note_kept(flags)
            return
        raise CommandFailed(Exit.USAGE, f"{flags.output} exists; --force overwrites it, --output names another")
    services = read_services()
    answers = _answers(flags, services)
    _write_checked(flags.output, config_text(answers, services))
    if flags.as_json:
        print_json({"file": str(flags.output), "written": True} | asdict(answers))
        return
    click.echo(f"wrote {flags.output} ({_described(answers)})")
    click.echo(f"next: anchorhold run --config {flags.output}")


def _given(values: tuple[str, ...]) -> tuple[str, ...]:
    """Words of all values: `--upstream "$UPSTREAM"` may be empty or hold several."""
    return tuple(word for value in values for word in value.split())


def _named(flags: Flags) -> tuple[str, ...]:
    """Who may be asked, as far as the command line says."""
    return (*_given(flags.upstream), *((ITERATE,) if flags.iterate else ()))


def _note_kept(flags: Flags) -> None:
    try:
        kept = flags.output.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise CommandFailed(Exit.USAGE, f"{flags.output} exists, but cannot be read: {error.strerror}") from None
    if flags.as_json:
        print_json({"file": str(flags.output), "written": False})
    urls = {service.name: service.url for service in read_services()}
    unnamed = [word for word in _named(flags) if urls.get(word, word) not in kept]
    if unnamed:
        click.echo(f"{flags.output} exists and is kept; not in it: {' '.join(unnamed)} (--force rewrites it)", err=True)


def _described(answers: Answers) -> str:
    if answers.upstreams:
        return f"{answers.strategy}, {answers.profile}, asks: {' '.join(answers.upstreams)}"
    return "iterate, asks: the root's servers and those they lead to, in clear text"


def _answers(flags: Flags, services: tuple[Service, ...]) -> Answers:
    words = _named(flags)
    listen, access = _given(flags.listen), _given(flags.access)
    own, network = _network_on(flags.dhcp) if flags.dhcp else ("", None)
    if own and not listen:
        listen = (f"{own}:{DNS_PORT}", f"127.0.0.1:{DNS_PORT}")
    if not words:
        if flags.as_json:
            print_json([asdict(service) | {"collected": str(service.collected)} for service in services])
        else:
            click.echo(choices_text(services))
        # `make run` passes --upstream "$UPSTREAM" even if it is empty: who comes with flags is not questioned.
        if flags.upstream or flags.as_json or not _asks_a_person():
            said = "nobody named to ask; choose: anchorhold init --upstream NAME or URL, or anchorhold init --iterate"
            raise CommandFailed(Exit.USAGE, said)
        words = _given((click.prompt(f"Which may be asked? Names or URLs, separated by spaces, or {ITERATE}"),))
        listen = listen or _given((click.prompt("Where do clients ask?", default=_default_listen()),))
        access = access or _given((click.prompt("Who may ask? Networks (empty: loopback and private)", default=""),))
    upstreams = _upstreams(words, services)
    if flags.strategy and not upstreams:
        raise CommandFailed(Exit.USAGE, "--strategy chooses among upstreams, and --iterate has none")
    strategy = flags.strategy or suggest_strategy(upstreams, services)
    return Answers(upstreams, listen or (_default_listen(),), access, strategy, flags.profile, network)


def _network_on(interface: str) -> tuple[str, HomeNetwork]:
    """Our IPv4 address there, and its network with the middle of it as pool."""
    links = [link for link in read_links().values() if link.name == interface]
    if not links:
        raise CommandFailed(Exit.USAGE, f"--dhcp {interface}: there is no such interface")
    own = next((one for one in links[0].addresses if len(one.address) == 4), None)
    if own is None:
        raise CommandFailed(
            Exit.USAGE, f"--dhcp {interface}: it has no IPv4 address; give this machine a fixed one first"
        )
    network = ipaddress.IPv4Network((own.address, own.length), strict=False)
    if network.num_addresses < SMALLEST:
        raise CommandFailed(Exit.USAGE, f"--dhcp {interface}: {network} has no room for devices")
    first, last = (network[network.num_addresses * part // 256] for part in (100, 200))
    return str(ipaddress.IPv4Address(own.address)), HomeNetwork(str(network), interface, f"{first}-{last - 1}")


def _asks_a_person() -> bool:
    return sys.stdin.isatty()


def _upstreams(words: tuple[str, ...], services: tuple[Service, ...]) -> tuple[str, ...]:
    """The servers' URLs; none for `iterate`, which stands alone: who sees what must not be left to a guess."""
    if ITERATE not in words:
        return tuple(_as_url(word, services) for word in words)
    others = [word for word in words if word != ITERATE]
    if others:
        said = f"either {ITERATE} or {' '.join(others)}; for both write routes: docs/guide/configuration.md"
        raise CommandFailed(Exit.USAGE, said)
    return ()


def _default_listen() -> str:
    return "127.0.0.1:53" if os.geteuid() == 0 else "127.0.0.1:5300"


def _as_url(word: str, services: tuple[Service, ...]) -> str:
    if "://" in word:
        return word
    for service in services:
        if service.name == word:
            return service.url
    raise CommandFailed(Exit.USAGE, f"{word!r} is neither a URL (tls://NAME@ADDRESS) nor a name in: anchorhold init")


ITERATE_CHOICE = f"""\
{ITERATE}
  resolve by itself from the root (mode = "iterate"): no operator is asked
    shows    each server on the way the part of the name that it needs (RFC 9156): the root the top-level domain,
             that one the site, and only the site's own servers the full name; all see your address
    road     clear text, so your provider and others on the line can read the questions
    write    make run ITERATE=1, or: anchorhold init --iterate
"""


def choices_text(services: tuple[Service, ...]) -> str:
    """The choices: iteration, then the services grouped by operator."""
    lines = ["Nobody is asked unless you say so. One choice is to forward to nobody:", "", ITERATE_CHOICE]
    lines.append("The other is an operator, who gets every full name, by an encrypted road. Known ones, by their own")
    lines.append("published statements (make run UPSTREAM=URL, or: anchorhold init --upstream NAME):")
    for operator in dict.fromkeys(service.operator for service in services):
        own = [service for service in services if service.operator == operator]
        lines += ["", operator, f"  law of {own[0].jurisdiction}; policy {own[0].policy}"]
        for service in own:
            lines += _service_lines(service)
    return "\n".join([*lines, ""])


def _service_lines(service: Service) -> list[str]:
    lines = [f"  {service.name}", f"    filters  {service.filtering}", f"    keeps    {service.logging}"]
    lines.append(f"    dnssec   {show(service.dnssec)}   client subnet sent on: {show(service.subnet)}")
    lines += [f"    {transport:<8} {url}" for transport, url in service.urls.items()]
    return [*lines, f"    as of    {service.collected}"]


def _write_checked(path: Path, text: str) -> None:
    """Write, load, and only then put in place: a wrong value leaves no file."""
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp's mode is 0600
    except OSError as error:
        raise CommandFailed(Exit.USAGE, f"cannot write {path}: {error.strerror}") from None
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        read_settings(draft)
        draft.replace(path)
    except SettingsRefused as refused:
        said = str(refused).replace(str(draft), str(path))
        raise CommandFailed(Exit.USAGE, f"{said}\nnothing was written") from None
    except OSError as error:
        raise CommandFailed(Exit.USAGE, f"cannot write {path}: {error.strerror}") from None
    finally:
        draft.unlink(missing_ok=True)
