"""The lists cell in a real service: lists from a local server over https, swapped while queries come; lists that somebody
poisoned; what is kept over restarts; what operators do."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from kit.datagrams import answering
from kit.list_server import HOME, ListServer, Page, list_server, trusted, zipped
from kit.minisigned import PUBLIC_TEXT, signed
from kit.processes import descriptors, internet_sockets, is_folder, state
from kit.service import Running, config_text, started

from anchorhold.control_client import Answer, ask_service
from privacy.lists.patterns import measure

PATIENCE = 60.0
REAL = "198.41.0.4"


def one_address(data: bytes) -> bytes:
    """What the upstream gives for every name."""
    query = dns.message.from_wire(data)
    response = dns.message.make_response(query)
    response.flags |= dns.flags.RA
    if query.question[0].rdtype == dns.rdatatype.A:
        address = "127.0.0.1" if query.question[0].name.to_text().lower().startswith("inside") else REAL
        response.answer.append(dns.rrset.from_text(query.question[0].name, 5, "IN", "A", address))
    return response.to_wire()


@pytest.fixture(scope="module")
def server() -> Iterator[ListServer]:
    with list_server() as one:
        yield one


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with answering(one_address) as one:
        yield one


class House:
    """A running service with lists."""

    def __init__(self, running: Running, directory: Path) -> None:
        self.running = running
        self.control = directory / "control.sock"
        self.port = running.port()
        self.folder = directory / "state/lists"

    def ask(self, **request: object) -> Answer:
        return ask_service(self.control, {"verb": "lists", "request": request})[0]

    def row(self, name: str) -> Answer:
        lists = self.ask(do="status")["lists"]
        assert isinstance(lists, list)
        return next(row for row in lists if row["name"] == name)

    def settle(self) -> dict[str, str]:
        """Wait until nothing is under way; the state of each list."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            line = self.ask(do="status")
            rows = line["lists"]
            assert isinstance(rows, list)
            if not line["building"] and not any(row["progress"] for row in rows) and line["image"]:
                return {row["name"]: row["state"] for row in rows}
            time.sleep(0.05)
        raise AssertionError(json.dumps(self.ask(do="status"), indent=1) + "\n".join(self.running.lines))

    def update(self, *names: str, confirm: bool = False) -> dict[str, str]:
        if confirm:
            self.ask(do="confirm", held={name: self.row(name)["held"]["digest"] for name in names})  # type: ignore[index]
        else:
            self.ask(do="update", names=list(names))
        time.sleep(0.1)
        return self.settle()

    def address(self, name: str) -> str:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(PATIENCE)
            client.sendto(dns.message.make_query(name, "A").to_wire(), ("127.0.0.1", self.port))
            answer = dns.message.from_wire(client.recv(65_535))
        return answer.answer[0][0].to_text() if answer.answer else dns.rcode.to_text(answer.rcode())

    def blocks(self, name: str) -> bool:
        return "0.0.0.0" == self.address(name)  # no bind

    def wait_until(self, blocked: bool, name: str) -> None:
        until = time.monotonic() + PATIENCE
        while self.blocks(name) != blocked:
            assert time.monotonic() < until, name
            time.sleep(0.05)


@contextmanager
def house(directory: Path, port: int, lists: str) -> Iterator[House]:
    config = directory / "anchorhold.toml"
    config.write_text(
        config_text(
            directory, server=f"udp://127.0.0.1:{port}", profile="opportunistic", extra=f"[limits]\nrate = 0.0\n{lists}"
        )
    )
    with started(config, environment=trusted(directory)) as running:
        yield House(running, directory)


def names(mark: str, count: int = 30, start: int = 0) -> bytes:
    return b"".join(f"0.0.0.0 {mark}{number}.example\n".encode() for number in range(start, start + count))


def table(server: ListServer, *wanted: str, more: str = "") -> str:
    return "".join(f'[lists.{name}]\nurl = "{server.url(f"/{name}")}"\n{more}' for name in wanted)


def test_lists_change_while_queries_come_and_none_is_lost(server: ListServer, port: int, tmp_path: Path) -> None:
    server.pages["/ads"] = Page(names("a"))
    with house(tmp_path, port, table(server, "ads", more="fuse = 0\n")) as one:
        assert {"ads": "in force"} == one.settle()
        one.wait_until(True, "a1.example")
        stop, heard = threading.Event(), []

        def ask() -> None:
            while not stop.is_set():
                heard.extend((name, one.address(name)) for name in ("a1.example", "b1.example", "free.example"))

        asking = threading.Thread(target=ask)
        asking.start()
        for turn in range(6):
            server.pages["/ads"] = Page(names("ba"[turn % 2], 2_000))
            assert {"ads": "in force"} == one.update("ads")
        stop.set()
        asking.join()
        one.wait_until(True, "a1.example")
        assert not one.blocks("b1.example")
        assert len(heard) > 30
        assert {REAL, "0.0.0.0"} == {address for _, address in heard}
        assert {REAL} == {address for name, address in heard if name == "free.example"}
        assert one.running.process.poll() is None


POISON = {
    "html": Page(b"<!DOCTYPE html><html>you are behind a portal</html>"),
    "empty": Page(b""),
    "cut": Page(names("cut"), claims=5_000),
    "big": Page(names("big", 300)),
    "shrunk": Page(names("shrunk", 5)),
    "bomb": zipped(b"# " + bytes(40_000_000)),
    "http": Page(b"", 302, {"Location": "http://lists.example/"}),
    "inside": Page(b"", 302, {"Location": "https://10.0.0.1/"}),
    "all": Page(b"||com^\n||org^\n||net^\n||de^\n||fr^\n||nl^\n||eu^\n||ch^\n||it^\n||es^\n||example^\n"),
    "gone": Page(b"", 500),
    "signed": Page(names("signed", 31)),
}
HELD = {"big", "shrunk", "all"}


def test_poisoned_lists_change_nothing(server: ListServer, port: int, tmp_path: Path) -> None:
    for name in POISON:
        server.pages[f"/{name}"] = Page(names(name))
    server.pages["/signed.minisig"] = Page(signed(names("signed")))
    lists = table(server, *(name for name in POISON if name != "signed"), more='max_size = "1 MiB"\n')
    lists += f'[lists.signed]\nurl = "{server.url("/signed")}"\npublic_key = "{PUBLIC_TEXT}"\n'
    with house(tmp_path, port, lists) as one:
        assert {"in force"} == set(one.settle().values())
        for name in POISON:
            one.wait_until(True, f"{name}1.example")
        server.pages |= {f"/{name}": page for name, page in POISON.items()}
        states = one.update()
        assert {name: "held" if name in HELD else "failing" for name in POISON} == states
        for name in POISON:
            assert one.blocks(f"{name}1.example"), name
        assert not one.blocks("www.shop.com")
        assert not one.blocks("big200.example")
        said = {name: str(one.row(name)["error"] or one.row(name)["why"]) for name in POISON}
        for name, words in {
            "html": "web page",
            "empty": "it is empty",
            "cut": "cut off",
            "big": "270 entries came",
            "shrunk": "25 went, of 30",
            "bomb": "larger than 1048576",
            "http": "no https:// address",
            "inside": "an address, not a name",
            "all": "have nothing in common",
            "gone": "says 500",
            "signed": "signature",
        }.items():
            assert words in said[name], said
        assert "held" not in one.update("big", confirm=True)["big"]
        one.wait_until(True, "big200.example")


def test_what_is_kept_serves_at_once_and_without_a_network(server: ListServer, port: int, tmp_path: Path) -> None:
    server.pages["/kept"] = Page(names("kept"), etag='"1"')
    lists = table(server, "kept")
    with house(tmp_path, port, lists) as one:
        one.settle()
        assert one.running.end() == 0
    del server.pages["/kept"]
    server.asked.clear()
    with house(tmp_path, port, lists) as one:
        assert one.blocks("kept1.example")
        assert "/kept" not in server.paths()
        # The resolver is started anew, and has the image before it serves.
        os.kill(one.running.cell("resolver"), signal.SIGKILL)
        one.running.wait_for("resolver", "serves again")
        assert one.blocks("kept2.example")
        # So is the lists cell, which does not rest so soon after it was asked something; what it made stays in force.
        one.settle()
        lists_cell = one.running.cell("lists")
        assert lists_cell
        os.kill(lists_cell, signal.SIGKILL)
        assert one.blocks("kept3.example")
        one.running.wait_for("lists", "serves again")
        assert {"kept": "in force"} == one.settle()


def test_a_damaged_copy_is_set_aside_and_the_former_one_serves(server: ListServer, port: int, tmp_path: Path) -> None:
    server.pages["/torn"] = Page(names("old"))
    lists = table(server, "torn", more="fuse = 0\n")
    with house(tmp_path, port, lists) as one:
        one.settle()
        server.pages["/torn"] = Page(names("new"))
        one.update("torn")
        digest = one.row("torn")["current"]["digest"]  # type: ignore[index]
        assert one.running.end() == 0
    (tmp_path / f"state/lists/{digest}.list").write_bytes(b"0.0.0.0 evil.example\n")
    for image in (tmp_path / "state/lists").glob("*.image"):
        image.write_bytes(b"torn")
    server.pages["/torn"] = Page(b"", 500)
    with house(tmp_path, port, lists) as one:
        one.running.wait_for("list torn: a copy on disk was damaged")
        one.settle()
        one.wait_until(True, "old1.example")
        assert not one.blocks("evil.example")
        assert list(one.folder.glob("*.damaged-*"))


def test_undo_diff_and_test_by_the_commands(server: ListServer, port: int, tmp_path: Path) -> None:
    server.pages["/ads"] = Page(names("a", 30))
    server.pages["/exact"] = Page(b"^x[0-9]+\\.example$\n")
    exact = table(server, "exact", more='format = "regex"\n')
    with house(tmp_path, port, table(server, "ads") + exact) as one:
        one.settle()
        server.pages["/ads"] = Page(names("a", 40))

        def run(*words: str) -> tuple[int, str]:
            command = [sys.executable, "-m", "anchorhold", "lists", *words, "--control", str(one.control)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
            return done.returncode, done.stdout + done.stderr

        assert 0 == run("update", "ads")[0]
        code, text = run("test", "a35.example", "free.example")
        assert (1, True, True) == (code, "0.0.0.0 a35.example" in text, "free.example: no list says anything" in text)
        code, text = run("diff", "ads")
        assert (0, True, True) == (code, "10 came, 0 went" in text, "+ =a35.example." in text)
        assert 0 == run("undo", "ads")[0]
        one.wait_until(False, "a35.example")
        one.update("ads")
        assert "this is what you took back" in str(one.row("ads")["why"])
        assert not one.blocks("a35.example")
        code, text = run("status")
        assert (1, True) == (code, "lists update --confirm ads" in text)
        assert (
            f"regular expressions: 1, which cost {measure('^x[0-9]+[.]example$')} of at most 20000 instructions" in text
        )
        digest = str(one.row("ads")["held"]["digest"])  # type: ignore[index]
        assert f"ads@{digest[:12]}" in text
        assert r"^x[0-9]+\.example$" in run("status", "--costs")[1]
        assert (2, True) == (run("update", "--confirm", "ads")[0], f"ads@{digest[:12]}" in run("diff", "ads")[1])
        code, text = run("update", "--confirm", f"ads@{'0' * 12}")
        assert (1, True) == (code, "another text by now" in text)
        assert not one.blocks("a35.example")
        assert 0 == run("update", "--confirm", f"ads@{digest[:12]}")[0]
        one.wait_until(True, "a35.example")
        assert (1, True) == (run("update", "--confirm", f"ads@{digest}")[0], one.blocks("a35.example"))
        code, text = run("update", "nothing")
        assert (1, True) == (code, "there is no list 'nothing'" in text)


def test_names_of_servers_are_asked_of_our_own_resolver(server: ListServer, port: int, tmp_path: Path) -> None:
    """One in a local zone is at home; one of the Internet that leads home is not followed."""
    server.asked.clear()
    server.pages["/home"] = Page(names("home"))
    lists = f"""[[local]]
zone = "home.arpa"
records = ["lists A 127.0.0.1"]
[lists]
home = "{server.url("/home", HOME)}"
inside = "{server.url("/inside", "inside.example")}"
"""
    with house(tmp_path, port, lists) as one:
        assert {"home": "in force", "inside": "failing"} == one.settle()
        one.wait_until(True, "home1.example")
        assert "inside.example" in str(one.row("inside")["error"])
        assert ["/home"] == server.paths()
        assert f"{HOME}:{server.port}" == server.asked[0][1]["host"]


def test_a_reload_with_and_without_lists(server: ListServer, port: int, tmp_path: Path) -> None:
    server.pages["/ads"] = Page(names("a"))
    with house(tmp_path, port, "") as one:
        assert 0 == one.running.cell("lists")
        assert not one.blocks("a1.example")
        config = tmp_path / "anchorhold.toml"
        plain = config.read_text()
        config.write_text(plain + table(server, "ads"))
        one.running.signal(signal.SIGHUP)
        one.running.wait_for("configuration 2 is in force")
        one.wait_until(True, "a1.example")
        config.write_text(plain)
        one.running.signal(signal.SIGHUP)
        one.running.wait_for("configuration 3 is in force")
        one.wait_until(False, "a1.example")
        one.running.wait_for("lists", "as it was told")


def test_the_lists_cell_knows_no_client_and_talks_to_servers_of_lists_only(
    server: ListServer, port: int, tmp_path: Path
) -> None:
    """The promise (docs/architecture.md §1), for this cell."""
    server.pages["/slow"] = Page(names("slow"), pause=0.02)
    with house(tmp_path, port, table(server, "slow")) as one:
        until = time.monotonic() + PATIENCE
        while not (sockets := [s for s in internet_sockets(one.running.cell("lists")) if s.connected]):
            assert time.monotonic() < until
        assert not one.blocks("free.example")
        assert {("127.0.0.1", server.port)} == {one.remote for one in sockets}
        every = internet_sockets(one.running.cell("lists"))
        assert [] == [one for one in every if one.listening]
        for name in ("front", "resolver"):
            remotes = {one.remote for one in internet_sockets(one.running.cell(name)) if one.connected}
            assert ("127.0.0.1", server.port) not in remotes
        status = state(one.running.cell("lists"))
        assert ("1", 0) == (status["NoNewPrivs"], int(status["CapPrm"], 16))
        if os.geteuid() == 0:
            assert "0" not in status["Uid"].split() + status["Gid"].split()
            assert is_folder(one.running.cell("lists"), "root", one.folder)
        links = descriptors(one.running.cell("lists")).values()
        assert [] == [link for link in links if link.endswith((".toml", ".key")) or "anchorhold-settings" in link]
