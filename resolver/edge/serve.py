"""The desk of `front`: a packet comes in, an answer goes out now or later. No sockets and no clock of its own.

One question in flight is one QUERY to the resolver, however many clients wait for it. Nothing here opens anything.
"""

from collections import Counter
from collections.abc import Callable, Iterable

from privacy.cookies import CookieState, check_cookie, server_cookie
from privacy.reply import MINIMUM_PAYLOAD, Outer, dress
from resolver.admission import Client
from resolver.cache.packets import (
    ENCRYPTED,
    KEPT_FLAGS,
    REFRESH_AGAIN_AFTER,
    ROADS,
    Answer,
    AnswerKey,
    PacketCache,
    Rendered,
)
from resolver.edge.flights import Flight, Flights, Port, Road, Waiter
from resolver.edge.lane import Lane
from resolver.edge.refusals import NO_RECURSION, Refusal, build_explanation, build_formerr, refusal_for
from resolver.local import Host, Leases, LocalNames
from resolver.partition import resolver_for
from resolver.policy.discovery import OwnNames
from resolver.settings import FrontSettings
from resolver.values import Explanation, Origin, Reply
from wire.dns.codes import EdnsOption, ExtendedError, HeaderFlag, QueryFlag, Rcode
from wire.dns.message import build_response
from wire.dns.peek import Peek, peek
from wire.errors import Malformed
from wire.units import Instant

MAX_WAITING = 4_096
"""Questions that may be open or queued; past that a new one gets SERVFAIL at once."""

MAX_OF_ONE = MAX_WAITING // 4
"""The same of one household: a single one cannot keep all others out, nor can three. At the default rate and deadline it has not
much more: 200 a second, each open for 5 seconds at most."""

MAX_WAITERS = 256
"""Clients that may wait for one question."""

_new = tuple.__new__
"""See `wire/dns/message.py`."""
_STREAM_LIMIT = 65_535
_QR = 0x80
_DO, _CD = int(QueryFlag.DO), int(QueryFlag.CD)
_HEADER_CD, _HEADER_AD = int(HeaderFlag.CD), int(HeaderFlag.AD)
_ORIGINS = {origin: (origin.name.lower(), f"replies-{origin.name.lower()}") for origin in Origin}


class Desk:
    """Everything `front` thinks, for one generation of settings at a time.

    `secret` keys the cookies, `first_handle` should be random, `date` reads the wall clock (for cookies only); `resolvers` is how
    many there are to ask.
    """

    def __init__(
        self, settings: FrontSettings, secret: bytes, first_handle: int, date: Callable[[], float], resolvers: int = 1
    ) -> None:
        self.counters: Counter[str] = Counter()
        self._secret = secret
        self.date = date
        self._handle = first_handle
        self._flights = Flights()
        self._lanes = tuple(Lane() for _ in range(resolvers))
        self.origin = "front-cache"
        """Where the answer that is being sent came from; whoever relays it for an operator reads this."""
        self.local = LocalNames(settings)
        self.encrypted_up = False  # nobody is sent to ways in that are down
        self.use(settings)

    def use(self, settings: FrontSettings) -> None:
        """Take these settings; answers of another generation are forgotten, and nobody joins a flight of one."""
        self.settings = settings
        self.local.use(settings)
        self._own_names = None if settings.announcement is None else OwnNames(settings.announcement)
        self.forget_answers()

    def forget_answers(self) -> None:
        """Give out nothing again that was found before; who asks from now on joins no flight of before."""
        self._flights.close()
        self.cache = PacketCache(self.settings.cache.memory, len(self.settings.client_groups))

    # -- a packet comes in

    def quick(self, message: bytes, client: Client, road: Road, now: Instant) -> bytes | None:
        """The response to a message that was answered before, octet for octet; None if there is none: then `receive` is to be
        asked. Costs one look-up, and once a second its TTLs."""
        entry = self.recall(message, client, ENCRYPTED if road.encrypted else road.stream, now)
        if entry is None:
            return None
        self.counters["hits"] += 1
        return message[:2] + entry.body

    def recall(self, message: bytes, client: Client, kind: int, now: Instant) -> Rendered | None:
        """The same as the cache has it, for this second, on a road of this `kind`; not counted yet."""
        entry = self.cache.rendered[ROADS * client.group + kind].get(message[2:])
        if entry is None:
            return None
        if entry.until > now:
            entry.used = True
        elif not self.cache.renew(entry, now):
            return None
        return entry

    def knows(self, message: bytes, client: Client, road: Road) -> bool:
        """Whether a message like that, octet for octet, was answered before: then it is well-formed."""
        kind = ENCRYPTED if road.encrypted else road.stream
        return message[2:] in self.cache.rendered[ROADS * client.group + kind]

    def receive(self, data: bytes, client: Client, road: Road, now: Instant) -> bool:
        """Answer one message of an admitted client through `road`, now or later; over UDP perhaps not at all. False if it is no
        query, so that no answer will come."""
        if len(data) < 12 or data[2] & _QR:
            # Answering a response would let two servers talk to each other for ever.
            self.counters["dropped-not-a-query"] += 1
            return False
        try:
            query = peek(data)
        except Malformed:
            self.counters["formerr"] += 1
            road.send(build_formerr(data))
            return True
        outer = self._outer(data, query, client, road)
        refusal = refusal_for(query, outer is None)
        # Who asks for what we are may not want recursion (RFC 9606 §3).
        if self._own_names is not None and outer is not None and (refusal is None or refusal is NO_RECURSION):
            built = self._own_names.answer(query.key, query.flags, self.encrypted_up)
            if built is not None:
                self.counters["discovery"] += 1
                self.origin = "local"
                road.send(self._dressed(self._own(built.message, None), 0, outer))
                return True
        if refusal is not None or outer is None:
            self._refuse(refusal, outer or Outer(data[:2], query.question, MINIMUM_PAYLOAD, edns=True), query, road)
            return True
        packet = data if self._is_common(query, road) else b""
        self._look_up(query, _new(Waiter, (road, outer, packet)), client, now)
        return True

    def slip(self, data: bytes, road: Road) -> None:
        """Tell a client over its rate to use TCP: an empty answer with TC, as small as its query."""
        if len(data) < 12 or data[2] & _QR:
            return
        try:
            query = peek(data)
        except Malformed:
            return
        flags = HeaderFlag.RA | HeaderFlag.TC | (query.flags & HeaderFlag.RD)
        built = build_response(query.key, flags, Rcode.NOERROR, ())
        # > If an OPT record is present in a received request, compliant responders MUST include an OPT record in their
        # > respective responses (RFC 6891 §7)
        outer = Outer(data[:2], query.question, MINIMUM_PAYLOAD, edns=query.edns is not None)
        road.send(self._dressed(self._own(built.message, None), 0, outer))

    def _look_up(self, query: Peek, waiter: Waiter, client: Client, now: Instant) -> None:
        key = _new(AnswerKey, (query.key, _kept_flags(query), client.group))
        answer = self.cache.find(key, now)
        if answer is not None:
            self.counters["hits"] += 1
            self.origin = "front-cache"
            answer.hits += 1
            self._give(answer, waiter, now)
            if self.settings.cache.prefetch and answer.wants_refresh(now):
                answer.refresh_from = now + REFRESH_AGAIN_AFTER
                self._open(key, client.household, now, refresh=True)
            return
        # Behind the cache, which holds none of these: they are never asked for, and `learn` drops what was.
        reply = self.local.answer(*key, now)
        if reply is not None:
            self.counters["leases"] += 1
            self.origin = "lease"
            waiter.road.send(self._dressed(reply, 0, waiter.outer))
            return
        self.counters["misses"] += 1
        flight = self._flights.joinable(key)
        if flight is None:
            if not self._has_room(client.household):
                self._fail(waiter, query.key, Explanation(ExtendedError.NOT_READY, "too many questions at once"))
                return
            flight = self._open(key, client.household, now, refresh=False)
        if len(flight.waiters) >= MAX_WAITERS:
            self.counters["dropped-too-many-waiters"] += 1
            if waiter.road.stream:
                # Over UDP silence makes it ask again; a stream would wait for good.
                self._fail(waiter, query.key, Explanation(ExtendedError.NOT_READY, "too many wait for this"))
            return
        self._flights.join(flight, waiter)

    def _has_room(self, household: bytes) -> bool:
        """Whether it may ask one more; if all places are taken, one that asks more than others gives way."""
        places = self._flights.places
        held = places.held_by(household)
        if places.taken < MAX_WAITING or held >= MAX_OF_ONE:
            return held < MAX_OF_ONE
        fullest = sorted(self._lanes, key=lambda lane: len(lane.queue), reverse=True)
        other = next(filter(None, (lane.queue.who_gives_way(household, held) for lane in fullest)), None)
        if other is None:
            return False
        self._end(other)
        self.counters["gave-way"] += 1
        for waiter in other.waiters:
            self._fail(waiter, other.key.question, Explanation(ExtendedError.NOT_READY, "too many questions at once"))
        return True

    def _outer(self, data: bytes, query: Peek, client: Client, road: Road) -> Outer | None:
        """The form of this client's answer; None if its cookie is malformed."""
        edns, ad = query.edns, bool(query.flags & _HEADER_AD)
        limit = _STREAM_LIMIT
        if not road.stream:
            payload = MINIMUM_PAYLOAD if edns is None else max(edns.payload, MINIMUM_PAYLOAD)
            limit = min(payload, self.settings.payload)
        if edns is None:
            return _new(Outer, (data[:2], query.question, limit, False, False, b"", (), False, 0, ad))
        answer_cookie = b""
        # Most have no option at all.
        cookie = query.cookie if edns.options else None
        if cookie is not None and self.settings.cookies and not road.encrypted:
            state = check_cookie(self._secret, cookie, client.packed, int(self.date()))
            if state is CookieState.MALFORMED:
                return None
            self.counters[f"cookie-{state.value}"] += 1
            head = cookie[:8]
            answer_cookie = head + server_cookie(self._secret, head, client.packed, int(self.date()))
        form = (data[:2], query.question, limit, True, edns.do, answer_cookie, (), road.encrypted, 0, ad)
        return _new(Outer, form)

    @staticmethod
    def _is_common(query: Peek, road: Road) -> bool:
        """Whether the packet holds nothing particular to its client, so that its response may be kept for others."""
        if query.edns is None or not query.edns.options:
            return True
        return road.encrypted and all(code == EdnsOption.PADDING for code, _ in query.edns.options)

    # -- an answer goes out

    def _give(self, answer: Answer, waiter: Waiter, now: Instant) -> None:
        response = self._dressed(answer.reply, answer.age(now), waiter.outer)
        waiter.road.send(response)
        if waiter.packet:
            road = waiter.road
            self.cache.render(waiter.packet, answer, response, ENCRYPTED if road.encrypted else road.stream, now)

    def _dressed(self, reply: Reply, age: int, outer: Outer) -> bytes:
        explanation = reply.explanation
        if explanation is not None and outer.edns:
            outer = outer._replace(explanations=build_explanation(explanation))
        return dress(reply.message, reply.ttl_offsets, age, outer)

    def _refuse(self, refusal: Refusal | None, outer: Outer, query: Peek, road: Road) -> None:
        """Answer with what `refusal` says (FORMERR for a malformed cookie)."""
        refusal = refusal or Refusal(Rcode.FORMERR, Explanation(ExtendedError.OTHER, "cookie of a wrong length"))
        self.origin = "local"
        self.counters[refusal.rcode.name.lower()] += 1
        outer = outer._replace(extended_rcode=refusal.rcode >> 4)
        flags = HeaderFlag.RA | (query.flags & (HeaderFlag.RD | HeaderFlag.CD | 0x7800))
        built = build_response(query.key, flags, refusal.rcode, refusal.answer(query.key))
        road.send(self._dressed(self._own(built.message, refusal.explanation), 0, outer))

    def _own(self, message: bytes, explanation: Explanation | None) -> Reply:
        return Reply(message, (), 0.0, self.settings.generation, Origin.LOCAL, explanation)

    def _fail(self, waiter: Waiter, key: bytes, explanation: Explanation) -> None:
        self.origin = "failure"
        self.counters["servfail"] += 1
        built = build_response(key, HeaderFlag.RA | HeaderFlag.RD, Rcode.SERVFAIL, ())
        waiter.road.send(self._dressed(self._own(built.message, explanation), 0, waiter.outer))

    # -- names of leases

    def learn(self, hosts: Iterable[Host], now: Instant) -> None:
        """Names of leases come and go."""
        self._claim(self.local.apply(hosts, now), now)

    def relearn(self, leases: Leases, now: Instant) -> None:
        """These are all names of leases that there are."""
        self._claim(self.local.replace(leases), now)

    def _claim(self, names: set[bytes], now: Instant) -> None:
        """What was heard of `names` from the resolver counts no more, and who still waits for it is answered here."""
        if not names:
            return
        self.cache.flush_names(names)
        for flight in [one for one in self._flights if one.key.question[:-4] in names]:
            reply = self.local.answer(*flight.key, now)
            if reply is not None:
                self._end(flight)
                for waiter in flight.waiters:
                    waiter.road.send(self._dressed(reply, 0, waiter.outer))

    # -- between front and resolver

    def _open(self, key: AnswerKey, household: bytes, now: Instant, *, refresh: bool) -> Flight:
        self._handle = (self._handle + 1) & 0xFFFF_FFFF_FFFF_FFFF
        deadline = Instant(now + self.settings.deadline)
        place = resolver_for(key.question[:-4], len(self._lanes))
        generation = self.settings.generation
        flight = Flight(self._handle, key, household, generation, deadline, refresh=refresh, place=place)
        self._flights.add(flight)
        self._lanes[place].put(flight, now)
        return flight

    def grant(self, credits: int, now: Instant, resolver: int = 0) -> None:
        """This resolver takes so many more questions."""
        self._lanes[resolver].grant(credits, now)

    def connect(self, port: Port | None, resolver: int = 0) -> None:
        """A new way to this resolver, or none for now: what is open there will be asked again."""
        self._lanes[resolver].connect(port, [flight for flight in self._flights if flight.place == resolver])

    def replied(self, handle: int, reply: Reply, now: Instant) -> None:
        """The resolver's answer to a flight; for one that ended, it goes into the cache all the same if it is ours."""
        flight = self._flights.get(handle)
        if flight is None:
            self.counters["replies-late"] += 1
            return
        self._remove(flight)
        self._lanes[flight.place].answered(flight, reply.cost)
        self.origin, counter = _ORIGINS[reply.origin]
        self.counters[counter] += 1
        if reply.cacheable > 0 and reply.generation == flight.generation == self.settings.generation:
            self.cache.store(flight.key, reply, now)
            # Not remembered by packet yet: most answers are asked for once.
            for waiter in flight.waiters:
                waiter.road.send(self._dressed(reply, 0, waiter.outer))
            return
        for waiter in flight.waiters:
            self._pass_on(reply, waiter)

    def _pass_on(self, reply: Reply, waiter: Waiter) -> None:
        """An answer that is kept by nobody; over UDP perhaps none, or only that it is to be had otherwise."""
        outer = waiter.outer
        if not waiter.road.stream and reply.origin is Origin.DROPPED:
            return
        if not waiter.road.stream and reply.origin is Origin.STREAM_ONLY:
            outer = outer._replace(limit=0)
        waiter.road.send(self._dressed(reply, 0, outer))

    def expire(self, now: Instant) -> float | None:
        """End flights past their deadline with SERVFAIL; seconds until the next is due, None if none is open."""
        while (flight := self._flights.first()) is not None:
            if flight.deadline > now:
                return flight.deadline - now
            self._end(flight)
            text = "no answer in time" if flight.sent else "the resolver is starting"
            code = ExtendedError.NO_REACHABLE_AUTHORITY if flight.sent else ExtendedError.NOT_READY
            for waiter in flight.waiters:
                self._fail(waiter, flight.key.question, Explanation(code, text))
        return None

    def _remove(self, flight: Flight) -> None:
        self._flights.remove(flight)
        if not flight.sent:
            self._lanes[flight.place].queue.discard(flight)

    def _end(self, flight: Flight) -> None:
        self._remove(flight)
        self._lanes[flight.place].cancel(flight)

    def forget(self, road: Road) -> None:
        """A stream is gone: nobody waits on it any more; a question nobody waits for is cancelled."""
        for flight in self._flights.forget(road):
            if not flight.refresh:
                self._end(flight)

    def cached_for(self, question: bytes, flags: int, group: int, now: Instant) -> float | None:
        """Seconds for which the answer is still in this cache; None if it is not."""
        answer = self.cache.find(AnswerKey(question, flags & KEPT_FLAGS, group), now)
        return None if answer is None else answer.expires - now

    @property
    def open(self) -> int:
        """Questions without an answer yet."""
        return len(self._flights)


def _kept_flags(query: Peek) -> int:
    """DO and CD, as QueryFlag bits."""
    flags = _DO if query.edns is not None and query.edns.do else 0
    return flags | _CD if query.flags & _HEADER_CD else flags
