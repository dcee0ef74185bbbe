"""The syntaxes in which lists of names are published, each read into what `compile.py` takes.

A line that cannot be used is reported and left out; a text that is no list at all raises `Unusable`. What each syntax means
here, and what of it is left out and why, is in docs/guide/lists.md.
"""

from collections.abc import Callable, Iterator

from privacy.lists.compile import Item
from privacy.lists.entry import Skipped
from privacy.lists.formats.adblock import read_adblock
from privacy.lists.formats.dnsmasq import read_dnsmasq
from privacy.lists.formats.domains import read_domains
from privacy.lists.formats.guess import guess
from privacy.lists.formats.hosts import read_hosts
from privacy.lists.formats.regex import read_regex
from privacy.lists.formats.rpz import read_rpz
from privacy.lists.formats.text import Unusable, open_text
from privacy.lists.formats.wildcards import read_wildcards

__all__ = ["AUTO", "FORMATS", "MAX_ENTRIES", "Unusable", "guess", "read_list"]

FORMATS: dict[str, Callable[[bytes], Iterator[Item]]] = {
    "hosts": read_hosts,
    "domains": read_domains,
    "wildcards": read_wildcards,
    "regex": read_regex,
    "adblock": read_adblock,
    "rpz": read_rpz,
    "dnsmasq": read_dnsmasq,
}
"""Name of a format → its reader, which takes what `open_text` returns."""

AUTO = "auto"
"""Not a format: the one that `guess` finds."""

MAX_ENTRIES = 5_000_000
"""Of one list; what is longer is refused as a whole, for half a list is a list nobody wrote."""


def read_list(data: bytes, syntax: str) -> Iterator[Item]:
    """Every entry of a list as it was fetched, and every line that is not used. `syntax` is one of FORMATS, or AUTO.

    Lazy: Unusable may be raised at any time, and then nothing of the list should be used.
    """
    text = open_text(data)
    entries = 0
    for item in FORMATS[guess(text) if syntax == AUTO else syntax](text):
        entries += not isinstance(item, Skipped)
        if entries > MAX_ENTRIES:
            raise Unusable(f"more than {MAX_ENTRIES:,} entries")
        yield item
