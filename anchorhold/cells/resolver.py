"""The cell that knows names and upstreams, and no client: asyncio around `resolver.edge.resolve.Resolver`.

It gets its settings, the spread key and its ends of the pairs to `front`, `secure` and the keeper over the link. On the first two
come questions with an opaque handle; replies go back. On the last come the trust anchors in force. What does not decode ends this
process.
"""

import asyncio
import contextlib
import os
import socket
from dataclasses import replace
from functools import partial

from anchorhold import ceilings, snapshot
from anchorhold.addresses import FAMILIES, addresses_in
from anchorhold.cells.carrying import CarryDesk
from anchorhold.cells.desk import FrontLine, Nonsense
from anchorhold.cells.given import bootstrap_of, mapped
from anchorhold.cells.heap import keep_to_heap
from anchorhold.cells.loops import new_loop, run_loop
from anchorhold.cells.resolver_profile import PROFILE, PROFILE_UVLOOP
from anchorhold.cells.root_copies import RootCopies
from anchorhold.cells.start import (
    EXIT_PROTOCOL,
    end_after,
    end_without_memory,
    give_way,
    hear,
    ignore_terminal_signals,
    receive_until_start,
    run_guarded,
    take_descriptors,
    tell_ready,
    watch_memory,
)
from anchorhold.cells.whereabouts import Means, Whereabouts, open_network
from anchorhold.facts import divert, log
from anchorhold.keeper.line import KeeperLine
from anchorhold.keeper.messages import InForce, Told
from anchorhold.keeper.packaged import built_date
from anchorhold.keeper.side import KeeperSide
from anchorhold.link import LinkMessage, LinkType, PairName, accuse, number_of, pair_name, send_message
from anchorhold.mistakes import log_mistakes
from anchorhold.sandbox import enter, preload
from anchorhold.secret import take_secret
from anchorhold.sites import Sites
from anchorhold.troubles import Watchman
from net import apart
from net.clock import now
from net.entropy import Entropy
from net.readiness import READ, readiness
from net.sockets import adopt
from net.tls import TlsFactory
from privacy.lists.matcher import ListImage
from privacy.memory import Fact, Retention
from resolver.edge.carrier import Carrier
from resolver.edge.listen.batched import one_by_one
from resolver.edge.resolve import Resolver
from resolver.edge.transfer import Sharing
from resolver.edge.upstream.discovered import WARNINGS
from resolver.edge.upstream.port import Tools, UpstreamFailed, Why
from resolver.edge.world import ForwardingWorld
from resolver.edge.zonekeys import keys_of
from resolver.settings import NegativeTrustAnchor, ResolverSettings
from resolver.values import Query
from wire.dns.codes import QueryFlag
from wire.dns.names import read_name
from wire.errors import Malformed

NAME = "resolver"

KEEPER_PATIENCE = 5.0
"""Seconds to wait at the start for the keeper's first word, for it knows which keys were revoked; then the configured anchors
count until it comes."""

LOOK_AROUND = 1.0
"""Seconds between two looks at what trouble there is."""

LISTS_PATIENCE = 5.0
"""Seconds to wait at the start for the lists that were in force last."""


class ResolverCell:
    """All of the process's state."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._settings: ResolverSettings | None = None
        self._spread_key = b""
        self._restarts = 0
        self._number, self._resolvers = 0, 1
        """Which it is of so many."""
        self._copies = RootCopies(self._accuse)
        self._pairs: dict[PairName, socket.socket] = {}
        self._lines: dict[PairName, FrontLine] = {}
        self._keeper_pair: socket.socket | None = None
        self._keeper_task: asyncio.Task[None] | None = None
        self._told = asyncio.Event()
        self._keeper = KeeperSide()
        self._ending: asyncio.Future[int] | None = None
        self._resolver: Resolver | None = None
        self._carrying: CarryDesk
        self._whereabouts: Whereabouts
        self._image: ListImage | None = None
        self._lists_told = asyncio.Event()
        self._serving = False

    def prepare(self) -> None:
        """Take everything from the link until START."""
        self._restarts = receive_until_start(self._link, self._take)
        take_descriptors()
        if self._settings is None or not self._spread_key:
            raise Malformed("START before SETTINGS and SECRET")
        self._link.setblocking(False)
        self._link = one_by_one(self._link)

    def _take(self, message: LinkMessage) -> None:
        match message.type, message.descriptors:
            case LinkType.PEER | LinkType.SECURE_PEER | LinkType.LISTS_PEER, (descriptor,):
                name = pair_name(message)
                if name in self._pairs:
                    self._pairs[name].close()
                self._pairs[name] = adopt(descriptor)
            case LinkType.KEEPER, (descriptor,):
                if self._keeper_pair is not None:
                    self._keeper_pair.close()
                self._keeper_pair = adopt(descriptor)
            case LinkType.SETTINGS, (descriptor,):
                self._settings = snapshot.load(descriptor, ResolverSettings)
                os.close(descriptor)
            case LinkType.LISTS, (descriptor,):
                self._image = mapped(descriptor)
                os.close(descriptor)
                self._lists_told.set()
            case LinkType.LISTS, ():
                self._lists_told.set()
            case LinkType.NUMBER, ():
                self._number, self._resolvers = number_of(message)
            case LinkType.ROOT_PEER, (_,):
                self._copies.take(message)
            case LinkType.SECRET, (descriptor,):
                self._spread_key = take_secret(descriptor)
            case ((LinkType.PING | LinkType.END), ()):
                pass
            case _:
                raise Malformed(f"{message.type.name} is not for the resolver, or its descriptor is missing")

    def serve(self) -> int:
        """The cell's whole life; gives its exit code."""
        self.prepare()
        return run_loop(NAME, lambda: end_after(NAME, self.run()))

    async def run(self) -> int:
        """Serve until told to end; gives the exit code."""
        loop = asyncio.get_running_loop()
        self._ending = loop.create_future()
        watch_memory(loop, "resolver")
        assert self._settings is not None  # noqa: S101 # prepare saw to it
        tools = Tools(now=now, entropy=Entropy(), lookup=self._lookup, count=self._count, tls=TlsFactory())
        world = ForwardingWorld(tools, self._spread_key, Sites())
        world.wall.not_before(built_date())  # what is packaged, while our own files can still be read
        world.sharing = self._sharing()
        self._resolver = Resolver(self._settings, world, self._report)
        self._resolver.changed = self._forget
        self._resolver.exhausted = partial(end_without_memory, "resolver")
        self._resolver.use_image(self._image)
        self._carrying = CarryDesk(Carrier(tools), self._settings)
        self._whereabouts = Whereabouts(Means(open_network()), self._move, self._resolver.settle)
        self._whereabouts.use(self._settings)
        self._resolver.whereabouts = self._whereabouts.status
        readiness(loop)  # it has a descriptor of its own, which may not be had later
        self._copies.connect(self._resolver.iterations.keeper_of)
        # Contexts with the system's authorities read files: make them before the sandbox.
        profile = PROFILE if isinstance(loop, asyncio.BaseEventLoop) else PROFILE_UVLOOP
        log_mistakes(NAME)
        give_way()
        enter(replace(profile, memory=ceilings.of_resolver(self._settings)), settle=_settle)
        divert(lambda line: send_message(self._link, LinkType.LOG, line))
        readiness(loop).watch(self._link.fileno(), READ, self._hear)
        await self._hear_keeper_first()
        await self._hear_lists_first()
        self._serving = True
        self._connect()
        self._ready()
        self._keep_time(loop, self._resolver)
        self._whereabouts.start()
        self._look_around(loop, self._resolver, Watchman())
        try:
            return await self._ending
        finally:
            self._whereabouts.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._resolver.close()
                    await self._carrying.close()

    def _keep_time(self, loop: asyncio.AbstractEventLoop, resolver: Resolver) -> None:
        """What has a schedule counts from its minute on, whether anybody asks or not."""
        loop.call_later(resolver.keep_time(), self._keep_time, loop, resolver)

    def _look_around(self, loop: asyncio.AbstractEventLoop, resolver: Resolver, watchman: Watchman) -> None:
        """Say what trouble the machine has, and forget what failed for it once that is over."""
        for line in watchman.look(resolver.world.counters, now()):
            log("resolver", line)
        if watchman.relieved:
            resolver.forgive()
        loop.call_later(LOOK_AROUND, self._look_around, loop, resolver, watchman)

    def end(self, code: int) -> None:
        """Stop serving."""
        if self._ending is not None and not self._ending.done():
            self._ending.set_result(code)

    def _ready(self) -> None:
        assert self._settings is not None  # noqa: S101 # prepare saw to it
        tell_ready(self._link, self._settings.generation)

    def _hear(self, _events: int) -> None:
        """The supervisor says something."""
        try:
            message = hear(self._link, lambda: self.end(0))
            if message is not None:
                self._take(message)
        except Malformed as error:
            log("resolver", f"the supervisor sent what does not decode: {error}")
            self.end(EXIT_PROTOCOL)
            return
        if message is not None:
            self._apply(message.type)

    def _apply(self, kind: LinkType) -> None:
        match kind:
            case LinkType.PEER | LinkType.SECURE_PEER | LinkType.LISTS_PEER:
                self._connect()
            case LinkType.LISTS if self._resolver is not None:
                self._resolver.use_image(self._image)
            case LinkType.ROOT_PEER if self._resolver is not None:
                self._copies.connect(self._resolver.iterations.keeper_of)
            case LinkType.KEEPER:
                self._connect_keeper()
            case LinkType.SETTINGS if self._settings is not None and self._resolver is not None:
                self._resolver.world.spread_key = self._spread_key
                self._resolver.use(self._settings)
                self._carrying.use(self._settings)
                self._whereabouts.use(self._settings)
                for line in self._lines.values():
                    line.announce(self._settings.generation)
                self._ready()
            case LinkType.PING:
                send_message(self._link, LinkType.PING)
            case LinkType.END:
                self.end(0)
            case _:
                pass

    def _connect(self) -> None:
        """Talk to `front`, `secure` and the lists cell over the newest pairs. Not before the keeper and lists have said their
        first word: pairs come at any moment, and a question on one of them would be answered at once."""
        if self._resolver is None or not self._serving:
            return
        pairs, self._pairs = self._pairs, {}
        for name, pair in pairs.items():
            if name in self._lines:
                self._lines[name].close()
            lost = partial(self._lost, name)
            carrying = self._carrying if name.kind is LinkType.SECURE_PEER else None
            more = self._keeper, carrying, self._number
            self._lines[name] = FrontLine(pair, self._resolver, self._restarts, lost, *more)
            self._lines[name].start()

    def _lost(self, name: PairName, error: Nonsense | None) -> None:
        """That one hung up, or talks nonsense: then it is ended. Either way the supervisor brings the next pair."""
        del self._lines[name]
        if error is not None:
            log("resolver", str(error))
            accuse(self._link, name)

    def _accuse(self, name: PairName, error: Malformed) -> None:
        log("resolver", f"another resolver sent what does not decode, it is ended: {error}")
        accuse(self._link, name)

    def _sharing(self) -> Sharing | None:
        """The first goes outside for copies of the root zone, and the others ask it."""
        return Sharing(self._copies.fetch if self._number else None) if self._resolvers > 1 else None

    # the keeper

    async def _hear_keeper_first(self) -> None:
        if self._keeper_pair is None:
            return
        self._connect_keeper()
        try:
            async with asyncio.timeout(KEEPER_PATIENCE):
                await self._told.wait()
        except TimeoutError:
            log("resolver", "the keeper says nothing; the trust anchors of the configuration count until it does")

    async def _hear_lists_first(self) -> None:
        """What was blocked before the start is blocked after it, from the first question on."""
        if self._settings is None or not self._settings.policy.lists:
            return
        try:
            async with asyncio.timeout(LISTS_PATIENCE):
                await self._lists_told.wait()
        except TimeoutError:
            log("resolver", "the lists cell says nothing; no list blocks anything until it does")

    def _connect_keeper(self) -> None:
        """Listen to the keeper over the newest pair."""
        if self._keeper_pair is None or self._resolver is None:
            return
        if self._keeper_task is not None and self._keeper.line is not None:
            self._keeper_task.cancel()
            self._keeper.line.close()
        resolver, pair = self._resolver, self._keeper_pair
        line = KeeperLine(pair, lambda zone: keys_of(resolver, zone), self._take_anchors, self._take_exceptions)
        self._keeper.line = line
        self._keeper_pair = None
        self._keeper_task = asyncio.get_running_loop().create_task(self._listen(line))

    async def _listen(self, line: KeeperLine) -> None:
        try:
            await line.run()
        except Malformed as error:
            log("resolver", f"the keeper sent what does not decode, it is ended: {error}")
            accuse(self._link, PairName(LinkType.KEEPER))

    def _take_anchors(self, told: tuple[Told, ...]) -> None:
        self._keeper.told = told
        if self._resolver is not None:
            for one in told:
                self._resolver.world.wall.has_shown(one.floor)
            if self._resolver.follow({one.point.zone: one.point.records for one in told}):
                self._forget()
        self._told.set()

    def _take_exceptions(self, in_force: InForce) -> None:
        self._keeper.in_force = in_force
        excepted = tuple(NegativeTrustAnchor(one.zone, one.reason, one.until) for one in in_force.exceptions)
        if self._resolver is not None and self._resolver.except_from_validation(excepted):
            self._forget()

    def _forget(self) -> None:
        """What was believed is not believed any more, or otherwise: nobody must give it out again."""
        for line in self._lines.values():
            line.forget()

    def _move(self) -> None:
        """This machine is in another network."""
        assert self._resolver is not None  # noqa: S101 # run made it first
        self._resolver.move()
        self._carrying.move()

    # what upstreams may use

    def _count(self, what: str) -> None:
        if self._resolver is not None:
            self._resolver.world.counters[what] += 1
        if what in WARNINGS:
            log("resolver", WARNINGS[what])

    def _report(self, fact: Fact) -> None:
        names = self._settings is not None and self._settings.log_names
        log(fact.cell, fact.text, fact.name, Retention(names))

    async def _lookup(self, name: str) -> tuple[str, ...]:
        """Addresses of an upstream's name, from the group its `bootstrap` names; never from the system."""
        resolver = self._resolver
        if resolver is None:
            raise UpstreamFailed(Why.NO_ADDRESS, "not started yet")
        place = bootstrap_of(name, resolver.snapshot.settings)
        found: list[str] = []
        for rrtype in FAMILIES:
            key = read_name(name) + rrtype.to_bytes(2, "big") + b"\0\1"
            query = Query(key, QueryFlag.RD, 0, resolver.snapshot.generation)
            reply = await resolver.lookup(place, query)
            found += addresses_in(reply.message, rrtype)
        return tuple(found)


def _settle() -> None:
    """The one thread."""
    keep_to_heap()
    apart.start()


SETTINGS = ResolverSettings


def warm() -> None:
    """What is the same in every life."""
    new_loop()


def run(link: socket.socket) -> None:
    """Run the resolver cell; forked by the supervisor only."""
    preload()
    ignore_terminal_signals()
    run_guarded("resolver", ResolverCell(link).serve)
