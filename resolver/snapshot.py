"""One generation of settings, with its tables built: what a running question holds on to. Never changes."""

import math

from resolver.dnssec.scope import anchors_for
from resolver.policy import judges_for
from resolver.policy.book import Book, Ledger
from resolver.policy.dns64 import Translator
from resolver.policy.local_data import LocalData
from resolver.policy.rebinding import Inside
from resolver.routes import Routes
from resolver.settings import ResolverSettings, Route
from resolver.values import Query
from wire.dns.codes import RecordType
from wire.dns.names import ROOT, parent, suffixes

_DS = int(RecordType.DS)


class Snapshot:
    """Settings and what is looked up in them."""

    __slots__ = (
        "_anchored",
        "book",
        "dns64",
        "generation",
        "guard",
        "judges",
        "lasting",
        "local",
        "routes",
        "settings",
        "untouched",
    )

    def __init__(self, settings: ResolverSettings, book: Book | None = None, former: "Snapshot | None" = None) -> None:
        """`book`: what of the rules and lists counts now; without one, those without a schedule. What is the same in `former` is
        not built again."""
        self.book = book or Book(Ledger(settings.policy))
        self.settings = settings
        self.generation = settings.generation
        self.routes = Routes(settings.routes)
        self.dns64 = None if settings.dns64 is None else Translator(settings.dns64)
        known = former is not None and former.settings.policy is settings.policy
        groups = len(settings.client_groups)
        self.local: LocalData = (
            former.local if former is not None and known else LocalData(settings.policy.local, groups)
        )
        self.guard = Inside(settings)
        self.judges = judges_for(self)
        self.untouched = not (self.book.acts or settings.policy.rebinding.protect)
        """Whether answers go out as they came, for every client group."""
        self.lasting = self.book.until == math.inf
        """Whether what counts is the same for good."""
        self._anchored: dict[int, frozenset[bytes]] = {}

    def translator(self, query: Query) -> Translator | None:
        """Who judges the answer to `query` again, if anybody does."""
        return self.dns64 if self.dns64 is not None and self.dns64.acts_on(query) else None

    @property
    def places(self) -> tuple[object, ...]:
        """What the indices in routes stand for."""
        return self.settings.upstream_groups, self.settings.iterations

    def route(self, query: Query) -> Route | None:
        """Where `query` goes."""
        book = self.book
        own = book.route(query) if book.routes else None
        return own or self.routes.find(query.name, query.group)

    def believed_from(self, query: Query, place: int) -> bytes:
        """The zone where it is decided, for the way at `place`, whether `query`'s name is validated, and by which keys: that
        of the closest trust anchor or negative one. What the zones above it say of the name does not count."""
        zones = self._anchored.get(place)
        if zones is None:
            anchors = anchors_for(self.settings, place)
            zones = self._anchored[place] = frozenset((*anchors.trusted, *anchors.negative))
        # A DS is the parent's.
        start = parent(query.name) if query.rrtype == _DS and query.name != ROOT else query.name
        for zone in suffixes(start):
            if zone in zones:
                return zone
        return ROOT
