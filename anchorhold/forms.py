"""In which forms the parts run that have more than one, as `anchorhold version` and `anchorhold status` say it."""

from anchorhold.compiled import FORM
from net.h2_codecs import CODEC


def describe() -> str:
    """Those of this process, and of all that it forks."""
    return f"{FORM}, HTTP/2 by {CODEC.value}"
