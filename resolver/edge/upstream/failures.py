"""How failures of connections and of HTTP/2 are called towards the rest of the resolver."""

from net.dial import DialFailed, DialFailure
from net.h2 import StreamFailed, StreamFailure
from resolver.edge.upstream.port import UpstreamFailed, Why

DIAL = {
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


def dial_failure(error: DialFailed) -> UpstreamFailed:
    """A failed connection attempt."""
    return UpstreamFailed(DIAL[error.failure], error.detail)


def stream_failure(error: StreamFailed) -> UpstreamFailed:
    """A failed HTTP/2 request."""
    return UpstreamFailed(STREAM[error.failure], error.detail)
