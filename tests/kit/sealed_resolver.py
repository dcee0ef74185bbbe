"""A resolver cell as a real process under its own filter, with a `front` that the test plays."""

import itertools
import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import dns.message
from kit.front import PATIENCE, RunningFront, alone
from kit.meeting import profile_for
from kit.questions import RD, key_of
from kit.world import UNVALIDATED

from anchorhold import snapshot
from anchorhold.ipc import CREDITS, MessageType, Verb, build_message, parse_reply
from anchorhold.link import LinkType, send_message
from resolver.settings import CacheSettings, ResolverSettings, Route, UpstreamGroup, UpstreamSpec
from wire.dns.names import read_name

START_PATIENCE = 60.0
"""Seconds until a process of its own serves, on a machine that has much to do."""


@dataclass
class RunningResolver(RunningFront):
    """`peer` is front's end of the pair."""

    generation: int = 1
    handles: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def grant(self, credits: int = CREDITS) -> None:
        """Credits are the resolver's to give."""

    def put(self, name: str, kind: str = "A", flags: int = RD, patience: int = 5_000) -> int:
        """Ask, and do not wait; gives the handle. `patience` in milliseconds."""
        handle = next(self.handles)
        key, generation = key_of(name, kind), self.generation
        self.send(build_message(MessageType.QUERY, handle, key, flags=flags, generation=generation, deadline=patience))
        return handle

    def reply_to(self, handle: int) -> bytes:
        """The message of the reply to what was asked under this handle; others are passed over."""
        while (message := self.next_message(MessageType.REPLY)).handle != handle:
            pass
        return parse_reply(message).message

    def ask(self, name: str, kind: str = "A", flags: int = RD, patience: int = 5_000) -> dns.message.Message:
        """What it replies, whatever that is."""
        return dns.message.from_wire(self.reply_to(self.put(name, kind, flags, patience)))

    def resolves(self, name: str) -> bool:
        """Whether the answer has one address."""
        return ["A"] == [rrset.rdtype.name for rrset in self.ask(name).answer]

    def resolves_again(self, name: str) -> None:
        """Returns when a name below this one has an address: an upstream that failed may be let alone for a moment."""
        until = time.monotonic() + PATIENCE
        while not self.resolves(f"n{next(self.handles)}.{name}"):
            assert time.monotonic() < until

    def fact(self, verb: Verb, argument: bytes = b"") -> bytes:
        """What an operator is told."""
        message = bytes((verb,)) + argument
        self.send(build_message(MessageType.FACT, 9, message, generation=self.generation))
        return self.next_message(MessageType.FACT).body

    def pair_of(self, kind: LinkType) -> socket.socket:
        """What the supervisor does when it started one at the other end of this pair; gives that one's end."""
        ours, theirs = socket.socketpair()
        ours.settimeout(self.peer.gettimeout())
        self.hand(kind, theirs.detach())
        return ours

    def forward(self, *specs: UpstreamSpec, **more: object) -> None:
        """A reload: what `routed` makes of these; nothing of before is remembered."""
        self.use(routed(*specs, generation=self.generation + 1, **more))
        self.fact(Verb.CACHE_FLUSH, b"\0")

    def use(self, value: ResolverSettings) -> None:
        """A reload; returns when it is in force."""
        self.hand(LinkType.SETTINGS, snapshot.seal(value), body=value.generation.to_bytes(4, "little"))
        assert self.wait_ready() == value.generation
        self.generation = value.generation


def routed(*specs: UpstreamSpec, generation: int = 1, **more: object) -> ResolverSettings:
    """`SCHEME.example` goes to the upstream of that scheme, and all else to the first of them."""
    groups = tuple(
        UpstreamGroup(f"g{place}", (spec,), profile=profile_for(spec.scheme)) for place, spec in enumerate(specs)
    )
    routes = [Route(read_name(f"{spec.scheme}.example"), -1, place) for place, spec in enumerate(specs)]
    values: dict[str, object] = {"cache": CacheSettings(), "dnssec": UNVALIDATED, **more}
    return ResolverSettings(generation, ("default", "kids"), groups, (Route(b"\0", -1, 0), *routes), **values)  # type: ignore[arg-type]


@contextmanager
def running_resolver(
    value: ResolverSettings, loop: str, module: str = "anchorhold.cells.resolver", ends: int = 0
) -> Iterator[RunningResolver]:
    """One that serves by these settings, on the event loop of this name. It must be there to the end, unless the test
    itself ended it with the exit code `ends`."""
    with ExitStack() as stack:
        process, link = alone(stack, module, environment={"ANCHORHOLD_LOOP": loop})
        link.settimeout(START_PATIENCE)
        resolver = RunningResolver(process, link, socket.socket(), [])
        stack.callback(lambda: resolver.peer.close())
        resolver.new_peer()
        resolver.hand(LinkType.SECRET, snapshot.seal_bytes(os.urandom(32)))
        resolver.hand(LinkType.SETTINGS, snapshot.seal(value), body=value.generation.to_bytes(4, "little"))
        send_message(link, LinkType.START, bytes(4))
        assert value.generation == resolver.wait_ready()
        link.settimeout(PATIENCE)
        yield resolver
        if process.poll() is None:
            resolver.end()
        assert ends == process.returncode
