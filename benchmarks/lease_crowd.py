"""Devices that lease addresses through one relay, for the long runs: `python benchmarks/lease_crowd.py`, in the relay's
namespace.

Begins as `dhcp_load.open_relay` says. Then one JSON object a line is an order:
`{"rate": R, "devices": N}` lets so many exchanges a second begin, of N devices in turn, until the next order; `{}` asks for a
report; `{"probe": ID}` measures how long it takes until an exchange of a device of its own is done, begun anew every 20 ms;
`{"stop": true}` waits for what is open and reports. A device sends again what was not answered within a second, four times.
Every fifth device gives its address back after a while.
"""

import io
import json
import select
import socket
import time
from dataclasses import dataclass, field

from dhcp_load import ACK, NAK, OFFER, arrived, message, open_relay

RELAY, SERVER = "172.29.0.2", "172.29.0.1"
PATIENCE, TRIES = 1.0, 5
PROBE_EVERY, PROBE_PATIENCE = 0.02, 10.0
PROBING = 0xA00000
"""Numbers of devices from here on are probes."""

RELEASE = 7


@dataclass(slots=True)
class Exchange:
    number: int
    begun: float
    sent: float
    data: bytes
    tries: int = 1
    server: bytes = b""


@dataclass(slots=True)
class Tally:
    """`twice`: addresses that somebody else holds; `changed`: a device got another address than the one it holds."""

    begun: int = 0
    done: int = 0
    lost: int = 0
    refused: int = 0
    again: int = 0
    twice: int = 0
    changed: int = 0
    released: int = 0
    slowest: float = 0.0


@dataclass
class Devices:
    endpoint: socket.socket
    lines: io.FileIO
    rate: float = 0.0
    devices: int = 1
    tally: Tally = field(default_factory=Tally)
    held: dict[int, bytes] = field(default_factory=dict)
    holders: dict[bytes, int] = field(default_factory=dict)
    open: dict[int, Exchange] = field(default_factory=dict)
    transaction: int = field(default_factory=lambda: int(time.time() * 1000) << 20 & 0x7FF00000)

    def begin(self, number: int, now: float) -> int:
        self.transaction += 1
        data = message(RELAY, 1, number, self.transaction)
        self.open[self.transaction] = Exchange(number, now, now, data)
        self.tally.begun += number < PROBING
        self.send(data)
        return self.transaction

    def send(self, data: bytes) -> None:
        self.endpoint.sendto(data, (SERVER, 67))

    def release(self, number: int) -> None:
        address = self.held.pop(number)
        self.holders.pop(address, None)
        self.transaction += 1
        data = bytearray(message(RELAY, RELEASE, number, self.transaction, address, socket.inet_aton(SERVER)))
        data[12:16] = address
        self.send(bytes(data))
        self.tally.released += 1

    def hear(self) -> None:
        for transaction, address, options in arrived(self.endpoint):
            if exchange := self.open.get(transaction):
                self.take(transaction, exchange, address, options)

    def take(self, transaction: int, exchange: Exchange, address: bytes, options: dict[int, bytes]) -> None:
        kind, now = options[53][0], time.monotonic()
        if kind == OFFER and not exchange.server:
            exchange.server, exchange.sent, exchange.tries = options[54], now, 1
            exchange.data = message(RELAY, 3, exchange.number, transaction, address, exchange.server)
            self.send(exchange.data)
        elif kind == ACK:
            del self.open[transaction]
            if exchange.number < PROBING:
                self.hold(exchange.number, address)
                self.tally.done += 1
                self.tally.slowest = max(self.tally.slowest, now - exchange.begun)
        elif kind == NAK:
            del self.open[transaction]
            self.tally.refused += exchange.number < PROBING

    def hold(self, number: int, address: bytes) -> None:
        self.tally.twice += self.holders.get(address, number) != number
        self.tally.changed += self.held.get(number, address) != address
        self.held[number], self.holders[address] = address, number

    def again(self, now: float) -> None:
        for transaction in [key for key, one in self.open.items() if now - one.sent > PATIENCE]:
            exchange = self.open[transaction]
            if exchange.tries >= TRIES or exchange.number >= PROBING:
                del self.open[transaction]
                self.tally.lost += exchange.number < PROBING
                continue
            exchange.tries += 1
            exchange.sent = now
            self.tally.again += 1
            self.send(exchange.data)

    def probe(self, number: int) -> float:
        """Seconds until an exchange of a fresh device is done; PROBE_PATIENCE if none was."""
        start = time.monotonic()
        begun, last, mine = 0, 0.0, []
        while time.monotonic() - start < PROBE_PATIENCE:
            now = time.monotonic()
            if now - last >= PROBE_EVERY:
                mine.append(self.begin(PROBING + (number * 500 + begun) % 0x50_0000, now))
                begun, last = begun + 1, now
            select.select([self.endpoint], [], [], PROBE_EVERY / 4)
            self.hear()
            if any(transaction not in self.open for transaction in mine):
                break
        for transaction in mine:
            self.open.pop(transaction, None)
        return time.monotonic() - start

    def report(self) -> str:
        return json.dumps({name: getattr(self.tally, name) for name in Tally.__slots__} | {"open": len(self.open)})

    def run(self) -> None:
        turn, stopping = 0, 0.0
        start, number = time.monotonic(), 0
        while not stopping or (self.open and time.monotonic() < stopping):
            now = time.monotonic()
            while not stopping and self.rate and start + turn / self.rate <= now:
                turn += 1
                number = (number + 1) % self.devices
                self.begin(number, now)
                late = (number + self.devices // 2) % self.devices
                if late % 5 == 0 and late in self.held:
                    self.release(late)
            readable, _, _ = select.select([self.endpoint] + ([] if stopping else [self.lines]), [], [], 0.01)
            self.hear()
            self.again(time.monotonic())
            if self.lines in readable:
                line = self.lines.readline()
                order = json.loads(line) if line else {"stop": True}
                if "stop" in order:
                    stopping = time.monotonic() + TRIES * PATIENCE
                elif "probe" in order:
                    print(json.dumps({"seconds": self.probe(order["probe"])}), flush=True)
                elif "rate" in order:
                    self.rate, self.devices = order["rate"], order["devices"]
                    start, turn = time.monotonic(), 0
                else:
                    print(self.report(), flush=True)
        self.tally.lost += len(self.open)
        print(self.report(), flush=True)


def main() -> None:
    # Lines without a buffer: what waits in one would wake nobody.
    Devices(open_relay(RELAY), io.FileIO(0)).run()


if __name__ == "__main__":
    main()
