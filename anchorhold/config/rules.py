"""`[[rule]]` and `[schedules.NAME]`."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from anchorhold.config.bundles import safe_search, services
from anchorhold.config.errors import Path, Wrong
from anchorhold.config.iterations import ITERATE, IterationReader
from anchorhold.config.names import read_address, read_domain
from anchorhold.config.notes import Notes
from anchorhold.config.places import Places
from anchorhold.config.refusals import read_refusal
from anchorhold.config.routes import has_private_servers
from anchorhold.config.schedules import packaged, read_schedule
from anchorhold.config.schema import ConfigFile
from anchorhold.config.schema_policy import RuleTable
from anchorhold.text import read_type
from privacy.lists.entry import Scope
from privacy.lists.patterns import MAX_ALL_INSTRUCTIONS, MAX_PATTERNS, measure
from resolver.policy_settings import Action, Domain, Refusal, Rule, Schedule
from resolver.settings import UpstreamGroup
from wire.dns.codes import RecordType
from wire.dns.names import ROOT

MAX_RULES = 1_000
MAX_DOMAINS = 200_000
"""In all rules together; what is longer is a list."""
MAX_NAME = 60
"""Characters of what a rule is called: it is told in answers."""

ALL = "all"
MODERATE, STRICT = "youtube-moderate", "youtube"
_REWRITTEN = tuple(int(rrtype) for rrtype in (RecordType.A, RecordType.AAAA, RecordType.HTTPS))
"""What safe search rewrites: how a browser finds the engine. Mail and all else of the name stay."""

_ONLY = (
    ("answer", (Action.BLOCK,), "null"),
    ("to", (Action.REWRITE,), ()),
    ("safe_search", (Action.REWRITE,), ()),
    ("upstreams", (Action.ROUTE,), ""),
)
"""Key, the actions that have it, what it is without."""


class RuleReader:
    """Reads the rules of one configuration; says what is wrong through `notes`."""

    def __init__(
        self,
        config: ConfigFile,
        notes: Notes,
        places: Places,
        clients: tuple[str, ...],
        upstreams: tuple[UpstreamGroup, ...],
        iterations: IterationReader,
    ) -> None:
        self._config = config
        self._notes = notes
        self._places = places
        self._clients = clients
        self._upstreams = upstreams
        self._iterations = iterations
        self._instructions = 0

    def rules(self) -> tuple[Rule, ...]:
        """Every rule, in the order in which they count."""
        found = [rule for place, table in enumerate(self._config.rule) for rule in self._read(place, table)]
        if len(self._config.rule) > MAX_RULES:
            self._notes.note(("rule",), f"{len(self._config.rule)} rules", f"at most {MAX_RULES}")
        if sum(len(rule.domains) for rule in found) > MAX_DOMAINS:
            self._notes.note(
                ("rule",),
                f"more than {MAX_DOMAINS} domains",
                "write them into a file and use it as a list: [lists.NAME]",
            )
        if self._instructions > MAX_ALL_INSTRUCTIONS or sum(len(rule.patterns) for rule in found) > MAX_PATTERNS:
            self._notes.note(("rule",), "all patterns together cost too much", "use fewer, or shorter ones")
        return tuple(found)

    def schedules(self) -> tuple[Schedule, ...]:
        """Every schedule, in the order of the file: rules and lists name them by place."""
        packaged()
        return tuple(
            read_schedule(name, table, self._notes, self._places) for name, table in self._config.schedules.items()
        )

    def _read(self, place: int, table: RuleTable) -> Iterator[Rule]:
        path: Path = ("rule", place)
        self._check_keys(path, table)
        domains = (*self._domains(path, table), *self._services(path, table))
        patterns = self._patterns((*path, "patterns"), table.patterns)
        if not (table.domains or table.patterns or table.services or table.safe_search):
            self._notes.note(path, "no domain, so no name", 'write domains = ["example.com"], or ["."] for every name')
        rule = Rule(
            name=self._name(path, place, table),
            action=table.action,
            groups=self._notes.groups((*path, "clients"), table.clients, self._clients),
            domains=domains,
            patterns=patterns,
            types=tuple(rrtype for _, rrtype in self._notes.each((*path, "types"), table.types, read_record_type)),
            schedule=self._schedule(path, table),
        )
        match table.action:
            case Action.BLOCK:
                refusal = self._notes.one((*path, "answer"), table.answer, read_refusal, Refusal())
                yield replace(rule, refusal=refusal)
            case Action.ROUTE:
                group, private = self._way(path, table)
                yield replace(rule, upstream_group=group, private=private and all(d.name != ROOT for d in domains))
            case Action.REWRITE if table.safe_search:
                yield from self._safe_search(path, table, rule)
            case Action.REWRITE:
                addresses, target = self._target((*path, "to"), table.to)
                yield replace(rule, addresses=addresses, target=target)
            case _:
                yield rule

    def _check_keys(self, path: Path, table: RuleTable) -> None:
        for key, actions, without in _ONLY:
            if getattr(table, key) != without and table.action not in actions:
                only = " or ".join(action.value for action in actions)
                self._notes.note(
                    (*path, key), f"{table.action.value} has no {key}", f'drop it, or write action = "{only}"'
                )
        if table.action is Action.REWRITE and table.services:
            self._notes.note((*path, "services"), "a whole service has no other name", "block it, or name its domains")
        if table.action is Action.REWRITE and bool(table.to) == bool(table.safe_search):
            what = "both to and safe_search" if table.to else "nothing to rewrite to"
            self._notes.note(path, what, 'write to = ["192.168.1.2"], to = ["other.example"] or safe_search = ["all"]')
        if table.safe_search and (table.domains or table.patterns):
            key = "domains" if table.domains else "patterns"
            self._notes.note((*path, key), "safe search knows its names", f"drop {key}, or write a rule of their own")
        if table.action is Action.ROUTE and not table.upstreams:
            self._notes.note(path, "this route leads nowhere", 'write upstreams = "GROUP", or "iterate"')

    def _name(self, path: Path, place: int, table: RuleTable) -> str:
        name = table.name or str(place + 1)
        if len(name) > MAX_NAME or not name.isascii() or not name.isprintable() or name != name.strip():
            self._notes.note((*path, "name"), f"{name!r} is no name for a rule", f"up to {MAX_NAME} ASCII characters")
        if table.name and any(other.name == table.name for other in self._config.rule[:place]):
            self._notes.note((*path, "name"), f"another rule is called {name!r}", "explain could not tell them apart")
        return name

    def _schedule(self, path: Path, table: RuleTable) -> int:
        if not table.schedule:
            return -1
        return self._notes.known((*path, "schedule"), table.schedule, self._config.schedules, "schedule")

    def _domains(self, path: Path, table: RuleTable) -> tuple[Domain, ...]:
        return tuple(domain for _, domain in self._notes.each((*path, "domains"), table.domains, read_scope))

    def _services(self, path: Path, table: RuleTable) -> tuple[Domain, ...]:
        found: list[bytes] = []
        for at, name in enumerate(table.services):
            if self._notes.known((*path, "services", at), name, services(), "service") >= 0:
                found += services()[name]
        return tuple(map(Domain, found))

    def _patterns(self, path: Path, texts: Sequence[str]) -> tuple[str, ...]:
        def read(text: str) -> str:
            try:
                self._instructions += measure(text)
            except ValueError as error:
                raise Wrong(
                    f"{text!r}: {error}", "write it as RE2 has it (no look-around, no back references)"
                ) from None
            return text

        return tuple(text for _, text in self._notes.each(path, texts, read))

    def _target(self, path: Path, texts: Sequence[str]) -> tuple[tuple[bytes, ...], bytes]:
        try:
            return read_target(texts)
        except Wrong as wrong:
            self._notes.note(path, wrong.what, wrong.hint)
        return (), b""

    def _way(self, path: Path, table: RuleTable) -> tuple[int, bool]:
        """The upstream group, and whether its servers are of this network."""
        if not table.upstreams:
            return -1, False
        names = [group.name for group in self._upstreams]
        at = self._notes.known((*path, "upstreams"), table.upstreams, [*names, ITERATE], "upstream group")
        if at == len(names):
            return len(names) + self._iterations.root(), False
        return at, at >= 0 and has_private_servers(self._upstreams[at])

    def _safe_search(self, path: Path, table: RuleTable, rule: Rule) -> Iterator[Rule]:
        known = safe_search()
        words = [word for word in known if word != MODERATE] if ALL in table.safe_search else []
        for at, word in enumerate(table.safe_search):
            if word != ALL and self._notes.known((*path, "safe_search", at), word, (*known, ALL), "safe search") >= 0:
                words.append(word)
        if MODERATE in words and STRICT in table.safe_search:
            self._notes.note((*path, "safe_search"), "YouTube both strict and moderate", "write one of them")
        if MODERATE in words and STRICT in words:
            words.remove(STRICT)
        for word in dict.fromkeys(words):
            names = tuple(Domain(name, Scope.EXACT) for name in known[word].names)
            types = rule.types or _REWRITTEN
            yield replace(rule, name=f"{rule.name} {word}", domains=names, target=known[word].target, types=types)


def read_scope(text: str) -> Domain:
    """`example.com` with what is below, `=example.com` alone, `*.example.com` what is below. Raises Wrong."""
    if text.startswith("="):
        return Domain(read_domain(text[1:]), Scope.EXACT)
    if text.startswith("*."):
        return Domain(read_domain(text[2:]), Scope.BELOW)
    if "*" in text:
        raise Wrong(f"{text!r} has a * elsewhere", "write *.example.com, or a pattern")
    return Domain(read_domain(text))


def read_record_type(text: str) -> int:
    """A record type's number. Raises Wrong."""
    try:
        return read_type(text)
    except ValueError:
        raise Wrong(f"{text!r} is no record type", "write one such as AAAA or HTTPS") from None


def read_target(texts: Sequence[str]) -> tuple[tuple[bytes, ...], bytes]:
    """Addresses, or else one name (folded). Raises Wrong."""
    addresses = [_packed(text) for text in texts]
    if all(addresses):
        return tuple(addresses), b""
    if len(texts) > 1:
        raise Wrong("names, or a name beside addresses", "write addresses only, or one name")
    return (), read_domain(texts[0])


def _packed(text: str) -> bytes:
    try:
        return read_address(text).packed
    except Wrong:
        return b""
