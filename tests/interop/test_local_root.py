"""The root zone by AXFR from NSD and Knot, and from servers of our own that err."""

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from kit.nsd import nsd_server
from kit.peers import free_ports, peer, program
from kit.rootzone import EXPIRATION, SMALL, large, with_digest

from net.clock import now
from privacy.memory import Fact
from resolver.edge import transfer
from resolver.edge.transfer import Means, RootKeeper, Source, TransferFailed, fetch
from resolver.iterate.local_root import RootHolder
from resolver.iterate.port import Endpoint
from resolver.iterate.verdict import Referral
from resolver.iterate.zonecopy import parse_zone
from wire.dns.names import ROOT, read_name
from wire.units import Epoch

NSD_ZONE = """
zone:
  name: "."
  zonefile: "root.zone"
  provide-xfr: 127.0.0.1 {key}
"""
KNOT = """
server:
  listen: 127.0.0.1@{port}
  rundir: "{folder}"
database:
  storage: "{folder}/db"
acl:
  - id: any
    address: 127.0.0.1
    action: {key}
zone:
  - domain: .
    storage: "{folder}"
    file: root.zone
    acl: any
    zonefile-load: whole
"""
ALLOWED = {"nsd": "NOKEY", "knotd": "transfer"}
FORBIDDEN = {"nsd": "BLOCKED", "knotd": "notify"}
both = pytest.mark.parametrize("kind", [pytest.param(p, marks=pytest.mark.peer(p)) for p in ("nsd", "knotd")])


def serve(kind: str, folder: Path, port: int, zone: str, key: str) -> AbstractContextManager[object]:
    folder.mkdir(exist_ok=True)
    (folder / "root.zone").write_text(zone)
    config = folder / f"{kind}.conf"
    if kind == "nsd":
        config.write_text(nsd_server(folder, f"ip-address: 127.0.0.1@{port}") + NSD_ZONE.format(key=key))
    else:
        config.write_text(KNOT.format(port=port, folder=folder, key=key))
    command = [peer(kind), "-d", "-c", str(config)] if kind == "nsd" else [peer(kind), "-c", str(config)]
    return program(command, folder / "log", port)


def keeper(*ports: int, given: bytes = b"") -> tuple[RootKeeper, list[str]]:
    said: list[str] = []

    def report(fact: Fact) -> None:
        said.append(fact.text)

    servers = tuple(Endpoint("127.0.0.1", port) for port in ports)
    means = Means(now, lambda: Epoch(EXPIRATION - 86_400.0), os.urandom, report)
    return RootKeeper(RootHolder(), Source(given, servers), means), said


async def fetched(port: int, serial: int | None = None) -> bytes | None:
    return await fetch(Endpoint("127.0.0.1", port), serial, os.urandom)


@both
def test_a_zone_of_many_messages_comes_whole_and_verifies(kind: str, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    with serve(kind, tmp_path, port, with_digest(large(400)), ALLOWED[kind]):
        root, said = keeper(port)
        assert asyncio.run(root.refresh()), said
        found = root.holder.verdict(read_name("www.tld00399"), 1, now())
        assert isinstance(found, Referral)
        assert ([4, 2], ["local root: serial 2026112400"]) == (
            [len(found.servers), len(found.servers[0].endpoints)],
            said,
        )
        assert {"local-root-taken": 1, "local-root-answered": 1} == dict(root.holder.counters)
        assert asyncio.run(root.refresh())
        assert 1 == root.holder.counters["local-root-confirmed"]


@both
def test_a_server_that_gives_no_transfer_is_named_by_its_reason_and_the_next_one_asked(
    kind: str, tmp_path: Path
) -> None:
    bad, good = free_ports(2)
    zone = with_digest(SMALL)
    with (
        serve(kind, tmp_path / "bad", bad, zone, FORBIDDEN[kind]),
        serve(kind, tmp_path / "good", good, zone, ALLOWED[kind]),
    ):
        root, said = keeper(bad, good)
        assert asyncio.run(root.refresh())
        assert said[0].startswith("local root: no copy; not taken: the server says ")
        assert "local root: serial 2026112400" == said[1]


@both
def test_a_newer_zone_replaces_the_old_one_and_a_damaged_one_does_not(kind: str, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    root, said = keeper(port)
    newer = SMALL.replace("2026112400", "2026112401")
    broken = with_digest(SMALL.replace("2026112400", "2026112402")).replace("192.0.2.2", "192.0.2.66")
    older = SMALL.replace("2026112400", "2026112300")
    outcomes = []
    for zone in (with_digest(SMALL), with_digest(newer), broken, with_digest(older)):
        with serve(kind, tmp_path, port, zone, ALLOWED[kind]):
            outcomes.append(asyncio.run(root.refresh()))
            (tmp_path / "db").exists() and [file.unlink() for file in (tmp_path / "db").rglob("*.mdb")]
    assert [True, True, False, False] == outcomes
    assert [
        "local root: serial 2026112400",
        "local root: serial 2026112401",
        "local root: serial 2026112401; not taken: its content is not what its ZONEMD says",
        "local root: serial 2026112401; not taken: its zone is older than the copy in use",
    ] == said
    assert 2026112401 == root.holder.status(now()).serial


@pytest.mark.peer("nsd")
def test_a_given_file_is_used_until_a_newer_zone_is_fetched(tmp_path: Path) -> None:
    from anchorhold.config.root_zone import read_root_zone

    (port,) = free_ports(1)

    async def run() -> None:
        root, said = keeper(port, given=read_root_zone(with_digest(SMALL)))
        root.start()
        while len(said) < 2:
            await asyncio.sleep(0.01)
        await root.close()
        assert ["local root: serial 2026112400", "local root: serial 2026112409"] == said

    with serve("nsd", tmp_path, port, with_digest(SMALL.replace("2026112400", "2026112409")), ALLOWED["nsd"]):
        asyncio.run(asyncio.wait_for(run(), 60))


Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def against(behaviour: Behaviour) -> bytes | None:
    serving: set[asyncio.Task[None]] = set()

    async def quietly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        with contextlib.suppress(asyncio.CancelledError, ConnectionError):
            await behaviour(reader, writer)
        writer.transport.abort()

    server = await asyncio.start_server(quietly, "127.0.0.1", 0)
    try:
        return await fetched(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving)


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(100)
    writer.close()


async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


async def talk_nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\0\x05hello")
    await reader.read()
    writer.close()


async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The answer for the SOA, then half of a message after another whose other half never ends it."""
    asked = await reader.read(100)
    header = asked[2:4] + b"\x80\0\0\1\0\1\0\0\0\0"
    soa = b"\0\0\6\0\1\0\0\0\0\0\x16\0\0" + bytes(3) + b"\5" + bytes(16)
    message = header + asked[14:] + soa
    writer.write(len(message).to_bytes(2, "big") + message)
    asked = await reader.read(100)
    part = asked[2:4] + b"\x80\0\0\1\0\1\0\0\0\0" + asked[14:] + soa
    part2 = asked[2:4] + b"\x80\0\0\0\3\x20\0\0\0\0" + (b"\1x\0\0\x10\0\1\0\0\0\0\0\x3c" + bytes(60)) * 800
    writer.write(len(part).to_bytes(2, "big") + part)
    try:
        while True:
            writer.write(len(part2).to_bytes(2, "big") + part2)
            await writer.drain()
    except ConnectionError:
        writer.close()


@pytest.mark.parametrize(
    ("behaviour", "why"),
    [
        (hang_up, "the connection ended before the zone did"),
        (say_nothing, "not done in"),
        (talk_nonsense, "shorter than a header"),
        (flood, "too large"),
    ],
)
def test_a_source_that_errs_fails_with_a_reason(
    monkeypatch: pytest.MonkeyPatch, behaviour: Behaviour, why: str
) -> None:
    monkeypatch.setattr(transfer, "DEADLINE", 0.2 if behaviour is say_nothing else 20.0)
    with pytest.raises(TransferFailed, match=why):
        asyncio.run(against(behaviour))


def test_nobody_there_is_a_reason_too() -> None:
    (port,) = free_ports(1)
    with pytest.raises(TransferFailed, match="no connection: ECONNREFUSED"):
        asyncio.run(fetched(port))


@pytest.mark.peer("nsd")
def test_what_comes_is_what_was_served(tmp_path: Path) -> None:
    from anchorhold.config.root_zone import read_root_zone

    (port,) = free_ports(1)
    with serve("nsd", tmp_path, port, with_digest(SMALL), ALLOWED["nsd"]):
        data = asyncio.run(fetched(port))
        assert data is not None
        assert parse_zone(read_root_zone(with_digest(SMALL)), ROOT).nodes == parse_zone(data, ROOT).nodes
        assert asyncio.run(fetched(port, 2026112400)) is None
