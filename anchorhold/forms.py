"""In which forms the parts run that have more than one, as `anchorhold version` and `anchorhold status` say it."""

from anchorhold.compiled import FORM
from net import h2_codecs, quic_codecs


def describe() -> str:
    """Those of this process, and of all that it forks."""
    return f"{FORM}, HTTP/2 by {h2_codecs.CODEC.value}, QUIC by {quic_codecs.CODEC.value}"
