"""How much memory (RLIMIT_DATA) each cell may have, by its settings: so much that only a mistake or an attack comes near it.

Caches hold their own ceilings, by a count of theirs that is not below what they take (printed by `tests/faults/full_caches.py`);
half as much again is for holes between entries. A cell that comes up against it ends, and the next one begins with empty caches.
What stays (leases, lists) is counted as it lies on disk when a cell begins: there is always room for it, and for as much as comes
in a life.
"""

from anchorhold.lists.settings import ListsSettings
from resolver.settings import FrontSettings, ResolverSettings, SecureSettings

MEBI = 1024 * 1024

BASE = 96 * MEBI
"""Octets for the program itself: 35 MiB as it begins to serve."""

CLEAR_CONNECTION = 300 * 1024
"""Octets of a client over TCP at most: what it has not read, a message that is not whole, and the connection."""
SECURE_CONNECTION = 160 * 1024
"""Octets of a client over TLS or QUIC, as an average of all: few have much to read."""
UNDER_WAY = 128 * MEBI
"""Octets for all questions of the resolver that are under way: three cells with 1,024 each, and what upstreams send. With more
cores there are two cells more for each."""


def of_caches(octets: int) -> int:
    """For caches with this ceiling."""
    return octets * 3 // 2


def of_front(settings: FrontSettings) -> int:
    """For `front`."""
    return BASE + of_caches(settings.cache.memory) + settings.tcp_clients * CLEAR_CONNECTION


def of_secure(settings: SecureSettings) -> int:
    """For `secure`."""
    return BASE + of_caches(settings.front.cache.memory) + settings.connections * SECURE_CONNECTION


def of_resolver(settings: ResolverSettings) -> int:
    """For the resolver: answers, what follows from proofs, keys, and what each iteration has learned."""
    kinds = 3 + len(settings.iterations) + len(settings.upstream_groups)
    return BASE + UNDER_WAY * (1 + 2 * settings.cores) // 3 + kinds * of_caches(settings.cache.memory)


TOLD = 64 * MEBI
"""Octets that may wait for `front` and `secure` when they do not read: `MAX_UNSENT` of each."""
OF_LEASES = 12
"""Octets for one of the leases on disk."""
NEW_LEASES = 8 * MEBI
"""Octets on disk of leases that are begun in one life of a cell."""


def of_dhcp(leases: int, cores: int = 1) -> int:
    """For `dhcp`. `leases`: octets of those on disk; `cores`: so many of each kind are told."""
    return BASE + TOLD * cores + of_caches(OF_LEASES * (leases + NEW_LEASES))


INDEX = 64 * MEBI
"""Octets for what is known of lists, and for servers that are asked at the same time."""
OF_TEXTS = 3
"""A text out of the configuration is there as it came, as it is used, and once more while the configuration changes."""


def of_lists(settings: ListsSettings, image: int) -> int:
    """For `lists`. `image`: octets of that on disk, which is read at the start. Work on texts is done in other processes; of one
    list a line may be looked for here."""
    texts = sum(len(source.text) for source in settings.sources)
    largest = max((source.max_size for source in settings.sources), default=0)
    return BASE + INDEX + OF_TEXTS * texts + largest + image


KEEPER = BASE
"""Octets for the keeper: it keeps little."""
