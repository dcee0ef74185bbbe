"""The text of a first configuration: TOML with comments, made from a few answers."""

from dataclasses import dataclass

from anchorhold.operators import Service, operator_of
from anchorhold.toml_text import value_text

ITERATE_TEXT = """\
[resolve]
# iterate: nobody gets all the questions. The root's servers, the top-level domains' and each site's own are asked, each
# for its part; in clear text, so whoever listens on the line can read them. forward: [upstreams.default] is needed.
mode = "iterate"
# How little each server is shown (RFC 9156). relaxed: the part it needs, the whole name where a server errs.
# strict: the part it needs, or the name fails. off: the whole name.
minimise = "relaxed"
# any, prefer-ipv4, prefer-ipv6, only-ipv4 or only-ipv6.
family = "any"
"""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a user said. Without `upstreams` names are resolved from the root on. Empty `access` means the built-in list;
    `strategy` is a name of resolver.settings.Strategy."""

    upstreams: tuple[str, ...]
    listen: tuple[str, ...]
    access: tuple[str, ...] = ()
    strategy: str = "failover"
    profile: str = "strict"
    network: "HomeNetwork | None" = None
    """Where addresses are given out."""


@dataclass(frozen=True, slots=True)
class HomeNetwork:
    """A network whose devices get addresses: its prefix, our interface there, first and last address."""

    prefix: str
    interface: str
    pool: str


def suggest_strategy(upstreams: tuple[str, ...], services: tuple[Service, ...]) -> str:
    """`spread` for servers of several operators, else `failover`."""
    operators = {operator_of(url, services) or url for url in upstreams}
    return "spread" if len(operators) > 1 else "failover"


def config_text(answers: Answers, services: tuple[Service, ...]) -> str:
    """The whole file."""
    access = f"allow = {value_text(answers.access)}" if answers.access else '# allow = ["192.168.1.0/24", "fd00::/8"]'
    way = _upstreams_text(answers, services) if answers.upstreams else ITERATE_TEXT
    return f"""\
# Configuration of Anchorhold. Every setting: docs/guide/configuration.md.
# After a change: anchorhold check FILE, then send SIGHUP to the service.

[listen]
# Where clients ask, UDP and TCP. 0.0.0.0 and [::] mean every address of this machine.
addresses = {value_text(answers.listen)}

[access]
# Who may ask; others get no answer at all. Without this line: loopback and private networks.
{access}

{way}
[privacy]
# true writes the names that are asked for into the log. For finding faults only.
log_names = false

{_dhcp_text(answers.network)}"""


def _dhcp_text(network: HomeNetwork | None) -> str:
    given = network or HomeNetwork("192.168.1.0/24", "eth0", "192.168.1.100-192.168.1.199")
    lines = [
        "[dhcp]",
        "[[dhcp.subnet]]",
        f"prefix = {value_text(given.prefix)}",
        f"interface = {value_text(given.interface)}",
        f"pools = {value_text((given.pool,))}",
    ]
    said = [
        "# Addresses for the devices of a network, and this resolver with them: docs/guide/dhcp.md. Never where another DHCP",
        "# server is: turn that one off first.",
        *(lines if network is not None else [f"# {line}" for line in lines]),
        "# Who the router is; without this line devices are told that it is this machine.",
        '# routers = ["192.168.1.1"]',
    ]
    return "\n".join(said) + "\n"


def _upstreams_text(answers: Answers, services: tuple[Service, ...]) -> str:
    servers = "\n".join(f"    {_server(url, services)}," for url in answers.upstreams)
    return f"""\
[upstreams.default]
# strict: the server must prove its name, and nothing ever leaves in clear text.
profile = "{answers.profile}"
# failover: in this order. spread: each site goes to one operator, so that none of them sees all of them.
# Others: fastest, random, race.
strategy = "{answers.strategy}"
# SCHEME://NAME@ADDRESS. Each of these operators gets the full name of every question sent to it.
servers = [
{servers}
]
"""


def _server(url: str, services: tuple[Service, ...]) -> str:
    operator = operator_of(url, services)
    return value_text({"url": url, "operator": operator} if operator else url)
