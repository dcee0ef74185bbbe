"""How connection attempts fail, and that a slow address does not hold up the next."""

import asyncio
import contextlib
import socket
import time

import pytest
from kit.certificates import NAME, authority
from kit.liar import Liar
from kit.meeting import LOOPS, run

from net.dial import DialFailed, DialFailure, Target, dial, race
from net.stream import Link
from net.tls import Peer, TlsFactory

pytestmark = pytest.mark.parametrize("loop", LOOPS)


class Spare:
    """A connection that knows only whether it was ended."""

    aborted = False

    def abort(self) -> None:
        self.aborted = True


class Silent(Link):
    """Says and hears nothing."""

    def lost(self, error: Exception | None) -> None:
        pass


def tls(alpn: tuple[str, ...] = ()):
    return TlsFactory().client(Peer(NAME, authorities=authority().pem, alpn=alpn))


async def failure(target: Target) -> DialFailure:
    with pytest.raises(DialFailed) as failed:
        await dial(target, Silent)
    assert "127.0.0" not in str(failed.value)
    return failed.value.failure


def test_each_way_to_fail_has_its_name(loop: str) -> None:
    async def conversation() -> None:
        with socket.create_server(("127.0.0.1", 0)) as mute:
            port = mute.getsockname()[1]
            assert await failure(Target(("127.0.0.1",), port, tls(), 0.1)) is DialFailure.TIMEOUT
        assert await failure(Target(("127.0.0.1",), port, tls())) is DialFailure.UNREACHABLE
        assert await failure(Target(("localhost",), port, None)) is DialFailure.UNREACHABLE
        assert await failure(Target((), port, None)) is DialFailure.UNREACHABLE
        async with Liar("tls", certificate="expired") as liar:
            assert await failure(Target(("127.0.0.1",), liar.port, tls())) is DialFailure.CERTIFICATE
        async with Liar("tls") as liar:
            assert await failure(Target(("127.0.0.1",), liar.port, tls(("h2",)))) is DialFailure.TLS

    run(loop, conversation())


def test_a_server_that_does_not_speak_tls_is_no_tls_server(loop: str) -> None:
    async def answer_in_clear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            await reader.read(1)
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async def conversation() -> None:
        server = await asyncio.start_server(answer_in_clear, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        assert await failure(Target(("127.0.0.1",), port, tls())) is DialFailure.TLS
        server.close()

    run(loop, conversation())


def test_the_second_address_does_not_wait_for_a_mute_first_one(loop: str) -> None:
    async def conversation() -> None:
        async with Liar("tls") as liar:
            with socket.create_server(("127.0.0.2", liar.port)):
                begin = time.monotonic()
                link = await dial(Target(("127.0.0.2", "127.0.0.1"), liar.port, tls(), 5.0), Silent)
                assert time.monotonic() - begin < 2
                assert link.address == "127.0.0.1"
                link.abort()

    run(loop, conversation())


def test_the_most_telling_failure_is_reported(loop: str) -> None:
    """A wrong certificate says more than an address where nobody listens."""

    async def conversation() -> None:
        async with Liar("tls", certificate="foreign") as liar:
            target = Target(("127.0.0.1", "127.0.0.9"), liar.port, tls())
            assert await failure(target) is DialFailure.CERTIFICATE

    run(loop, conversation())


def test_cancelling_leaves_no_connection_behind(loop: str) -> None:
    async def conversation() -> None:
        with socket.create_server(("127.0.0.1", 0)) as mute:
            dialling = asyncio.ensure_future(dial(Target(("127.0.0.1",), mute.getsockname()[1], tls(), 5.0), Silent))
            accepted, _ = await asyncio.to_thread(mute.accept)
            dialling.cancel()
            with pytest.raises(asyncio.CancelledError):
                await dialling
            with accepted:
                accepted.settimeout(2)
                assert await asyncio.to_thread(drain, accepted)

    run(loop, conversation())


def test_a_connection_that_came_about_while_we_are_called_off_is_ended(
    loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("net.dial.STAGGER", 0.0)

    async def conversation() -> None:
        good, ending = Spare(), asyncio.Event()

        async def one(address: str) -> Spare:
            if address == "second":
                return good
            try:
                await asyncio.get_running_loop().create_future()
            finally:  # it is called off, and takes its time
                ending.set()
                await asyncio.get_running_loop().create_future()
            raise AssertionError

        dialling = asyncio.ensure_future(race(("first", "second"), one))
        await ending.wait()
        dialling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dialling
        assert good.aborted

    run(loop, conversation())


def drain(accepted: socket.socket) -> bool:
    """Whether the far end hangs up; a reset is as good as an end."""
    try:
        while accepted.recv(4096):
            pass
    except ConnectionResetError:
        pass
    return True
