"""How much memory (RLIMIT_DATA) each cell may have, by its settings: so much that only a mistake or an attack comes near it.

Caches hold their own ceilings, by a count of theirs that is not below what they take (printed by `tests/faults/full_caches.py`);
half as much again is for holes between entries. A cell that comes up against it ends, and the next one begins with empty caches.
"""

from resolver.settings import FrontSettings, ResolverSettings, SecureSettings

MEBI = 1024 * 1024

BASE = 96 * MEBI
"""Octets for the program itself: 35 MiB as it begins to serve."""

CLEAR_CONNECTION = 300 * 1024
"""Octets of a client over TCP at most: what it has not read, a message that is not whole, and the connection."""
SECURE_CONNECTION = 160 * 1024
"""Octets of a client over TLS or QUIC, as an average of all: few have much to read."""
UNDER_WAY = 128 * MEBI
"""Octets for all questions of the resolver that are under way: three cells with 1,024 each, and what upstreams send."""


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
    return BASE + UNDER_WAY + kinds * of_caches(settings.cache.memory)


KEEPER = BASE
"""Octets for the keeper: it keeps little."""
