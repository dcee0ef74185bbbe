"""What a forwarder's answer comes to for a client, where nothing is validated."""

from resolver.accept import Fault, Rejected, read
from resolver.compose import Accepted, compose
from resolver.settings import CacheSettings
from resolver.values import Query
from wire.errors import Malformed


def judge(query: Query, data: bytes, limits: CacheSettings) -> Accepted | Rejected:
    verdict = read(query.key, data, limits)
    try:
        return verdict if isinstance(verdict, Rejected) else compose(query, verdict.resolved, limits)
    except Malformed:
        return Rejected(Fault.MALFORMED)
