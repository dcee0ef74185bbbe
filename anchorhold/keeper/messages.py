"""What the resolver and the keeper say to each other, over the framing of `anchorhold/ipc.py`; bodies are msgpack."""

from dataclasses import dataclass
from typing import TypeVar

import msgspec

from anchorhold.ipc import Message
from anchorhold.keeper.exceptions import Excepted, Wanted
from resolver.dnssec.rollover import TrustPoint
from resolver.iterate.verdict import RRset
from wire.dns.codes import RecordType
from wire.errors import Malformed
from wire.units import Epoch

T = TypeVar("T")

MORE = 1
"""Flag of ANCHORS: another trust point follows."""

NONE = 2
"""Flag of ANCHORS: no zone is followed, and there is no body."""

NOTHING = 1
"""Flag of KEYS: they could not be had."""


@dataclass(frozen=True, slots=True)
class Told:
    """One trust point as the keeper has it. `floor`: no clock is believed that shows less. `storage`: why nothing can be saved;
    empty if it can. `problem`: why the last look showed nothing; empty if it did."""

    point: TrustPoint
    floor: Epoch
    storage: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class InForce:
    """All exceptions from validation that an operator has made. `kept`: they outlive a restart; `refused`: why the one that was
    asked for is not among them, empty if it is."""

    exceptions: tuple[Excepted, ...]
    kept: bool = True
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A zone's DNSKEY RRset with its signatures, as it was heard: RDATA, uncompressed."""

    zone: bytes
    ttl: int
    rdatas: tuple[bytes, ...]
    signatures: tuple[bytes, ...]

    @property
    def rrset(self) -> RRset:
        """The same, as what verifies it wants it."""
        return RRset(self.zone, int(RecordType.DNSKEY), self.ttl, self.rdatas, self.signatures)


def pack(value: Told | Found | Wanted | InForce) -> bytes:
    """The body of ANCHORS, KEYS, EXCEPT or EXCEPTIONS."""
    return msgspec.msgpack.encode(value)


def unpack(message: Message, shape: type[T]) -> T:
    """The value in a message's body. Raises Malformed."""
    try:
        return msgspec.msgpack.decode(message.body, type=shape)
    except msgspec.DecodeError as error:
        raise Malformed(f"{message.type.name}: {error}") from None
