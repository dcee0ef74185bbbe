"""The loop of the server: what has come is handled, what changed is kept, and only then do replies leave (RFC 2131 §3.1 (4)).

    drain every socket → limits → handle4, handle6 → book.apply → ONE commit for all of it → replies → names are published

Offers promise nothing and do not wait for the disk: so who was offered an address asks for it while others are still heard, and
one commit keeps more leases.

A plain readiness loop. Nobody waits for another: probes of addresses go on beside it, and a message whose probe has ended is
handled again.
"""

import selectors
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from ipaddress import ip_address

from dhcp.book import answered, silent
from dhcp.edge.advertising import Advertising
from dhcp.edge.batch import Batch, Waiting
from dhcp.edge.interfaces import Interface, Interfaces
from dhcp.edge.ledger import Ledger
from dhcp.edge.links import Links
from dhcp.edge.neighbours import ask, hears_arp, hears_neighbour
from dhcp.edge.opening import Role
from dhcp.edge.outbox import Outbox
from dhcp.edge.probe import Ended, Message, Prober
from dhcp.edge.rogues import OTHER_SERVER4, OTHER_SERVER6, Rogues
from dhcp.edge.sockets4 import arrival4, receive4
from dhcp.edge.sockets6 import receive6, receive_icmp6
from dhcp.ground import make_ground
from dhcp.identity import RECENT_SECONDS, Identifier, Identity, Recent, hardware_octets
from dhcp.incident import Incident
from dhcp.limits import Accusers, Limits
from dhcp.newcomer import meet
from dhcp.owed import FROM_MEMORY
from dhcp.plan6 import make_plan6
from dhcp.server4 import handle4
from dhcp.server6 import handle6
from dhcp.settings import DhcpSettings
from dhcp.values import Arrival, Kind, LeaseChange, Outcome, Probe, State, Tag
from net.clock import date
from net.clock import now as monotonic
from wire.dhcp.codes4 import Option4
from wire.dhcp.codes6 import Option6
from wire.dhcp.packet4 import Packet4, parse_packet4
from wire.dhcp.packet6 import Packet6, Relayed, parse_packet6
from wire.errors import Malformed
from wire.units import Epoch

LONGEST_PAUSE = 60.0
"""Seconds between two wake-ups, whatever happens."""

_MAXIMUM_SIZE = int(Option4.MAXIMUM_SIZE)
"""Not looked up for each message: members of an enum cost more."""

_CHOSE_ANOTHER = "other-server"
"""A word of `dhcp/facts.py`."""

Report = Callable[[str, str], None]
"""Takes a line for the log, and a client's addresses, empty but in the incident mode."""

Publish = Callable[[Sequence[LeaseChange]], None]
"""Takes what changed and is kept."""


class Server:
    """Everything of the `dhcp` cell that speaks with the network."""

    def __init__(
        self,
        settings: DhcpSettings,
        ledger: Ledger,
        links: Links,
        selector: selectors.BaseSelector,
        publish: Publish,
        report: Report,
    ) -> None:
        self.settings = settings
        self.ledger = ledger
        self.links = links
        self.counters: Counter[str] = Counter()
        self.interfaces = Interfaces(selector, self._hear)
        self._selector = selector
        self._publish = publish
        self._ground = make_ground(make_plan6(settings), links.current())
        self._limits = Limits(settings.rate, settings.interface_rate)
        self._incident = Incident(settings.log_until, monotonic(), date())
        self._prober = Prober(lambda probe: ask(probe, self.interfaces, self.links.current()), self._believes)
        self._accusers = Accusers()
        self._report = report
        self._rogues = Rogues(self.counters, lambda text: report(text, ""))
        self._advertising = Advertising(settings, self.interfaces, self.links, self._rogues, self.counters)
        self._outbox = Outbox(self.interfaces, links, self.counters)
        self._batch = Batch()
        self._recent = Recent()
        self._look_around()
        selector.register(links.socket, selectors.EVENT_READ, self._links_changed)

    # The loop.

    def turn(self, patience: float = LONGEST_PAUSE) -> None:
        """One wake-up: wait at most `patience` seconds, then do all there is to do."""
        ready = self._selector.select(self._pause(patience))
        self._look_around()
        for key, _ in ready:
            key.data()
        now = monotonic()
        self._end_probes(self._prober.turn(now))
        self._expire()
        self._settle()
        self._recent.pass_time(now)
        self.ledger.maintain(now)
        self._advertising.turn(now)
        if self.ledger.failures:
            self.counters["disk-refused"] = self.ledger.failures

    def _pause(self, patience: float) -> float:
        now = monotonic()
        waits = [patience, LONGEST_PAUSE, self.ledger.pause(now)]
        waits += [due for due in (self._prober.due(now), self._advertising.due(now)) if due is not None]
        if self._recent:
            waits.append(RECENT_SECONDS)
        if (end := self.ledger.book.next_end) is not None:
            waits.append(max(0.0, end - self.ledger.now()))
        return max(0.0, min(waits))

    def _settle(self) -> None:
        """Keep what changed, then send, then publish. No reply leaves before the disk has what it says; what it begins to refuse
        is answered once more, by what may go on from memory."""
        self._outbox.flush()
        if self._batch.changes or self._batch.replies:
            again = self._keep()
            self._look_around()
            for message in again:
                self._handle(*message)
            self._keep()

    def _keep(self) -> list[Message]:
        """See `_settle`; the messages that are to be answered once more."""
        durable = self._batch.durable
        changes, replies = self._batch.clear()
        went_well, again = not self.ledger.why, list[Message]()
        lost = self.ledger.settle(changes, durable) if changes else frozenset[int]()
        for waiting in replies:
            if lost and not lost.isdisjoint(range(waiting.first, waiting.end)):
                if went_well and waiting.message is not None:
                    again.append(waiting.message)
                else:
                    self.counters["not-kept"] += 1
            else:
                self._outbox.put(waiting.reply, waiting.limit)
        self._outbox.flush()
        kept = [change for position, change in enumerate(changes) if position not in lost] if lost else changes
        if kept:
            self._publish(kept)
        return again

    def enact(self, changes: Sequence[LeaseChange]) -> str:
        """An operator's changes: kept and published, or not made; then the text says why."""
        self._settle()
        failed = self.ledger.enact(changes)
        if not failed:
            self._publish(changes)
        return failed

    def newcomers(self) -> dict[str, str]:
        """What a device that comes for the first time would meet, by interface: words of `dhcp/facts.py`."""
        self._look_around()
        book = self.ledger.book
        served = [one for one in self.interfaces if Role.UDP4 in one.sockets]
        return {one.name: meet(one.number, book, self._ground, self._second) for one in served}

    def use(self, settings: DhcpSettings) -> None:
        """A new configuration: from the next message on. What was decided by the former is kept and told first."""
        self._settle()
        if (settings.rate, settings.interface_rate) != (self.settings.rate, self.settings.interface_rate):
            self._limits = Limits(settings.rate, settings.interface_rate)
        self.settings = settings
        self._ground = make_ground(make_plan6(settings), self.links.current())
        self._look_around()
        self._incident = Incident(settings.log_until, monotonic(), date())
        self._advertising.use(settings, monotonic())

    def close(self) -> None:
        """The last router advertisements, then the sockets, then the leases."""
        self._settle()
        self._advertising.cease()
        self.interfaces.close()
        self._selector.unregister(self.links.socket)
        self.links.close()
        self.ledger.close()

    # What comes in.

    def _links_changed(self) -> None:
        missed = self.links.failures
        self.links.ready()
        if self.links.failures > missed:
            self.counters["news-missed"] += self.links.failures - missed
        current = self.links.current()
        for interface in self.interfaces:
            if self.links.complete and interface.number not in current:
                self.interfaces.remove(interface.number)
        self._advertising.look()
        self._look_around()

    def _hear(self, interface: Interface, role: Role) -> None:
        endpoint = interface.sockets[role]
        match role:
            case Role.UDP4:
                for came in receive4(endpoint):
                    for data, name, control in came:
                        self._hear4(data, arrival4(interface.number, name, control))
                    self._outbox.flush()
            case Role.UDP6:
                for data, arrival in receive6(endpoint, interface.number):
                    self._hear6(data, arrival)
            case Role.ARP:
                hears_arp(endpoint, interface.number, self._prober)
            case Role.FRAMES:
                self._rogues.hear_frames(endpoint, interface.name, monotonic())
            case Role.ICMP6:
                for data, arrival, hops in receive_icmp6(endpoint, interface.number):
                    if not hears_neighbour(data, arrival, hops, self._prober):
                        self._advertising.hear(interface, data, arrival, hops)

    def _hear4(self, data: bytes, arrival: Arrival) -> None:
        try:
            packet = parse_packet4(data)
        except Malformed as error:
            self.counters["bootp" if error.what == "BOOTP" else "malformed"] += 1
            return
        identity = self._recent.identify(self.ledger.book.key, packet)
        if identity is None:
            self.counters["nobody"] += 1
        elif self._admits(identity.client, arrival):
            self._handle(packet, arrival, identity)

    def _hear6(self, data: bytes, arrival: Arrival) -> None:
        try:
            message = parse_packet6(data)
        except Malformed:
            self.counters["malformed"] += 1
            return
        packet = message.packet if isinstance(message, Relayed) else message
        # Without a DUID (RFC 8415 §18.2.6 allows it) the client is told apart by where it speaks from.
        raw = packet.option(Option6.CLIENT_IDENTIFIER) or arrival.source
        if self._admits(self.ledger.book.tag(Identifier.DUID, raw), arrival):
            self._handle(message, arrival)

    def _admits(self, client: Tag, arrival: Arrival) -> bool:
        holder = self.ledger.book.knows(client)
        admitted = self._limits.admits(client, arrival.interface, holder, self._woken)
        if not admitted:
            self.counters["limited"] += 1
        return admitted

    # What follows.

    def _handle(self, message: Packet4 | Packet6 | Relayed, arrival: Arrival, identity: Identity | None = None) -> None:
        if isinstance(message, Packet4):
            outcome = handle4(message, arrival, self.ledger.book, self._ground, self._second, identity)
        else:
            outcome = handle6(message, arrival, self.ledger.book, self._ground, self._second)
        why = outcome.why
        self.counters[why] += 1
        if why == _CHOSE_ANOTHER:
            # A client that chose another server has heard one.
            self._notice(OTHER_SERVER4 if isinstance(message, Packet4) else OTHER_SERVER6, arrival)
        if self.settings.log_until > 0:
            self._trace(outcome, message, arrival)
        self._take(outcome, message, arrival)

    def _look_around(self) -> None:
        """What counts for all messages of a wake-up: the time, settings and interfaces as they are now, what the disk takes."""
        self._woken = monotonic()
        self._second = Epoch(int(self.ledger.now()))
        links, longest = self.links.current(), FROM_MEMORY if self.ledger.why else 0
        if links is not self._ground.links:
            self._ground = make_ground(self._ground.plan6, links)
        if longest != self._ground.longest:
            self._ground = replace(self._ground, longest=longest)

    def _take(self, outcome: Outcome, message: Packet4 | Packet6 | Relayed, arrival: Arrival) -> None:
        _, reply, changes, probes = outcome
        batch = self._batch
        first = end = len(batch.changes)
        if changes:
            self._apply(changes)
            end += len(changes)
        if probes:
            for probe in probes:
                if not self._prober.begin(probe, (message, arrival), monotonic()):
                    self.counters["probes-full"] += 1
        elif reply is not None:
            limit = _limit_of(message) if isinstance(message, Packet4) else 0
            # As Waiting(...) makes it, and cheaper.
            waiting: Waiting = tuple.__new__(Waiting, (reply, first, end, limit, (message, arrival)))
            if batch.needs_no_disk(waiting):
                self._outbox.put(reply, limit)
            else:
                batch.replies.append(waiting)

    def _apply(self, changes: Sequence[LeaseChange]) -> None:
        self.ledger.book.apply(changes)
        self._batch.add(changes)

    def _believes(self, probe: Probe, hardware: bytes) -> bool:
        """Whether an answer counts. The holder's own always does, and one for an address in quarantine; conflicts beyond what one
        host may cause do not."""
        kind = Kind.ADDRESS4 if len(probe.address) == 4 else Kind.ADDRESS6
        held = self.ledger.book.at(kind, probe.address)
        if held is None or held.state is State.QUARANTINED:
            return True
        if held.state is State.BOUND and held.hardware == self.ledger.book.tag(
            Identifier.HARDWARE, hardware_octets(hardware)
        ):
            return True
        believed = self._accusers.believes(hardware, self._woken)
        if not believed:
            self.counters["conflict-ignored"] += 1
        return believed

    def _end_probes(self, ended: Sequence[Ended]) -> None:
        """Each address is free or is not: either way the message is handled once more, when all is known that was asked for it by
        now. Not if the offer had to make room meanwhile: its client asks again, and a flood would ask for ever."""
        book, now = self.ledger.book, self._second
        waiting: dict[int, Message] = {}
        for probe, used, message in ended:
            kind = Kind.ADDRESS4 if len(probe.address) == 4 else Kind.ADDRESS6
            if book.at(kind, probe.address) is None:
                self.counters["offers-full"] += 1
                continue
            changes = (answered if used else silent)(book, kind, probe.address, now)
            self.counters["quarantined"] += sum(
                change.after is not None and change.after.state is State.QUARANTINED for change in changes
            )
            self._apply(changes)
            waiting[id(message[0])] = message
        for message in waiting.values():
            self._handle(*message)

    def _trace(self, outcome: Outcome, message: Packet4 | Packet6 | Relayed, arrival: Arrival) -> None:
        """The incident mode: who it was and what was given, until the time that the user set."""
        if not self._incident.is_on(monotonic(), date()):
            return
        who = message.chaddr.hex(":") if isinstance(message, Packet4) else show_address(arrival.source)
        given = [show_address(change.after.address) for change in outcome.changes if change.after is not None]
        self._report(outcome.why, " ".join((who, *given)))

    def _notice(self, what: str, arrival: Arrival) -> None:
        interface = self.interfaces.get(arrival.interface)
        if interface is not None:
            self._rogues.notice(what, interface.name, monotonic())

    def _expire(self) -> None:
        changes = self.ledger.book.expire(self.ledger.now())
        if changes:
            self.counters["expired"] += sum(change.durable for change in changes)
            self._apply(changes)


def show_address(address: bytes) -> str:
    """An IPv4 or IPv6 address as text."""
    return str(ip_address(address))


def _limit_of(packet: Packet4) -> int:
    """Octets of an IP datagram that the client takes (RFC 2132 §9.10); 0: it does not say."""
    octets = packet.options.get(_MAXIMUM_SIZE)
    return int.from_bytes(octets, "big") if octets is not None and len(octets) == 2 else 0
