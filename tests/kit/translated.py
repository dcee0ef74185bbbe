"""A resolver with DNS64 over a scripted world that knows a few names."""

from dataclasses import dataclass, field, replace

import dns.message
import dns.rcode
import dns.rdatatype
from kit.judged import judge
from kit.questions import RD, query_for, wire_of
from kit.world import ScriptedWorld, play, settings

from resolver.cache.answers import AnswerMemory
from resolver.compose import Accepted
from resolver.pipeline import Heard, Later, Silent, answer_later, answer_now, ask_again
from resolver.settings import Dns64, ResolverSettings
from resolver.snapshot import Snapshot
from resolver.values import Explanation, Query, Reply
from wire.dns.codes import ExtendedError, QueryFlag, Rcode
from wire.dns.names import read_name, show_name
from wire.units import Instant

PREFIX = "64:ff9b::/96"
ITS_OWN = RD | int(QueryFlag.DO | QueryFlag.CD)
DEADLINE = 5.0
SOA = "example. 300 SOA ns.example. hostmaster.example. 1 7200 900 1209600 120"
NODATA = {"authority": (SOA,)}
NXDOMAIN = {"authority": (SOA,), "rcode": "NXDOMAIN"}
SILENT = Silent(Explanation(ExtendedError.NO_REACHABLE_AUTHORITY, "no upstream answered in time"))
FORGED = Silent(Explanation(ExtendedError.DNSSEC_BOGUS, "a signature does not fit"))
REFUSED = Silent(Explanation(ExtendedError.OTHER, "the upstream says REFUSED"), Rcode.REFUSED)

Says = Silent | dict[str, object] | tuple[str, ...]
Zone = dict[str, Says]
"""`NAME TYPE` → records, or the keywords of a response, or nothing said."""

WWW: Zone = {"www.example. AAAA": NODATA, "www.example. A": ("www.example. 3600 A 192.0.2.33",)}


def translating(*prefixes: str, **more: object) -> ResolverSettings:
    """One upstream group, clients `default` and `kids`, DNS64 with `prefixes`."""
    return replace(settings("a"), dns64=Dns64(prefixes or (PREFIX,), **more))  # type: ignore[arg-type]


@dataclass
class House64:
    """A snapshot, a memory and a world that says what `zone` holds; what is not in it is NXDOMAIN."""

    zone: Zone
    chosen: ResolverSettings = field(default_factory=translating)
    onward: dict[str, str] = field(default_factory=dict)
    """Names that are aliases into another route, and where they lead."""

    def __post_init__(self) -> None:
        self.memory = AnswerMemory(self.chosen.cache)
        self.world = ScriptedWorld(self._says)
        self.deadlines: list[float] = []

    @property
    def snapshot(self) -> Snapshot:
        return Snapshot(self.chosen)

    @property
    def asked(self) -> list[str]:
        return [f"{show_name(q.name)} {dns.rdatatype.to_text(q.rrtype)}" for q, _ in self.world.asked]

    def _says(self, query: Query) -> Heard | Silent:
        name, rrtype = show_name(query.name), dns.rdatatype.to_text(query.rrtype)
        says = self.zone.get(f"{name} {rrtype}", NXDOMAIN)
        if isinstance(says, Silent):
            return says
        records, more = ((), says) if isinstance(says, dict) else (says, {})
        records = more.get("answer", records)
        more = {key: value for key, value in more.items() if key != "answer"}
        accepted = judge(query, wire_of(name, rrtype, *records, **more), self.chosen.cache)
        assert isinstance(accepted, Accepted), accepted
        leads = self.onward.get(name)
        # As iteration gives it (resolver/iterate/compose.py): the alias by itself may be kept.
        return Heard(accepted, 0) if leads is None else Heard(accepted._replace(keep=300), 0, read_name(leads))

    def look(self, query: Query) -> Reply | Later:
        return answer_now(query, self.snapshot, self.memory, self.world.now())

    def ask(self, name: str, rrtype: str = "AAAA", flags: int = RD, group: int = 0) -> Reply:
        found = self.look(query_for(name, rrtype, flags, group))
        return found if isinstance(found, Reply) else self.finish(found)

    def finish(self, later: Later) -> Reply:
        deadline = Instant(self.world.at + DEADLINE)
        return play(answer_later(later, self.snapshot, self.memory, self.world, deadline))

    def refresh(self, name: str) -> Reply:
        later = ask_again(query_for(name, "AAAA"), self.snapshot, self.memory)
        assert later is not None
        return self.finish(later)


def parsed(reply: Reply) -> dns.message.Message:
    return dns.message.from_wire(reply.message)


def show(reply: Reply) -> tuple[str, list[str]]:
    """The rcode, and the answer as `OWNER TTL TYPE DATA`."""
    message = parsed(reply)
    lines = [line for rrset in message.answer for line in rrset.to_text().replace(" IN ", " ").splitlines()]
    return dns.rcode.to_text(message.rcode()), lines


def told(reply: Reply) -> list[str]:
    """Only the data of the answer."""
    return [line.split(" ", 3)[3] for line in show(reply)[1]]
