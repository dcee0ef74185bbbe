"""What an operator may be told of a running resolver: status, the path of one question, the cache. Plain values, no text."""

from collections import Counter
from collections.abc import Iterator

from net.clock import now as clock
from resolver.cache.answers import MemoryKey
from resolver.dnssec.anchors import NegativeAnchor, TrustAnchor
from resolver.dnssec.story import about_anchor
from resolver.edge.considering import blocked, considered, paused, policy_status
from resolver.edge.ledger import explain_iteration, is_ledger, iterations_status, labels_shown
from resolver.edge.resolve import Resolver
from resolver.edge.servers import Server
from resolver.pipeline import MAX_CHAIN
from resolver.policy import decide
from resolver.settings import Route, Strategy
from resolver.values import Query
from wire.dns.codes import RecordType
from wire.dns.names import ROOT, parent, show_name

Line = dict[str, object]


def status(resolver: Resolver) -> Line:
    """Counters, upstreams, what each operator has seen; no name."""
    world = resolver.world
    return {
        "generation": resolver.snapshot.generation,
        "open": resolver.open,
        "counters": dict(sorted((resolver.counters + _plain_counters(resolver)).items())),
        "upstreams": [_upstream(group.settings.name, server) for group in world.groups for server in group.servers],
        "operators": _operators(resolver),
        "iterations": iterations_status(resolver.iterations, clock()),
        "labels_shown": labels_shown(world.counters),
        "servers_over_tls": resolver.iterations.sockets.encryption.encrypting(),
        "cache": cache_stats(resolver),
        "clock": _clock(resolver),
        "network": resolver.whereabouts(),
        "policy": policy_status(resolver),
    }


def _clock(resolver: Resolver) -> Line:
    """Whether the clock can be right. Dates are seconds since 1970."""
    resolver.look_at_clock()
    world = resolver.world
    return {
        "believed": not world.wall.wrong,
        "date": int(world.tools.date()),
        "not_before": int(world.wall.floor),
        "time_sources": len(resolver.snapshot.settings.dnssec.time_sources),
    }


def _plain_counters(resolver: Resolver) -> Counter[str]:
    """Those that are shown as they are; operators and the ledger have tables of their own."""
    counters = resolver.world.counters
    return Counter({n: count for n, count in counters.items() if not n.startswith("operator:") and not is_ledger(n)})


def _upstream(group: str, server: Server) -> Line:
    health = server.health
    return {
        "upstream": server.spec.label,
        "operator": server.spec.operator,
        "group": group,
        "state": health.state(clock()).value,
        "exchanges": server.queries,
        "failures": dict(health.failures),
        "latency_ms": _milliseconds(health.rtt),
    }


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(1000 * seconds, 2)


def _operators(resolver: Resolver) -> list[Line]:
    """Each operator's share of the questions that left, and of the sites: estimates without names."""
    world = resolver.world
    queries = {name[9:]: count for name, count in world.counters.items() if name.startswith("operator:")}
    sites = {operator: sketch.estimate() for operator, sketch in world.sketches.items()}
    all_queries, all_sites = max(sum(queries.values()), 1), max(sum(sites.values()), 1)
    return [
        {
            "operator": operator,
            "queries": count,
            "share": round(count / all_queries, 4),
            "sites_estimate": sites[operator],
            "site_share": round(sites[operator] / all_sites, 4),
        }
        for operator, count in sorted(queries.items())
    ]


def cache_stats(resolver: Resolver) -> Line:
    """How full the memory is."""
    memory = resolver.memory
    return {
        "answers": len(memory),
        "octets": memory.size,
        "ceiling": memory.settings.memory,
        "evicted": memory.evicted,
        "failures": memory.count_failures(clock()),
    }


def explain(resolver: Resolver, query: Query, links: int = MAX_CHAIN) -> Line:
    """The path `query` would take now. Sends nothing."""
    snapshot = resolver.snapshot
    if query.group >= len(snapshot.settings.client_groups):
        return {"error": "the configuration has just changed; ask again"}
    line: Line = {"group": snapshot.settings.client_groups[query.group], "rule": None, "cached": None}
    line["considered"] = considered(query, snapshot)
    said = decide(query, snapshot, snapshot.dns64)
    translator = snapshot.translator(query)
    if translator is not None:
        aside = translator.pointed_at(query)
        if aside is not None:
            # Who is asked is decided for the IPv4 address's name.
            return explain(resolver, aside) | {"dns64": f"looked up as {show_name(aside.name)}"}
        if said is None and query.rrtype == RecordType.AAAA:
            line["dns64"] = "without an AAAA record its A records are asked for too, and translated"
    if said is not None:
        line |= {"rule": said.rule, "zone": show_name(said.zone)}
        if not said.onward:
            return line | {"leaves": []}
        if links > 0:
            # What else there is to say is about the name that it leads to.
            target = query._replace(key=said.onward + query.key[-4:])
            return explain(resolver, target, links - 1) | line | {"onward": show_name(said.onward)}
    route = snapshot.route(query)
    if route is None:
        return line | {"route": None, "leaves": [], "error": "no route for this name"}
    left = resolver.memory.left(resolver.memory.key(query, route.upstream_group), clock())
    line |= {
        "cached": round(left, 1) if left is not None and left > 0 else None,
        "route": show_name(route.suffix),
        "fallback": None if route.fallback < 0 else _place_name(resolver, route.fallback),
        "validation": about_anchor(_anchor(resolver, query, route), resolver.world.date()),
    }
    iterator = resolver.routed.iterator(route.upstream_group)
    if iterator is not None:
        return line | explain_iteration(iterator, query, clock())
    return line | _explain_forwarding(resolver, query, route)


def _anchor(resolver: Resolver, query: Query, route: Route) -> TrustAnchor | NegativeAnchor | None:
    """What decides whether the answer must be proved; a DS is its parent's."""
    name = parent(query.name) if query.rrtype == RecordType.DS and query.name != ROOT else query.name
    return resolver.routed.validators.at(route.upstream_group).anchors.closest(name, resolver.world.date())


def _place_name(resolver: Resolver, place: int) -> str:
    """The name of an upstream group or an iteration, by its index in routes."""
    iterator = resolver.routed.iterator(place)
    return resolver.world.groups[place].settings.name if iterator is None else iterator.settings.name


def _explain_forwarding(resolver: Resolver, query: Query, route: Route) -> Line:
    group = resolver.world.groups[route.upstream_group]
    plan = resolver.world.plan(query.name, route.upstream_group)
    servers = [group.servers[index] for index in plan.order]
    spread = group.settings.strategy is Strategy.SPREAD
    return {
        "upstream_group": group.settings.name,
        "strategy": group.settings.strategy.value,
        "profile": group.settings.profile.value,
        "order": [_upstream(group.settings.name, server) for server in servers],
        "site": show_name(resolver.world.site_of(query.name)) if spread else None,
        "moved": plan.moved,
        "leaves": [_leaves(server) for server in servers[: max(plan.at_once, 1)]],
        "oblivious": all(server.spec.target is not None for server in servers[: max(plan.at_once, 1)]),
    }


def _leaves(server: Server) -> str:
    channel = server.upstream.channel()
    if server.spec.target is not None:
        return f"{server.spec.label}: the relay sees the address and no name; the network sees 128-octet steps"
    if channel.encrypted:
        proof = "proved" if channel.authenticated else "not proved"
        return f"{server.spec.label} (identity {proof}) sees the full name; the network sees 128-octet steps"
    return f"{server.spec.label} sees the full name, and so does everybody on the way: this road is clear text"


def dump(resolver: Resolver) -> Iterator[Line]:
    """Every answer kept, without its data."""
    for key in list(resolver.memory.keys()):
        yield _dumped(resolver, key)


def _dumped(resolver: Resolver, key: MemoryKey) -> Line:
    left = resolver.memory.left(key, clock())
    return {
        "name": show_name(key.question[:-4]),
        "type": int.from_bytes(key.question[-4:-2], "big"),
        "flags": key.flags,
        "upstream_group": _place_name(resolver, key.upstream_group),
        "left": None if left is None else round(left, 1),
    }


__all__ = ["Line", "blocked", "cache_stats", "dump", "explain", "paused", "policy_status", "status"]
