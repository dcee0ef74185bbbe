"""The ways in which an iteration comes to nothing. Values only."""

from resolver.cache.rrsets import Failed
from resolver.values import Explanation
from wire.dns.codes import ExtendedError

NOBODY = Failed(Explanation(ExtendedError.NO_REACHABLE_AUTHORITY, "no server of the zone answers"))
BUSY = Failed(Explanation(ExtendedError.OTHER, "no place is left for one more question to the zone"), ours=True)
NONSENSE = Failed(Explanation(ExtendedError.INVALID_DATA, "servers of the zone send what is no answer"))
LAME = Failed(Explanation(ExtendedError.NO_REACHABLE_AUTHORITY, "no server of the zone knows it"))
CYCLE = Failed(Explanation(ExtendedError.NO_REACHABLE_AUTHORITY, "its servers' names depend on each other"), True)
TOO_DEEP = Failed(Explanation(ExtendedError.NO_REACHABLE_AUTHORITY, "too many look-ups inside each other"), True)
TOO_MANY = Failed(Explanation(ExtendedError.NO_REACHABLE_AUTHORITY, "too many look-ups of servers' addresses"), True)
TOO_MANY_ALIASES = Failed(Explanation(ExtendedError.OTHER, "aliases without end"))
NO_ADDRESS = Failed(Explanation(ExtendedError.NO_REACHABLE_AUTHORITY, "no address of the zone's servers can be found"))
PAUSED = Failed(Explanation(ExtendedError.CACHED_ERROR, "all servers of the zone erred a moment ago"))
FORGED = Failed(Explanation(ExtendedError.FORGED_ANSWER, "the root's own signature does not hold"))
DOUBTED = Failed(Explanation(ExtendedError.DNSSEC_BOGUS, "what servers of the zone say does not hold"))
NOT_ASKED = frozenset({CYCLE, TOO_DEEP, TOO_MANY, NO_ADDRESS, PAUSED, BUSY})
"""Failures that another name would not spare us."""
