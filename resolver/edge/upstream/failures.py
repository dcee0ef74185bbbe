"""How failures of connections and of requests are called towards the rest of the resolver."""

from net.dial import DialFailed, DialFailure
from net.h2 import StreamFailed, StreamFailure
from resolver.edge.upstream.port import UpstreamFailed, Why
from resolver.values import Explanation
from wire.dns.codes import ExtendedError

DIAL = {
    DialFailure.SHORTAGE: Why.BUSY,
    DialFailure.UNREACHABLE: Why.UNREACHABLE,
    DialFailure.TIMEOUT: Why.TIMEOUT,
    DialFailure.RESET: Why.RESET,
    DialFailure.TLS: Why.TLS,
    DialFailure.CERTIFICATE: Why.CERTIFICATE,
}

STREAM = {
    StreamFailure.TIMEOUT: Why.TIMEOUT,
    StreamFailure.LOST: Why.RESET,
    StreamFailure.RESET: Why.RESET,
    StreamFailure.GOAWAY: Why.GOAWAY,
    StreamFailure.TOO_LARGE: Why.TOO_LARGE,
    StreamFailure.PROTOCOL: Why.HTTP,
}

LIES = frozenset({Why.MALFORMED, Why.MISMATCH})

UNSEEN = frozenset({Why.UNREACHABLE, Why.CERTIFICATE, Why.TLS, Why.BUSY, Why.NO_ADDRESS, Why.KEYS})
"""Failures before anything was sent: the operator learned nothing."""

EXPLANATIONS = {
    Why.TIMEOUT: Explanation(ExtendedError.NO_REACHABLE_AUTHORITY, "no upstream answered in time"),
    Why.UNREACHABLE: Explanation(ExtendedError.NETWORK_ERROR, "no upstream could be reached"),
    Why.RESET: Explanation(ExtendedError.NETWORK_ERROR, "upstreams ended their connections"),
    Why.CERTIFICATE: Explanation(ExtendedError.NETWORK_ERROR, "no upstream proved its name or key; nothing was sent"),
    Why.TLS: Explanation(ExtendedError.NETWORK_ERROR, "no secure connection to an upstream"),
    Why.MALFORMED: Explanation(ExtendedError.INVALID_DATA, "upstreams sent what is no answer"),
    Why.MISMATCH: Explanation(ExtendedError.INVALID_DATA, "upstreams answered another question"),
    Why.TOO_LARGE: Explanation(ExtendedError.INVALID_DATA, "an upstream's answer was too large"),
    Why.HTTP: Explanation(ExtendedError.NETWORK_ERROR, "upstreams answered with an HTTP error"),
    Why.GOAWAY: Explanation(ExtendedError.NETWORK_ERROR, "upstreams closed their connections"),
    Why.BUSY: Explanation(ExtendedError.NETWORK_ERROR, "every upstream is at its limit"),
    Why.NO_ADDRESS: Explanation(ExtendedError.NETWORK_ERROR, "an upstream's address is not known"),
    Why.KEYS: Explanation(ExtendedError.NETWORK_ERROR, "no keys to seal questions with; nothing readable was sent"),
}
"""What clients are told."""


def dial_failure(error: DialFailed) -> UpstreamFailed:
    """A failed connection attempt."""
    return UpstreamFailed(DIAL[error.failure], error.detail)


def stream_failure(error: StreamFailed) -> UpstreamFailed:
    """A failed request over HTTP or QUIC."""
    return UpstreamFailed(STREAM[error.failure], error.detail)
