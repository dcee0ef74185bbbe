"""What comes with the program: the root's anchors, and the day it was made."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from anchorhold.__about__ import BUILT
from resolver.dnssec.anchors import TrustAnchor, read_anchors
from resolver.settings import Anchor
from wire.dns.signing import DelegationSigner, parse_ds
from wire.units import Epoch

PACKAGED = "data/trust-anchors/root.ds"
"""In the package `anchorhold`; trust-anchors/README.md says where it is from."""


@cache
def packaged_root() -> tuple[DelegationSigner, ...]:
    """The root's anchors as packaged; read once."""
    text = (Path(__file__).parents[1] / PACKAGED).read_text(encoding="ascii")
    return tuple(record for anchor in read_anchors(text) for record in anchor.records)


def trust_anchors(anchors: tuple[Anchor, ...]) -> tuple[TrustAnchor, ...]:
    """The same as values with records. Raises Malformed."""
    return tuple(TrustAnchor(anchor.zone, (parse_ds(anchor.delegation),)) for anchor in anchors)


def built_date() -> Epoch:
    """The beginning of the day of this release: the time is not earlier."""
    return Epoch(datetime.fromisoformat(BUILT).replace(tzinfo=UTC).timestamp())
