"""The keys of an oblivious target, which live in memory only and are changed by the clock."""

from collections.abc import Callable, Mapping

from privacy.odoh import SEED, KeyPair, build_configs, make_key
from wire.units import Instant, Seconds

LIFETIME = Seconds(86_400.0)
"""How long a key is shown; as long again it still opens queries, for clients that fetched it late."""


class KeyRing:
    """The key in use and the one before it. Who holds neither is told so and fetches the keys again."""

    def __init__(self, entropy: Callable[[int], bytes], now: Instant, lifetime: Seconds = LIFETIME) -> None:
        self._entropy = entropy
        self._lifetime = lifetime
        self._current = self._made()
        self._former: KeyPair | None = None
        self._until = Instant(now + lifetime)
        self._by_id = self._known()

    def known(self, now: Instant) -> Mapping[bytes, KeyPair]:
        """The keys that open queries now, by their ids."""
        self._turn(now)
        return self._by_id

    def configs(self, now: Instant) -> bytes:
        """The key to seal with from now on (ObliviousDoHConfigs)."""
        self._turn(now)
        return build_configs((self._current.key,))

    def left(self, now: Instant) -> Seconds:
        """Seconds until another key is shown."""
        self._turn(now)
        return Seconds(self._until - now)

    def _turn(self, now: Instant) -> None:
        if now < self._until:
            return
        # Nobody came for a whole lifetime: the key before this one is too old as well.
        self._former = None if now >= self._until + self._lifetime else self._current
        self._current = self._made()
        self._until = Instant(now + self._lifetime)
        self._by_id = self._known()

    def _made(self) -> KeyPair:
        return make_key(self._entropy(SEED))

    def _known(self) -> Mapping[bytes, KeyPair]:
        return {pair.key.key_id: pair for pair in (self._current, self._former) if pair is not None}
