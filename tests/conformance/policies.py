"""What a scenario's settings say of local data, lists, rules and groups of clients, as tables of our configuration.

What has no table of ours raises Skip, with the reason; docs/conformance.md explains each.
"""

from collections.abc import Iterator
from ipaddress import ip_address, ip_network

import dns.name
import dns.zone
from rplplay.adapter import Skip
from rplplay.settings import Settings

from anchorhold.control_client import ask_service
from anchorhold.terminal import by_cell
from resolver.addresses import is_inside_v4, is_inside_v6

Options = dict[str, list[str]]
Table = dict[str, object]

TYPES = {"static": False, "redirect": False, "transparent": True, "typetransparent": True}
"""Types of unbound's local zones → whether names without a record are resolved like any other."""

BLOCKED_TYPES = {"block_a": "A", "block_a_wdata": "A", "block_aaaa": "AAAA", "block_aaaa_wdata": "AAAA"}
"""Types of unbound's that block a record type at and below the zone, but where there is local data."""

OVERRIDES = {"nxdomain": ".", "nodata": "*.", "passthru": "rpz-passthru.", "drop": "rpz-drop."}
"""unbound's `rpz-action-override` → the alias that says it in a list."""

RESPONSES = {"always_nxdomain": ".", "always_nodata": "*.", "deny": "rpz-drop."}
"""unbound's `response-ip` → the same."""

POLICIES: dict[str, Table] = {
    "policy.all(policy.DENY)": {"action": "block", "domains": ["."]},
    "policy.suffix_common(policy.DENY, policy.todnames({'example.cz', 'nic.cz'}), todname('cz'))": {
        "action": "block",
        "domains": ["example.cz", "nic.cz"],
    },
    "policy.suffix(policy.DENY, {todname('nic.cz')})": {"action": "block", "domains": ["nic.cz"]},
    "policy.suffix(policy.DENY, {todname('example.cz')})": {"action": "block", "domains": ["example.cz"]},
    r"policy.pattern(policy.DENY, '\8example[0-8]\2cz')": {
        "action": "block",
        "patterns": [r"(^|\.)example[0-8]\.cz$"],
    },
    "policy.pattern(policy.PASS, todname('dummy.example.cz'))": {"action": "allow", "domains": ["dummy.example.cz"]},
}
"""knot-resolver's policies, in Lua, as rules."""


def check(settings: Settings) -> None:
    """Raise Skip where somebody may not ask, and for what the tables below would leave out."""
    if any(words[-1] not in ("allow", "allow_snoop") for words in words_of(settings.server, "access-control")):
        raise Skip("an access list that refuses somebody")
    if "workarounds" in settings.features:
        raise Skip("workarounds: servers that knot-resolver knows by name")
    for text in settings.server.get("private-address", []):
        network = ip_network(text)
        is_inside = is_inside_v4 if network.version == 4 else is_inside_v6
        if not (is_inside(network[0].packed) and is_inside(network[-1].packed)):
            raise Skip(f"private-address {text}: which addresses are private is not a setting")


def words_of(options: Options, key: str) -> list[list[str]]:
    """The values of an option of unbound's, each split."""
    return [value.replace('"', "").split() for value in options.get(key, [])]


# Groups of clients and local data.


def views(settings: Settings) -> dict[str, Options]:
    """unbound's views by their names."""
    return {options["name"][-1]: options for clause, options in settings.clauses if clause == "view"}


def groups(settings: Settings) -> dict[str, Table]:
    """The tables `[clients.NAME]`: each view is a group."""
    networks: dict[str, list[str]] = {}
    for network, name in words_of(settings.server, "access-control-view"):
        networks.setdefault(name, []).append(network)
    return {name: {"networks": members} for name, members in networks.items()}


def local_zones(settings: Settings) -> list[Table]:
    """The tables `[[local]]`. A view has its own zones first, and the others only if it says so (`view-first`)."""
    tables, others = [], ["default"]
    taken: dict[str, list[str]] = {}
    for name, options in views(settings).items():
        own = zones_of(options)
        tables += [{**table, "clients": [name]} for table in own.values()]
        if options.get("view-first", ["no"])[-1] == "yes":
            others.append(name)
            for zone in own:
                taken.setdefault(zone, []).append(name)
    for zone, table in zones_of(settings.server).items():
        clients = [name for name in others if name not in taken.get(zone, [])]
        tables.append({**table, "clients": clients} if views(settings) else table)
    return tables


def zones_of(options: Options) -> dict[str, Table]:
    """Zone → its table."""
    tables: dict[str, Table] = {}
    types = {words[0].rstrip("."): words[-1] for words in words_of(options, "local-zone")}
    records: dict[str, list[str]] = {zone: [] for zone in types}
    for record in options.get("local-data", []):
        owner, _, data = record.partition(" ")
        zone = next((zone for zone in types if f".{owner.rstrip('.')}".endswith(f".{zone}")), None)
        if zone is not None:
            records[zone] += records_of(owner.rstrip("."), data, types[zone])
    for zone, kind in types.items():
        if kind == "nodefault" or (kind in BLOCKED_TYPES and not records[zone]):
            continue
        if kind not in {*TYPES, *BLOCKED_TYPES}:
            raise Skip(f"local zones of type {kind}")
        transparent = TYPES.get(kind, True)
        tables[zone] = {"zone": zone, "ptr": False, "records": records[zone], "transparent": transparent}
    return tables


def records_of(owner: str, data: str, kind: str) -> list[str]:
    """A record of local data; in a zone of type redirect it is that of every name below as well."""
    if kind == "redirect" and "CNAME" in data.split():
        raise Skip("an alias for all names below a zone")
    owners = [owner, f"*.{owner}"] if kind == "redirect" else [owner]
    return [f"{name}. {data}" for name in owners]


# Rules.


def rules(settings: Settings) -> list[Table]:
    """The tables `[[rule]]`."""
    return [*policy_rules(settings), *type_rules(settings)]


def policy_rules(settings: Settings) -> Iterator[Table]:
    for text in settings.features.get("policy", []):
        policy = text.removeprefix("policy:add(").removesuffix(")")
        if policy not in POLICIES:
            raise Skip(f"knot-resolver's {policy}")
        rule = POLICIES[policy]
        yield rule if rule["action"] == "allow" else {**rule, "answer": "nxdomain"}


def type_rules(settings: Settings) -> Iterator[Table]:
    for zone, kind in words_of(settings.server, "local-zone"):
        if kind in BLOCKED_TYPES:
            yield {
                "action": "block",
                "domains": [zone.rstrip(".")],
                "types": [BLOCKED_TYPES[kind]],
                "answer": "nodata",
            }


def rebinding(settings: Settings) -> Table:
    """The table [rebinding]. Scenarios answer with whatever addresses they like, but where they are about private ones."""
    allowed = [name.strip('"').rstrip(".") for name in settings.server.get("private-domain", [])]
    return {"protect": "private-address" in settings.server, "allow": allowed}


# Lists.


def lists(settings: Settings, env) -> dict[str, Table]:
    """The tables `[lists.NAME]`."""
    return {
        name: {"file": str(env.workdir / f"{name}.rpz"), "format": "rpz", "redirect": True}
        for name in list_texts(settings, env.scenario)
    }


def write_lists(settings: Settings, env) -> None:
    """The files of the lists."""
    for name, text in list_texts(settings, env.scenario).items():
        env.file(f"{name}.rpz", text)
        (env.workdir / f"{name}.rpz").chmod(0o644)


def are_ready(env) -> bool:
    """Whether the resolver has the image of the lists, if there are any: it serves before, and they come once compiled."""
    if not list(env.workdir.glob("*.rpz")):
        return True
    status = by_cell(ask_service(env.workdir / "control.sock", {"verb": "status"}))
    policy = status.get("resolver", {}).get("policy")
    return isinstance(policy, dict) and bool(policy.get("lists"))


def list_texts(settings: Settings, scenario) -> dict[str, str]:
    """Name of a list → its text, in the order in which they count."""
    texts = {}
    if responses := list(response_lines(settings)):
        texts["responses"] = "\n".join([". SOA . . 1 1 1 1 1", *responses, ""])
    clauses = [options for clause, options in settings.clauses if clause == "rpz"]
    for place, options in enumerate(clauses):
        override = options.get("rpz-action-override", [""])[-1]
        if override == "disabled":
            continue
        if options.get("rpz-signal-nxdomain-ra", [""])[-1] == "yes":
            raise Skip("rpz-signal-nxdomain-ra: an answer without RA")
        text = scenario.tempfiles[options["zonefile"][-1].removeprefix("@TEMPFILE:").removesuffix("@")]
        if "rpz-client-ip" in text:
            raise Skip("triggers of clients: the resolver does not know them")
        texts[f"rpz{place}"] = overridden(text, options, override) if override else text
    return texts


def overridden(text: str, options: Options, override: str) -> str:
    """What an action for all entries makes of a list."""
    target = OVERRIDES[override] if override != "cname" else options["rpz-cname-override"][-1].rstrip(".") + "."
    origin = dns.name.from_text(options["name"][-1])
    found = dns.zone.from_text(text, origin, relativize=False)
    owners = sorted(set(found.nodes) - {origin})
    return "\n".join([f"{origin} SOA . . 1 1 1 1 1", *(f"{owner} CNAME {target}" for owner in owners), ""])


def response_lines(settings: Settings) -> Iterator[str]:
    """unbound's `response-ip` and `response-ip-data`, as entries of a list."""
    data = {network: rest for network, *rest in words_of(settings.server, "response-ip-data")}
    for network, action in words_of(settings.server, "response-ip"):
        if action != "redirect" and action not in RESPONSES:
            raise Skip(f"response-ip {action}: a list has no such action")
        said = ["CNAME", RESPONSES[action]] if action in RESPONSES else data[network]
        yield " ".join([response_owner(network), "3600", *said])


def response_owner(network: str) -> str:
    """The owner of an entry about addresses: `24.0.2.0.192.rpz-ip.`"""
    address, _, length = network.partition("/")
    if ip_address(address).version != 4:
        raise Skip("response-ip with IPv6")
    return ".".join([length, *reversed(address.split(".")), "rpz-ip."])
