"""What comes with the program: the root's anchors, and the day it was made."""

from datetime import UTC, datetime
from importlib.resources import files

from anchorhold.__about__ import BUILT
from resolver.dnssec.anchors import anchors_of, read_anchors
from wire.dns.names import ROOT
from wire.dns.signing import DelegationSigner
from wire.units import Epoch

PACKAGED = "data/trust-anchors/root.ds"
"""In the package `anchorhold`; trust-anchors/README.md says where it is from."""


def packaged_root() -> tuple[DelegationSigner, ...]:
    """The root's anchors as packaged."""
    text = files("anchorhold").joinpath(PACKAGED).read_text(encoding="ascii")
    return anchors_of(read_anchors(text)).trusted[ROOT].records


def built_date() -> Epoch:
    """The beginning of the day of this release: the time is not earlier."""
    return Epoch(datetime.fromisoformat(BUILT).replace(tzinfo=UTC).timestamp())
