"""What the resolver cell may do once it serves: one profile for each event loop."""

import socket

from anchorhold.cells.rules import HEAP, IP_MTU_DISCOVER, IPV6_MTU_DISCOVER, READ_MAP, SNAPSHOT
from anchorhold.sandbox.profile import Rule, SandboxProfile, calls, exactly
from resolver.edge.listen.batched import RECEIVE, SEND

_FLAGS = 0o4000 | 0o2000000
"""SOCK_NONBLOCK | SOCK_CLOEXEC (linux/net.h): as `net/opening.py` makes sockets."""


def profile_of(wait: str, *further: Rule) -> SandboxProfile:
    """The profile on a loop that waits by the system call `wait` and has `further` ones of its own."""
    outside = (
        Rule("socket", (exactly(0, family), exactly(1, kind)))
        for family in (socket.AF_INET, socket.AF_INET6)
        for kind in (socket.SOCK_DGRAM | _FLAGS, socket.SOCK_STREAM | _FLAGS)
    )
    options = (
        Rule("setsockopt", (exactly(1, level), exactly(2, option)))
        for level, option in (
            (socket.IPPROTO_TCP, socket.TCP_NODELAY),
            (socket.IPPROTO_IP, IP_MTU_DISCOVER),
            (socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER),
        )
    )
    return SandboxProfile(
        "resolver",
        calls=(
            *calls(*dict.fromkeys((wait, "epoll_wait")), "recvfrom", "sendto", "close", "getrandom", "epoll_ctl"),
            *outside,
            *options,
            *calls("bind", "connect", "getpid", "futex", RECEIVE, SEND),
            *HEAP,
            *SNAPSHOT,
            *READ_MAP,
            *further,
            *calls("getsockname", "exit_group"),
        ),
    )


PROFILE = profile_of("epoll_wait")
"""On asyncio's own loop."""
PROFILE_UVLOOP = profile_of("epoll_pwait")
"""On uvloop. It makes every descriptor non-blocking that it watches (ioctl(2)), and watches one: that of `net/readiness.py`."""
