"""The codecs of QUIC alone, without sockets and processes: `python benchmarks/bench_quic_codecs.py [--rounds N]`.

A client's end and a server's as ours make them, in one process, datagrams handed from one to the other: µs of CPU for a handshake
and for a question with its answer, of both ends together, with so many questions at once. Every codec that is installed, in turn;
medians of the rounds.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

# The kit of the tests, not the one beside this file.
sys.path[:1] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "tests")]

from kit.certificates import NAME, identity  # noqa: E402

import net.quic_server  # noqa: E402
from net.quic_client import CONNECTION_WINDOW, IDLE_TIMEOUT, STREAM_WINDOW, codec_of  # noqa: E402
from net.quic_codecs import CHOICE, Call, ClientCore, Codec, Octets  # noqa: E402
from net.quic_server import Conversation, Terms  # noqa: E402

QUESTION, ANSWER = bytes(42), bytes(470)
HANDSHAKES, QUESTIONS = 20, 3_200
AT_ONCE = (1, 8, 32)
ROUND_TRIP = 0.001
CLIENT_ID = slice(6, 14)
"""Of a first packet: the id that the client chose for the server."""


class Pair:
    """Both ends; `now` is theirs."""

    def __init__(self, codec: Codec, terms: Terms) -> None:
        self.now = 1_000.0
        self.client: ClientCore = codec_of(codec)(
            Call(("doq",), NAME, None, IDLE_TIMEOUT, CONNECTION_WINDOW, STREAM_WINDOW, 0)
        )
        self.client.connect(self.now)
        first = self.client.outgoing(self.now)
        self.server = Conversation(terms, first[0][CLIENT_ID], None, self.now)
        self._to_server(first)
        while not self.client.allowed:
            self.turn()

    def turn(self) -> int:
        """A round trip; how many answers came."""
        self.now += ROUND_TRIP
        for datagram in self.server.outgoing(self.now):
            self.client.receive(datagram, self.now)
        answers = sum(isinstance(heard, Octets) and heard.ended for heard in self.client.heard())
        self._to_server(self.client.outgoing(self.now))
        return answers

    def _to_server(self, datagrams: list[bytes]) -> None:
        for datagram in datagrams:
            for heard in self.server.receive(datagram, self.now):
                if isinstance(heard, Octets) and heard.ended:
                    self.server.took(len(heard.data))
                    self.server.answered()
                    self.server.send(heard.stream, ANSWER, ended=True)

    def ask(self, at_once: int) -> None:
        for _ in range(at_once):
            self.client.send(self.client.next_stream(), QUESTION, ended=True)
        left = at_once
        while left:
            left -= self.turn()


def measure(codec: Codec) -> list[float]:
    """µs of CPU: of a handshake, and of a question for each of AT_ONCE."""
    net.quic_server.open_house = net.quic_server.codec_of(codec)
    who = identity("good")
    terms = Terms(who.certificate, who.key, ("doq",), 10.0, 100)
    start = time.process_time()
    for _ in range(HANDSHAKES):
        Pair(codec, terms)
    found = [(time.process_time() - start) / HANDSHAKES]
    for at_once in AT_ONCE:
        pair = Pair(codec, terms)
        start = time.process_time()
        for _ in range(QUESTIONS // at_once):
            pair.ask(at_once)
        found.append((time.process_time() - start) / (QUESTIONS // at_once * at_once))
    return [seconds * 1e6 for seconds in found]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    codecs = [codec for codec in Codec if codec is CHOICE.plain or not CHOICE.lacks()]
    seen: dict[Codec, list[list[float]]] = {codec: [] for codec in codecs}
    for _ in range(rounds):
        for codec in codecs:
            seen[codec].append(measure(codec))
    print(f"µs of CPU, both ends{'':12}handshake " + "".join(f"{f'{count} at once':>12}" for count in AT_ONCE))
    for codec, found in seen.items():
        medians = [statistics.median(column) for column in zip(*found, strict=True)]
        print(f"{codec.value:32}{medians[0]:9.0f} " + "".join(f"{median:12.1f}" for median in medians[1:]))


if __name__ == "__main__":
    main()
