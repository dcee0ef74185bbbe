"""The supervisor: opens what needs rights, starts the cells, hands over descriptors, restarts what dies.

It is the only process that keeps its rights, so it is short, and it parses nothing that comes from the network: it
reads small messages of its own children and signals. What it imports it imports for its cells, which it forks
(docs/decisions/0028-the-supervisor-is-the-zygote.md); `anchorhold/start.py` comes before it.
"""

import os
import selectors
import signal
import time
from pathlib import Path

from anchorhold import facts, zygote
from anchorhold.accounts import Accounts
from anchorhold.activation import take_handed
from anchorhold.cell_environment import cell_environment
from anchorhold.cell_process import CellProcess, alike
from anchorhold.changing import Changing
from anchorhold.config.request import Snapshot
from anchorhold.control_path import default_control_path, default_state_directory
from anchorhold.dhcp_side import DhcpSide
from anchorhold.front_side import FrontSide
from anchorhold.keeper_side import KeeperFolder
from anchorhold.link import LinkType
from anchorhold.listeners import CannotListen
from anchorhold.lists_side import ListsSide
from anchorhold.notify import ServiceManager
from anchorhold.outlet import LOG, TOLD
from anchorhold.pairs import Cells, introduce_started, pairs_of
from anchorhold.restarts import MAX_DELAY
from anchorhold.roster import roster
from anchorhold.sandbox import SandboxRefused, pages
from anchorhold.secure_side import SecureSide
from anchorhold.signals import open_signals
from anchorhold.state import StateRefused, open_state, spread_key

NAME = "supervisor"
FRONT_MODULE = "anchorhold.cells.front"
RESOLVER_MODULE = "anchorhold.cells.resolver"
KEEPER_MODULE = "anchorhold.cells.keeper"
STOP_PATIENCE = 3.0
"""Seconds the cells get to end by themselves."""

START_ATTEMPTS = 6
"""Deaths of a cell before the service was ever ready: then it cannot start. Later it is started again for ever."""


CannotStart = (CannotListen, StateRefused, SandboxRefused, OSError)
"""What making a Supervisor may raise."""


def first_modules() -> tuple[str, ...]:
    """Those of the cells that every configuration needs."""
    return KEEPER_MODULE, RESOLVER_MODULE, FRONT_MODULE


class Supervisor:
    """The cells, their sockets, and one loop over signals, links and the clock."""

    def __init__(self, config: Path, snapshot: Snapshot) -> None:
        """Open everything. Raises CannotListen, StateRefused or SandboxRefused."""
        service = snapshot.service
        self._accounts = accounts = Accounts(service.user)
        self._snapshot, self._enforcement = snapshot, service.sandbox
        self._state = Path(service.state) if service.state else default_state_directory()
        open_state(self._state)
        self._spread_key = spread_key(self._state)
        self.fronts = alike("front", FRONT_MODULE, service.cores)
        self.resolvers = alike("resolver", RESOLVER_MODULE, service.cores)
        self.keeper = CellProcess("keeper", KEEPER_MODULE)
        control = Path(service.control) if service.control else default_control_path()
        handed = take_handed(os.environ)
        self._front = FrontSide(self.fronts, control, handed)
        theirs = cell_environment(os.environ, accounts.user)
        self._secure = SecureSide(self._state, theirs, accounts.owner, handed, service.cores)
        helpers = cell_environment(os.environ, accounts.user_of("lists"), self._enforcement)
        self._lists = ListsSide(self.resolvers, self.fronts[0], self._state, accounts.owner_of("lists"), helpers)
        keeper = KeeperFolder(self.keeper, self._state, accounts.owner_of("keeper"))
        dhcp = DhcpSide(self._state, accounts.owner_of("dhcp"))
        self._sides = (self._front, self._lists, dhcp, self._secure, keeper)
        for side in self._sides:
            side.begin(snapshot)
        handed.say()
        for line in accounts.shared(("resolver", *(side.cells[0].kind for side in self._sides if side.wanted))):
            facts.log(NAME, line)
        self.dhcp, self.lists, self.secures = dhcp.cell, self._lists.cell, self._secure.cells
        self._cells = (self.keeper, self.lists, *self.resolvers, *self.fronts, self.dhcp, *self.secures)
        self._vital = (*self.resolvers, *self.fronts)
        """Without one of these somebody who asks in clear text is not answered."""
        self._pairs = pairs_of(Cells(self.keeper, self.lists, self.resolvers, self.dhcp, self.fronts, self.secures))
        self._selector = selectors.DefaultSelector()
        ours, pid = cell_environment(os.environ, ""), os.getpid()
        self._manager = ServiceManager(os.environ, time.monotonic(), pid)
        self._changing = Changing(
            *(config, control, self._selector, ours, snapshot, self._take_over, self._manager),
            lambda: roster(pid, self._cells, LOG.lost),
        )
        # All of it before the first fork: whatever is imported later makes pages of before another's than the copies have.
        zygote.warm(*zygote.cold(side.cells[0].module for side in self._sides if side.wanted))
        zygote.freeze()
        self._stopping = self._deaths = False
        self._exit_code = 0
        self._announced = 0

    # The loop.

    def serve(self) -> int:
        """Until SIGTERM or SIGINT; gives the exit code."""
        signals = open_signals()
        self._selector.register(signals, selectors.EVENT_READ)
        while not self._stopping:
            self._tick(time.monotonic())
            for key, _ in self._selector.select(self._patience(time.monotonic())):
                if key.fileobj is signals:
                    self._take_signals(signals.take())
                elif isinstance(key.data, CellProcess):
                    self._hear(key.data)
                else:
                    self._changing.ready(key.data, key.fileobj)
        self._stop()
        return self._exit_code

    def _take_signals(self, came: set[int]) -> None:
        self._stopping |= not came.isdisjoint((signal.SIGTERM, signal.SIGINT))
        self._deaths |= signal.SIGCHLD in came
        if signal.SIGHUP in came:
            self._changing.reload()

    def _patience(self, now: float) -> float:
        """Seconds until something is due, at most one: the cells are looked at once a second."""
        due = [when - now for when in (self._changing.due, *(cell.due for cell in self._cells)) if when is not None]
        return max(0.0, min([*due, 1.0]))

    def _tick(self, now: float) -> None:
        for cell in self._cells:
            if why := cell.watch(now):
                facts.log(NAME, f"{cell.name} (pid {cell.pid}) is ended: {why}")
            if self._deaths:
                self._reap(cell, now)
        self._deaths = False
        due = [cell for cell in self._cells if cell.due is not None and cell.due <= now]
        # One after another, and only then the rest: what is written to between two forks is a page more for the former copy.
        started = [cell for cell in due if self._start(cell, now)]
        for cell in started:
            self._equip(cell)
        introduce_started(self._pairs, started)
        for cell in started:
            cell.send(LinkType.START, _u32(cell.restarts.count))
        for side in self._sides:
            side.look(now)
        self._secure.tell((*self.fronts, self.dhcp))
        self._changing.look(now)
        self._settle()
        self._manager.look(now, self._vital, self._cells)

    # Cells.

    def _reap(self, cell: CellProcess, now: float) -> None:
        link, pid = cell.link, cell.pid
        why = cell.reap(now)
        if why is None:
            return
        if link is not None:
            self._selector.unregister(link)
        facts.log(NAME, f"{cell.name} (pid {pid}) ended: {why}")
        for side in self._sides:
            side.ended()
        vital = cell in self._vital
        if vital:
            self._changing.take_back(f"{cell.name} ended: {why}")
        if not self._announced and cell.restarts.count >= START_ATTEMPTS and vital:
            facts.log(NAME, f"{cell.name} ended {START_ATTEMPTS} times before it was ready; giving up")
            self._stopping, self._exit_code = True, 3

    def _start(self, cell: CellProcess, now: float) -> bool:
        try:
            user = self._accounts.user_of(cell.kind)
            cell.start(cell_environment(os.environ, user, self._enforcement), now)
        except OSError as error:
            cell.due = now + MAX_DELAY
            facts.log(NAME, f"{cell.name} cannot be started: {error.strerror}; again in {MAX_DELAY:.0f} s")
            return False
        return True

    def _equip(self, cell: CellProcess) -> None:
        assert cell.link is not None  # noqa: S101 # start made it
        self._selector.register(cell.link, selectors.EVENT_READ, cell)
        if cell in self.resolvers:
            cell.send(LinkType.SECRET, b"", (self._spread_key,))
            self._lists.give_image(cell)
        for side in self._sides:
            if cell in side.cells:
                side.give_all(cell)
        self._hand_settings(cell)

    def _hand_settings(self, cell: CellProcess) -> None:
        descriptor: int = getattr(self._snapshot, cell.kind)
        cell.sent = self._snapshot.generation
        # One that the configuration has no more is being ended.
        if descriptor >= 0:
            cell.send(LinkType.SETTINGS, _u32(cell.sent), (descriptor,))

    def _hear(self, cell: CellProcess) -> None:
        link = cell.link
        message = cell.receive()
        if link is not None and cell.link is None:
            self._selector.unregister(link)
        if message is not None and message.type is LinkType.ENCRYPTED and cell in self.secures:
            self._secure.proved[cell] = message.body
        if message is not None and cell in self._lists.heard:
            self._lists.take(cell, message, time.monotonic())
        if message is None or message.type is not LinkType.READY:
            return
        generation = self._snapshot.generation
        # The resolvers first: nobody must send them a group that they do not know yet.
        if all(resolver.ready == generation for resolver in self.resolvers):
            for asking in (*self.fronts, *self.secures):
                if asking.ready and asking.sent != generation:
                    self._hand_settings(asking)
        if cell in self.secures:
            facts.log(NAME, f"{cell.name} (pid {cell.pid}) serves {self._secure.describe()}")
        if self._announced and cell.restarts.count > cell.returns:
            cell.returns = cell.restarts.count
            facts.log(NAME, f"{cell.name} (pid {cell.pid}) serves again")
        if generation != self._announced and self._in_force():
            self._announce(generation)
        self._settle()

    def _settle(self) -> None:
        """Whoever tries out a configuration is told when it is in force, or the former one again."""
        if self._in_force():
            self._changing.in_force()

    def _in_force(self) -> bool:
        """Whether the newest configuration is, for everybody who asks in clear text."""
        return all(cell.ready == self._snapshot.generation for cell in self._vital)

    def _announce(self, generation: int) -> None:
        if not self._announced:
            # What imports took of the libraries is not needed to watch cells.
            pages.let_go()
            TOLD.write(f"serving on {self._front.describe()}{self._secure.shortfall()}".encode())
        else:
            facts.log(NAME, f"configuration {generation} is in force")
        self._manager.say("READY=1", f"STATUS=serving on {self._front.describe()}; configuration {generation}")
        self._announced = generation

    # A new configuration.

    def _take_over(self, snapshot: Snapshot) -> Snapshot:
        """Everything that can fail comes first; gives the former one. Raises CannotListen or StateRefused: nothing changed."""
        try:
            for side in self._sides:
                side.prepare(snapshot)
            key = spread_key(self._state)
        except (CannotListen, StateRefused):
            for side in self._sides:
                side.discard()
            raise
        former, self._snapshot = self._snapshot, snapshot
        if former.service.lasting != snapshot.service.lasting:
            facts.log(NAME, "cores, control, state, user, sandbox or the first hook changed; that needs a restart")
        os.close(self._spread_key)
        self._spread_key = key
        self._hand_settings(self.keeper)
        for resolver in self.resolvers:
            resolver.send(LinkType.SECRET, b"", (key,))
            self._hand_settings(resolver)
        self._hand_settings(self.dhcp)
        self._hand_settings(self.lists)
        # After the settings: a socket of an interface that the cell knows nothing of would be closed.
        for side in self._sides:
            side.use(snapshot, time.monotonic())
        return former

    # The end.

    def _stop(self) -> None:
        self._manager.say("STOPPING=1")
        until = time.monotonic() + STOP_PATIENCE
        # front first: what it still waits for comes from the resolver; the keeper last, for it saves the time.
        order = (self.fronts, self.secures, (self.dhcp,), (self.lists,), self.resolvers, (self.keeper,))
        for cells, spare in zip(order, (1.0, 0.8, 0.7, 0.6, 0.5, 0.0), strict=True):
            for cell in cells:
                cell.dismiss()
            for cell in cells:
                cell.see_off(until - spare)
        self._changing.close()
        self._manager.close()
        for side in self._sides:
            side.close()


def _u32(number: int) -> bytes:
    return number.to_bytes(4, "little")
