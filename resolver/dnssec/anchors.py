"""Where trust begins, and where it ends by the administrator's will (RFC 4033 §2, RFC 7646)."""

import math
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from resolver.dnssec.algorithms import DIGESTS
from wire.dns.names import ROOT, closest_in, parent, read_name
from wire.dns.signing import DelegationSigner, parse_dnskey, parse_ds
from wire.errors import Malformed
from wire.units import Epoch

MAX_REASON = 100
"""Characters that an exception from validation is explained with: they go into extended errors."""


def is_reason(text: str) -> bool:
    """Whether it says anything, on one line and briefly."""
    return bool(text.strip()) and len(text) <= MAX_REASON and text.isprintable()


@dataclass(frozen=True, slots=True)
class TrustAnchor:
    """The keys that are believed of `zone` (folded), as DS records."""

    zone: bytes
    records: tuple[DelegationSigner, ...]


class By(Enum):
    """Where a negative anchor is from."""

    CONFIGURATION = "configuration"
    ROUTE = "route"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class NegativeAnchor:
    """`zone` and what is below it is not validated, for a reason that people are shown, `until` a date if there is one."""

    zone: bytes
    reason: str
    until: Epoch | None = None
    by: By = By.CONFIGURATION


@dataclass(frozen=True, slots=True)
class Anchors:
    """All of them, by zone. The one closest to a name decides; of two at the same zone, the negative one while it lasts."""

    trusted: Mapping[bytes, TrustAnchor] = field(default_factory=dict)
    negative: Mapping[bytes, NegativeAnchor] = field(default_factory=dict)

    def closest(self, name: bytes, date: Epoch) -> TrustAnchor | NegativeAnchor | None:
        """What decides about `name` (folded); None: nothing can be said of it."""
        trusted, negatives = closest_in(name, self.trusted), self.negative
        zone = closest_in(name, negatives) if negatives else b""
        while len(zone) >= max(len(trusted), 1):
            negative = negatives[zone]
            if negative.until is None or date < negative.until:
                return negative
            zone = closest_in(parent(zone), negatives) if zone != ROOT else b""
        return self.trusted.get(trusted)


def anchors_of(trusted: tuple[TrustAnchor, ...], negative: tuple[NegativeAnchor, ...] = ()) -> Anchors:
    """From what was configured; anchors of the same zone are put together, and of negative ones the last to end counts."""
    together: dict[bytes, tuple[DelegationSigner, ...]] = {}
    for anchor in trusted:
        together[anchor.zone] = together.get(anchor.zone, ()) + anchor.records
    return Anchors(
        {zone: TrustAnchor(zone, records) for zone, records in together.items()},
        {anchor.zone: anchor for anchor in sorted(negative, key=_end)},
    )


def _end(anchor: NegativeAnchor) -> float:
    return math.inf if anchor.until is None else anchor.until


def read_anchors(text: str) -> tuple[TrustAnchor, ...]:
    """Lines `OWNER [TTL] [IN] DS TAG ALGORITHM DIGEST-TYPE DIGEST` or `… DNSKEY FLAGS PROTOCOL ALGORITHM KEY`; `;` begins
    a comment. A key becomes its SHA-256 digest. Raises ValueError with the number of the line."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition(";")[0].split()
        if not words:
            continue
        try:
            found.append(_read_anchor(words))
        except (ValueError, OverflowError, Malformed) as why:
            raise ValueError(f"line {number} is no trust anchor: {why}") from None
    return tuple(found)


def _read_anchor(words: list[str]) -> TrustAnchor:
    zone, rest = read_name(words[0]), [word.upper() for word in words[1:4]]
    kind = next((place for place, word in enumerate(rest, 1) if word in ("DS", "DNSKEY")), 0)
    if not kind:
        raise ValueError("neither DS nor DNSKEY")
    fields, data = words[kind + 1 : kind + 4], "".join(words[kind + 4 :])
    first, second, third = map(int, fields)
    head = first.to_bytes(2, "big") + bytes((second, third))
    if words[kind].upper() == "DS":
        record = parse_ds(head + bytes.fromhex(data))
        if record.digest_type not in DIGESTS or len(record.digest) != DIGESTS[record.digest_type].size:
            raise ValueError("its digest is unknown or has another length")
        return TrustAnchor(zone, (record,))
    rdata = head + b64decode(data, validate=True)
    key = parse_dnskey(rdata)
    return TrustAnchor(zone, (DelegationSigner(key.tag, key.algorithm, 2, DIGESTS[2].hash(zone + rdata)),))
