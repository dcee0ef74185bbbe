"""The registrable domain of a name, by the public suffix list of a maintained package: data, read at the start and taken apart
at the first question."""

from collections import OrderedDict
from functools import cached_property
from pathlib import Path

from publicsuffixlist import PSLFILE, PublicSuffixList

from wire.dns.names import ROOT, suffixes

REMEMBERED = 20_000
"""Names whose site is kept at hand: a look-up in the list costs some microseconds."""


class Sites:
    """Callable: folded wire name → folded wire name of its site; a public suffix itself is its own site."""

    def __init__(self) -> None:
        # As text: ten thousand names are of use only to who spreads questions over operators.
        self._text = Path(PSLFILE).read_bytes()
        self._known: OrderedDict[bytes, bytes] = OrderedDict()
        """Names inside a site → the site. A name below one of them is in the same site."""

    @cached_property
    def _list(self) -> PublicSuffixList:
        text, self._text = self._text, b""
        return PublicSuffixList(text, accept_unknown=True)

    def __call__(self, name: bytes) -> bytes:
        """The site of `name`. Cannot fail."""
        known = self._known
        site = known.get(name) or known.get(name[1 + name[0] :])
        if site is not None:
            return site
        site = self._find(name)
        if site is None:
            return name
        # The parent is kept rather than the name: it serves all its children.
        parent = name[1 + name[0] :]
        known[parent if len(parent) >= len(site) else name] = site
        if len(known) > REMEMBERED:
            known.popitem(last=False)
        return site

    def _find(self, name: bytes) -> bytes | None:
        labels = [part[1 : 1 + part[0]] for part in suffixes(name) if part != ROOT]
        # Labels with odd octets are in no list; what stands for them must only not hold a dot.
        text = ".".join(label.decode("ascii", "replace").replace(".", "?") for label in labels)
        site = self._list.privatesuffix(text) if text else None
        if site is None:
            return None
        surplus = len(labels) - site.count(".") - 1
        for _ in range(surplus):
            name = name[1 + name[0] :]
        return name
