"""The registrable domain of a name, by the public suffix list of a maintained package (data, read once at start)."""

from collections import OrderedDict

from publicsuffixlist import PublicSuffixList

from wire.dns.names import ROOT, suffixes

REMEMBERED = 20_000
"""Names whose site is kept at hand: a look-up in the list costs some microseconds."""


class Sites:
    """Callable: folded wire name → folded wire name of its site; a public suffix itself is its own site."""

    def __init__(self) -> None:
        self._list = PublicSuffixList(accept_unknown=True)
        self._known: OrderedDict[bytes, bytes] = OrderedDict()

    def __call__(self, name: bytes) -> bytes:
        """The site of `name`. Cannot fail."""
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = self._find(name)
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return known

    def _find(self, name: bytes) -> bytes:
        labels = [part[1 : 1 + part[0]] for part in suffixes(name) if part != ROOT]
        # Labels with odd octets are in no list; what stands for them must only not hold a dot.
        text = ".".join(label.decode("ascii", "replace").replace(".", "?") for label in labels)
        site = self._list.privatesuffix(text) if text else None
        wanted = len(labels) if site is None else site.count(".") + 1
        for ancestor in suffixes(name):
            if len(labels) == wanted:
                return ancestor
            labels.pop(0)
        return name
