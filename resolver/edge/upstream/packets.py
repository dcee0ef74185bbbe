"""One question over UDP: random port and id, strict echo, patience with rubbish, suspicion of near misses."""

import asyncio
import errno
from collections.abc import Callable, Sequence
from enum import Enum
from functools import partial

from net.datagram import Datagram, Datagrams
from net.readiness import Waiting, readiness
from net.shortage import is_shortage
from resolver.edge.upstream.cookies import CLIENT_LENGTH, CookieJar, cookie_of, replace_cookie
from resolver.edge.upstream.port import Tools, UpstreamFailed, Why
from resolver.edge.upstream.questions import echoes_question, spelled_question
from wire.dns.codes import Rcode
from wire.dns.message import Message, parse_received
from wire.errors import Malformed
from wire.units import Instant

RESEND_AFTER = (0.8, 2.0)
"""Seconds after the first packet at which it is sent again, to the next address if there is one."""

AT_ONCE = 0.01
"""Seconds since the start that are nothing beside the time until a packet is sent again."""

MAX_PACKET = 4096
"""Octets read of one packet; we announced 1232."""

MAX_PACKETS = 256
"""Packets read for one question; after that it goes over TCP."""

HEADER = 12
QR, TC = 0x80, 0x02
"""In the third octet."""


class Doubt(Enum):
    """Why UDP will not do; the value is the name of a counter."""

    TRUNCATED = "udp-truncated"
    NEAR_MISS = "udp-near-miss"
    FLOODED = "udp-flooded"
    BAD_COOKIE = "udp-bad-cookie"


Outcome = Message | Doubt | UpstreamFailed
"""The response, why TCP must be asked, or why there is nothing."""


class _Leg:
    """One socket to one address; `cookie` is our part of the cookie if the query had one. `pool`: where the socket is from."""

    __slots__ = ("address", "cookie", "datagram", "expects_cookie", "identifier", "packet", "pool", "port")

    def __init__(self, address: str, port: int, packet: bytes, datagram: Datagram, pool: Datagrams | None) -> None:
        self.address = address
        self.port = port
        self.packet = packet
        self.identifier = packet[:2]
        self.datagram = datagram
        self.pool = pool
        self.cookie = b""
        self.expects_cookie = False


Pools = dict[tuple[str, int], Datagrams]
"""The sockets of each far end that serve several questions, one after the other."""

Sent = tuple[str, bytes, Datagram, Datagrams]
"""Where a packet was sent, what it is, by which socket, and where that is from."""


class PacketExchange:
    """Sends `query` to the first of `targets` (address, port), later to the others, until one answer is good. Sockets to far ends
    that are not in `pools` serve this one question."""

    __slots__ = (
        "_bad_cookie",
        "_deadline",
        "_ended",
        "_jar",
        "_legs",
        "_loop",
        "_packets",
        "_pools",
        "_query",
        "_question",
        "_readiness",
        "_resend_after",
        "_sent",
        "_shortage",
        "_started",
        "_targets",
        "_timer",
        "_tools",
        "answered_by",
        "done",
    )

    def __init__(
        self,
        query: bytes,
        targets: Sequence[tuple[str, int]],
        deadline: Instant,
        jar: CookieJar,
        tools: Tools,
        resend_after: tuple[float, ...] = RESEND_AFTER,
        pools: Pools | None = None,
    ) -> None:
        self._resend_after = resend_after
        self._query = query
        self._question = spelled_question(query)
        self._targets = targets
        self._deadline = deadline
        self._jar = jar
        self._tools = tools
        self._loop = asyncio.get_running_loop()
        self._readiness = readiness(self._loop)
        self._pools = pools
        self._ended: Callable[[Outcome], None] | None = None
        self.done = False
        self._legs: list[_Leg] = []
        self._started = tools.now()
        self._sent = self._packets = 0
        self._bad_cookie = False
        self._shortage = False
        self._timer: asyncio.TimerHandle | Waiting | None = None
        self.answered_by = ""
        """The address whose answer was taken."""

    async def run(self) -> Message | Doubt:
        """The response, or why TCP must be asked. Raises UpstreamFailed. Call `close` afterwards, whatever happened."""
        outcome: asyncio.Future[Outcome] = self._loop.create_future()
        self.start(lambda found: None if outcome.done() else outcome.set_result(found))
        found = await outcome
        if isinstance(found, UpstreamFailed):
            raise found
        return found

    def start(self, ended: Callable[[Outcome], None]) -> None:
        """Send; `ended` is told once what came of it, perhaps before this returns, and nothing is open any more then."""
        self._ended = ended
        self._send_next()

    def go_on(
        self, sent: Sent, started: Instant, came: bytes | OSError | None, ended: Callable[[Outcome], None]
    ) -> None:
        """As `start`, where the first packet was sent at `started` already, and `came` back: a packet, an error of the socket, or
        nothing in time."""
        address, packet, datagram, pool = sent
        self._ended, self._started, self._sent = ended, started, 1
        leg = self._add_leg(_Leg(address, self._targets[0][1], packet, datagram, pool))
        if isinstance(came, bytes):
            self._set_timer()
            self._count(leg, came)
        elif came is None:
            self._on_timer()
        else:
            self._drop_leg(leg)
            self._send_next()

    def fail(self, why: Why, detail: str = "") -> None:
        """End it without an answer."""
        self._settle(UpstreamFailed(why, detail))

    def close(self) -> None:
        """End it and tell nobody. Once is enough."""
        self.done = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for leg in self._legs:
            leg.datagram.close()
        self._legs.clear()

    def _send_next(self) -> None:
        """Send to the next target that takes it; every target gets a first packet, a single one gets repetitions."""
        limit = max(len(self._targets), 1 + len(self._resend_after))
        while self._sent < limit and not self.done:
            address, port = self._targets[self._sent % len(self._targets)]
            self._sent += 1
            if self._send(address, port):
                break
        if not self._legs:
            if self._shortage:
                self.fail(Why.BUSY, "no descriptor or no memory is left")
            else:
                self.fail(Why.UNREACHABLE, "no address takes packets")
            return
        self._set_timer()

    def _send(self, address: str, port: int) -> bool:
        """Whether the kernel took the packet, or lost it for want of memory: then it is sent again as if the network had."""
        leg = next((leg for leg in self._legs if leg.address == address), None)
        try:
            leg = leg or self._open_leg(address, port)
        except OSError as error:
            self._note(error)
            return False
        try:
            leg.datagram.send(leg.packet)
        except OSError as error:
            self._note(error)
            if is_shortage(error) or isinstance(error, BlockingIOError):
                return True
            self._drop_leg(leg)
            return False
        return True

    def _note(self, error: OSError) -> None:
        """Count what the kernel did not do, by the name of the error."""
        self._shortage = self._shortage or is_shortage(error)
        self._tools.count(f"udp-upstream-{errno.errorcode.get(error.errno or 0, 'unknown')}")

    def _open_leg(self, address: str, port: int) -> _Leg:
        entropy, jar = self._tools.entropy, self._jar
        pool = self._pools.get((address, port)) if self._pools is not None else None
        datagram = Datagram(address, port, entropy) if pool is None else pool.take()
        if not datagram.chosen:
            self._tools.count("udp-port-by-kernel")
        query = replace_cookie(self._query, jar.content(address))
        return self._add_leg(_Leg(address, port, entropy(2) + query[2:], datagram, pool))

    def _add_leg(self, leg: _Leg) -> _Leg:
        cookie = self._jar.client(leg.address)
        if cookie in leg.packet:
            leg.cookie, leg.expects_cookie = cookie, self._jar.expects(leg.address)
        leg.datagram.happened = partial(self._on_readable, leg)
        self._legs.append(leg)
        return leg

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        now = self._tools.now()
        due: float = self._deadline
        if self._sent <= len(self._resend_after):
            delay = self._resend_after[self._sent - 1]
            if now - self._started < AT_ONCE and now + delay < due:
                # The usual way: hardly any question is put twice.
                self._timer = self._readiness.after(delay, self._on_timer)
                return
            due = min(due, self._started + delay)
        self._timer = self._loop.call_later(max(0.0, due - now), self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        if self._tools.now() >= self._deadline:
            # This process may be late itself: what has arrived meanwhile still counts.
            for leg in tuple(self._legs) if self._deadline > self._started else ():
                self._on_readable(leg)
            self.fail(Why.TIMEOUT, "no good packet in time")
        elif not self.done:
            self._send_next()

    def _on_readable(self, leg: _Leg) -> None:
        while not self.done and leg in self._legs:
            try:
                packet = leg.datagram.receive(MAX_PACKET)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:  # an ICMP error: this address is out, the next one is asked at once
                self._drop_leg(leg)
                self._send_next()
                return
            self._count(leg, packet)

    def _count(self, leg: _Leg, packet: bytes) -> None:
        self._packets += 1
        if self._packets > MAX_PACKETS:
            self._settle(Doubt.FLOODED)
        else:
            self._judge(leg, packet)

    def _judge(self, leg: _Leg, packet: bytes) -> None:
        if len(packet) < HEADER:
            self._tools.count("udp-malformed")
        elif packet[:2] != leg.identifier or not echoes_question(packet, self._question):
            # somebody guesses, or a middle box spoils the case: TCP tells (RFC 5452 §9.1, "near miss")
            if not leg.datagram.repeats(packet):
                self._settle(Doubt.NEAR_MISS)
        elif not packet[2] & QR:
            self._tools.count("udp-malformed")
        elif packet[2] & TC:
            self._settle(Doubt.TRUNCATED)
        else:
            self._judge_message(leg, packet)

    def _judge_message(self, leg: _Leg, packet: bytes) -> None:
        try:
            message = parse_received(packet)
        except Malformed:
            self._tools.count("udp-malformed")
            return
        if leg.cookie and not self._judge_cookie(leg, message):
            return
        self.answered_by = leg.address
        if self._packets == 1 and self._sent == 1 and leg.pool is not None:
            self._legs.remove(leg)
            leg.datagram.former = packet[: HEADER + len(self._question)]
            leg.pool.give_back(leg.datagram)
        self._settle(message)

    def _judge_cookie(self, leg: _Leg, message: Message) -> bool:
        """Whether the answer may be taken, as far as cookies tell (RFC 7873 §5.3)."""
        content = cookie_of(message)
        if content is None:
            # > If the client is expecting the response to contain a COOKIE option and it is missing, the response
            # > MUST be discarded
            if leg.expects_cookie:
                self._settle(Doubt.BAD_COOKIE)
            return not leg.expects_cookie
        if content[:CLIENT_LENGTH] != leg.cookie:
            self._tools.count("udp-wrong-cookie")
            return False
        self._jar.learn(leg.address, content)
        if message.rcode == Rcode.BADCOOKIE:
            self._answer_bad_cookie(leg)
            return False
        return True

    def _answer_bad_cookie(self, leg: _Leg) -> None:
        """Once more with the cookie just learned; TCP if that is refused too."""
        if self._bad_cookie:
            self._settle(Doubt.BAD_COOKIE)
            return
        self._bad_cookie = True
        port = leg.port
        self._drop_leg(leg)
        if not self._send(leg.address, port):
            self._settle(Doubt.BAD_COOKIE)

    def _settle(self, outcome: Outcome) -> None:
        if self.done:
            return
        self.close()
        ended, self._ended = self._ended, None
        if ended is not None:
            ended(outcome)

    def _drop_leg(self, leg: _Leg) -> None:
        if leg in self._legs:
            self._legs.remove(leg)
            leg.datagram.close()
