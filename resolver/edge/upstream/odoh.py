"""Oblivious DoH (RFC 9230): questions sealed for a target, handed to a relay, which alone is ever connected to."""

from net.h2 import Response, StreamFailed
from privacy.channel import Channel, Kind
from privacy.odoh import MEDIA_TYPE, SEED, Sealed, TargetKey, open_answer, seal_query
from resolver.edge.upstream.doh import Https, HttpsLink, authority_of, post_headers
from resolver.edge.upstream.failures import stream_failure
from resolver.edge.upstream.pooled import tls_client
from resolver.edge.upstream.port import LARGEST, Tools, UpstreamFailed, Why
from resolver.edge.upstream.targetkeys import TargetKeys, relay_path
from resolver.settings import ObliviousTarget, Profile, UpstreamSpec
from wire.errors import Malformed
from wire.units import Instant

UNAUTHORIZED = 401
"""What a target says to a key it does not know (RFC 9230 §4.3)."""

OBLIVIOUS = MEDIA_TYPE.encode()
_QR = 0x80


class KeyRefused(UpstreamFailed):
    """The target does not know this key any more."""

    def __init__(self, key: TargetKey) -> None:
        super().__init__(Why.KEYS, "the target does not know its key")
        self.key = key


def open_odoh(spec: UpstreamSpec, profile: Profile, tools: Tools) -> "Odoh":
    """A target behind a relay, which must prove its name or pin whatever the profile. Raises ValueError without a target."""
    if spec.target is None:
        raise ValueError("an oblivious upstream without a target")
    return Odoh(spec, spec.target, tools)


class Odoh(Https):
    """One pair of relay and target. The spec's addresses are the relay's; of the target no address is known here."""

    def __init__(self, spec: UpstreamSpec, target: ObliviousTarget, tools: Tools) -> None:
        channel = Channel(Kind.ODOH, encrypted=True, authenticated=True)
        super().__init__(spec, tools, channel, tls_client(spec, Profile.STRICT, tools, alpn=("h2",)))
        self._path = relay_path(spec.path, target).encode()
        self._authority = authority_of(spec)
        self._keys = TargetKeys(target, tools)

    async def exchange(self, query: bytes, deadline: Instant, most: int = LARGEST) -> bytes:
        """As the port says. A key that the target has dropped costs one more round, not the question."""
        await self._keys.have(deadline)
        try:
            return await super().exchange(query, deadline, most)
        except KeyRefused as refused:
            await self._keys.replace(refused.key, deadline)
        self._tools.count("odoh-keys-renewed")
        return await super().exchange(query, deadline, most)

    async def ask(self, link: HttpsLink, query: bytes, deadline: Instant, most: int) -> bytes:
        """One request: sealed anew each time, for a key is used for one query only."""
        key = self._keys.current()
        sealed = _seal(key, query, self._tools.entropy(SEED))
        try:
            headers = post_headers(self._authority, self._path, OBLIVIOUS, len(sealed.body))
            response = await link.request(headers, sealed.body, deadline)
        except StreamFailed as error:
            raise stream_failure(error) from None
        if response.status == UNAUTHORIZED:
            raise KeyRefused(key)
        answer = read_answer(sealed, response)
        self._keys.proved()
        return answer

    async def close(self) -> None:
        """As the port says."""
        await self._keys.close()
        await super().close()


def is_oblivious(response: Response) -> bool:
    """Whether it says of itself that it is an oblivious message (RFC 9230 §4.3)."""
    kinds = [value for name, value in response.headers if name == b"content-type"]
    return [kind.split(b";")[0].strip().lower() for kind in kinds] == [OBLIVIOUS]


def read_answer(sealed: Sealed, response: Response) -> bytes:
    """The DNS response in what the relay brought. Raises UpstreamFailed."""
    if response.status != 200:
        raise UpstreamFailed(Why.HTTP, f"status {response.status}")
    if not is_oblivious(response):
        raise UpstreamFailed(Why.HTTP, f"not {MEDIA_TYPE}")
    try:
        message = open_answer(sealed, response.body)
    except Malformed as error:
        raise UpstreamFailed(Why.MALFORMED, error.what) from None
    if not message[2] & _QR:
        raise UpstreamFailed(Why.MALFORMED, "not a DNS response")
    return message


def _seal(key: TargetKey, query: bytes, seed: bytes) -> Sealed:
    try:
        return seal_query(key, query, seed)
    except Malformed as error:
        raise UpstreamFailed(Why.KEYS, error.what) from None
