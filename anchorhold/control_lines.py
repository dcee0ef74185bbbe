"""What `front` says of itself to operators: lines of JSON, its own or those of another front that has no control socket."""

from dataclasses import dataclass
from typing import NamedTuple

from anchorhold.__about__ import __version__
from anchorhold.control_requests import Line
from anchorhold.forms import describe
from anchorhold.ipc import Verb
from anchorhold.link import nth
from resolver.admission import Admission
from resolver.edge.serve import Desk
from wire.units import Instant


@dataclass(frozen=True, slots=True)
class Front:
    """What an operator's question is about. `cores`: how many fronts there are; `number`: which this one is, from 0 on."""

    desk: Desk
    admission: Admission
    restarts: int
    pid: int
    cores: int = 1
    number: int = 0


class Wanted(NamedTuple):
    """What is to be explained: a question, its flags (QueryFlag), and who asks it (text, empty: nobody in particular)."""

    key: bytes
    flags: int
    address: str

    def build(self) -> bytes:
        """As the argument of EXPLAIN to another front: flags u8, length of the address u8, the address, the key."""
        address = self.address.encode()
        return bytes((self.flags & 0xFF, len(address))) + address + self.key

    @classmethod
    def parse(cls, argument: bytes) -> "Wanted":
        """What `build` made; what the first front sends is whole."""
        end = 2 + argument[1]
        return cls(argument[end:], argument[0], argument[2:end].decode())


class Explained(NamedTuple):
    """What is said of it, and by what the rest is decided."""

    line: Line
    allowed: bool
    group: int
    lease: bool


def explain(front: Front, wanted: Wanted, now: Instant) -> Explained:
    """How this front deals with a question. Raises ValueError if the address is none."""
    key, flags, address = wanted
    allowed, group = front.admission.group_of(address) if address else (True, 0)
    lease = front.desk.local.answer(key, flags, group, now) is not None
    line: Line = {
        "cell": "front",
        "client": address or None,
        "allowed": allowed,
        "group": front.desk.settings.client_groups[group].name,
        "cached": front.desk.cached_for(key, flags, group, now),
        "lease": lease,
    }
    return Explained(line, allowed, group, lease)


def status_line(front: Front) -> Line:
    """STATUS."""
    return {
        "cell": nth("front", front.number),
        "version": __version__,
        "form": describe(),
        "pid": front.pid,
        "generation": front.desk.settings.generation,
        "restarts": front.restarts,
        "open": front.desk.open,
        "clients": len(front.admission.clients),
        "counters": dict(sorted(front.desk.counters.items())),
        "cache": cache_line(front.desk),
        "leases": {"addresses": len(front.desk.local.leases), "refused": front.desk.local.leases.over},
    }


def cache_line(desk: Desk) -> Line:
    """CACHE_STATS."""
    cache = desk.cache
    return {"answers": len(cache), "octets": cache.size, "ceiling": cache.ceiling, "evicted": cache.evicted}


def answer_fact(front: Front, verb: int, argument: bytes, now: Instant) -> Line:
    """What the first front asks itself and each other one."""
    cell: Line = {"cell": nth("front", front.number)}
    match verb:
        case Verb.STATUS:
            return status_line(front)
        case Verb.CACHE_STATS:
            return cell | {"cache": cache_line(front.desk)}
        case Verb.CACHE_FLUSH if argument:
            return cell | {"flushed": front.desk.cache.flush(argument)}
        case Verb.EXPLAIN if len(argument) > 2:
            return explain(front, Wanted.parse(argument), now).line
        case _:
            return cell | {"error": "this is no question to a front"}
