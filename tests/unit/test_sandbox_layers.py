"""Landlock at each version, namespaces, limits, and what is said of what cannot be had."""

import os
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kit.children import ended
from kit.peers import need_root
from kit.profiles import LINUX, become_ordinary

from anchorhold import sandbox
from anchorhold.sandbox import Network, SandboxProfile, SandboxRefused, Standing, enter, landlock, limits, namespaces
from anchorhold.sandbox.profile import calls
from anchorhold.sandbox.rights import keep_capabilities, no_new_privileges
from anchorhold.sandbox.seccomp import FilterRefused

pytestmark = LINUX

VERSIONS = range(1, landlock.NEWEST + 1)


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that an ordinary user may write."""
    with tempfile.TemporaryDirectory(prefix="anchorhold-layers-") as name:
        Path(name).chmod(0o777)
        yield Path(name)


def opened(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY)


def denied(body: Callable[[], object]) -> bool:
    try:
        body()
    except OSError:
        return True
    return False


def holds(body: Callable[[], bool]) -> bool:
    """Whether `body` is true in a child of its own."""
    return ended(lambda: os._exit(0 if body() else 1)) == 0


def restricted(version: int, wanted: landlock.Wanted) -> bool:
    no_new_privileges()
    return landlock.restrict(wanted, version) == version


# Landlock


@pytest.mark.parametrize("version", VERSIONS)
def test_landlock_closes_all_files_at_every_version(version: int) -> None:
    def body() -> bool:
        return restricted(version, landlock.Wanted()) and denied(lambda: os.open("/etc/passwd", os.O_RDONLY))

    assert landlock.version() >= landlock.NEWEST, "this test needs a kernel with all of it"
    assert holds(body)


@pytest.mark.parametrize("version", VERSIONS)
def test_landlock_leaves_the_folder_and_what_a_cell_does_there(version: int, folder: Path) -> None:
    def body() -> bool:
        at = opened(folder)
        done = restricted(version, landlock.Wanted(at))
        for name in ("new", "other"):
            file = os.open(name, os.O_RDWR | os.O_CREAT, 0o600, dir_fd=at)
            os.write(file, b"text")
            os.ftruncate(file, 2)
            os.close(file)
        os.close(os.open("new", os.O_WRONLY | os.O_TRUNC, dir_fd=at))
        os.rename("new", "other", src_dir_fd=at, dst_dir_fd=at)
        there = os.listdir(at) == ["other"]
        os.unlink("other", dir_fd=at)
        never = (
            lambda: os.mkdir("folder", dir_fd=at),
            lambda: os.symlink("/etc", "link", dir_fd=at),
            lambda: os.mkfifo("pipe", dir_fd=at),
            lambda: os.open("..", os.O_RDONLY, dir_fd=at),
        )
        return done and there and all(denied(one) for one in never)

    assert holds(body)


@pytest.mark.parametrize("version", VERSIONS)
def test_ports_are_closed_where_landlock_knows_them_and_missed_where_not(version: int) -> None:
    with socket.socket() as server, socket.socket() as other:
        for one in (server, other):
            one.bind(("127.0.0.1", 0))
            one.listen()
        ports = [one.getsockname()[1] for one in (server, other)]

        def body() -> bool:
            done = restricted(version, landlock.Wanted(connect=(ports[0],)))
            socket.socket().connect(("127.0.0.1", ports[0]))
            refused = denied(lambda: socket.socket().connect(("127.0.0.1", ports[1])))
            bound = denied(lambda: socket.socket().bind(("127.0.0.1", 0)))
            return done and refused == bound == (version >= landlock.PORTS_SINCE)

        assert holds(body)
    assert ("Landlock's TCP ports" in landlock.lacking(version)) == (version < landlock.PORTS_SINCE)


@pytest.mark.parametrize("version", VERSIONS)
def test_other_processes_are_out_of_reach_where_landlock_knows_scopes(version: int) -> None:
    name = f"\0anchorhold-scope-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(name)
        server.listen()

        def body() -> bool:
            done = restricted(version, landlock.Wanted())
            signalled = denied(lambda: os.kill(os.getppid(), 0))
            connected = denied(lambda: socket.socket(socket.AF_UNIX).connect(name))
            return done and signalled == connected == (version >= landlock.SCOPES_SINCE)

        assert holds(body)
    assert ("Landlock's scopes" in landlock.lacking(version)) == (version < landlock.SCOPES_SINCE)


def test_a_kernel_without_landlock_is_one_thing_that_is_missing() -> None:
    assert ["Landlock"] == landlock.lacking(0)
    assert [] == landlock.lacking(landlock.NEWEST)


# Namespaces


def test_a_socket_that_was_handed_over_serves_from_a_network_that_has_none() -> None:
    server = socket.socket(type=socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    server.settimeout(60)
    child = os.fork()
    if child == 0:
        try:
            profile = SandboxProfile("test", "nobody", calls("recvfrom", "sendto", "poll", "exit_group"), Network.NONE)
            enter(profile)
            data, client = server.recvfrom(64)
            server.sendto(data[::-1], client)
        finally:
            os._exit(0)
    with server, socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(60)
        client.sendto(b"question", server.getsockname())
        assert client.recv(64) == b"noitseuq"
        assert os.waitpid(child, 0)[1] == 0


def in_the_folder(folder: Path, ordinary: bool) -> bool:
    sandbox.preload()
    at = opened(folder)
    if ordinary and os.geteuid() == 0:
        become_ordinary()
    standing = enter(SandboxProfile("test", "nobody", network=Network.NONE, folder=True), folder=at)
    with open("/new", "w") as file:
        file.write("text")
    inside = os.listdir(at) == os.listdir("/") == ["new"] and os.getcwd() == "/"
    os.unlink("/new")
    apart = os.stat("..", dir_fd=at).st_ino == os.stat("/").st_ino and denied(lambda: os.stat("../..//etc", dir_fd=at))
    return standing.namespaces == ("files", "names", "ipc", "network") and inside and apart


@pytest.mark.parametrize("ordinary", [False, True])
def test_the_folder_is_all_there_is_and_its_descriptor_leads_nowhere_else(folder: Path, ordinary: bool) -> None:
    if not ordinary:
        need_root("giving up rights")
    assert holds(lambda: in_the_folder(folder, ordinary))


@pytest.mark.parametrize("ordinary", [False, True])
def test_without_a_folder_there_is_nothing_and_nothing_can_be_made(ordinary: bool) -> None:
    if not ordinary:
        need_root("giving up rights")

    def body() -> bool:
        sandbox.preload()
        if ordinary and os.geteuid() == 0:
            become_ordinary()
        no_new_privileges()
        done = namespaces.separate(True, -1)
        keep_capabilities(0)
        empty = (
            os.listdir("/") == [] and denied(lambda: os.mkdir("/new")) and denied(lambda: os.open("/new", os.O_CREAT))
        )
        lonely = denied(lambda: socket.socket().connect(("127.0.0.1", 9)))
        return len(done) == 4 and empty and lonely

    assert holds(body)


def test_what_begins_in_the_sandbox_reads_descriptors_as_files() -> None:
    """`ssl` reads its key from a file only."""
    seen: list[bytes] = []

    def body() -> bool:
        memory = os.memfd_create("test")
        os.write(memory, b"key")

        def settle() -> None:
            with open(str(memory), "rb") as file:
                seen.append(file.read())

        enter(SandboxProfile("test", "nobody"), settle=settle)
        return seen == [b"key"] and os.getcwd() == "/"

    assert holds(body)


def refuse(function: str, *_arguments: object) -> int:
    raise PermissionError(1, "Operation not permitted", function)


def test_a_system_without_namespaces_is_told_and_the_folder_is_closed_all_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_root("giving up rights")
    monkeypatch.setattr(namespaces, "call", refuse)

    def body() -> bool:
        at = opened(folder)
        standing = enter(SandboxProfile("test", "nobody", folder=True), folder=at)
        shut = not os.path.exists("/etc") and os.listdir("/") == [] and denied(lambda: os.open("../etc", 0, dir_fd=at))
        return shut and standing.missing == ("namespaces (Operation not permitted)",) and standing.namespaces == ()

    assert holds(body)


def test_who_has_threads_already_is_refused() -> None:
    def body() -> bool:
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        try:
            enter(SandboxProfile("test", "nobody"))
        except SandboxRefused as error:
            return "2 threads" in str(error)
        return False

    assert holds(body)


# The filter, and what is said


def without_seccomp() -> None:
    raise FilterRefused("seccomp: Function not implemented")


def test_without_seccomp_nobody_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anchorhold.sandbox.seccomp.require", without_seccomp)
    monkeypatch.delenv(sandbox.SANDBOX_VARIABLE, raising=False)

    def body() -> bool:
        try:
            enter(SandboxProfile("test", "nobody", calls("exit_group")))
        except SandboxRefused as error:
            return 'sandbox = "best-effort"' in str(error) and "seccomp: Function not implemented" in str(error)
        return False

    assert holds(body)


def test_without_seccomp_the_service_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anchorhold.sandbox.seccomp.require", without_seccomp)
    with pytest.raises(SandboxRefused, match=r'Function not implemented; .* sandbox = "best-effort"'):
        sandbox.restrain(executes=False)


def test_with_best_effort_it_serves_and_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anchorhold.sandbox.seccomp.require", without_seccomp)
    monkeypatch.setenv(sandbox.SANDBOX_VARIABLE, "best-effort")

    def body() -> bool:
        standing = enter(SandboxProfile("test", "nobody", calls("exit_group")))
        missing = "a filter of system calls (seccomp: Function not implemented)"
        return standing.missing == (missing,) and standing.calls == 0 and sandbox.standing() is standing

    assert holds(body)


def test_a_profile_with_a_call_that_is_none_is_refused() -> None:
    def body() -> bool:
        try:
            enter(SandboxProfile("test", "nobody", calls("raed")))
        except SandboxRefused as error:
            return "raed is no system call" in str(error)
        return False

    assert holds(body)


def test_what_is_in_force_is_few_words() -> None:
    full = Standing("test", "nobody", 3, 7, ("files", "ipc"), ("CORE 0", "NOFILE 64"))
    own, limited = "own files, ipc", "limits CORE 0, NOFILE 64"
    assert ("user nobody", "3 system calls", "Landlock 7", own, limited, "capabilities none") == full.in_force
    assert f"is shut in: {', '.join(full.in_force)}" == full.words
    less = Standing("test", "nobody", missing=("Landlock's scopes", "namespaces"))
    shut = "is shut in less than it should be; missing: Landlock's scopes; namespaces; in force: user nobody, any system call, "
    assert less.words.startswith(shut)
    bare = ("any system call", "no Landlock", "no namespace of its own", "limits none", "capabilities none")
    assert ("user nobody", *bare) == Standing("test", "nobody").in_force
    above = Standing("supervisor", "root", refused=60, capabilities=("kill", "setuid")).in_force
    assert ("all system calls but 60", "capabilities kill setuid") == (above[1], above[-1])


# Limits


def test_limits_follow_from_the_profile() -> None:
    always = dict.fromkeys(limits.NEVER, 0)
    assert always == limits.wanted(SandboxProfile("test"))
    small = SandboxProfile("test", calls=calls("read"), descriptors=9, memory=1 << 20, folder=True)
    assert always | {"NOFILE": 9, "DATA": 1 << 20, "NPROC": 0} == limits.wanted(small)
    assert "NPROC" not in limits.wanted(SandboxProfile("test", calls=calls("read"), threads=True))
    assert "NPROC" not in limits.wanted(SandboxProfile("test", calls=calls("read", "clone3")))
    assert "FSIZE" not in limits.wanted(SandboxProfile("test", calls=calls("memfd_create")))


def test_nobody_writes_files_who_has_none_unless_the_log_is_one(tmp_path: Path) -> None:
    profile = SandboxProfile("test", calls=calls("read"))

    def body(log: str) -> Callable[[], bool]:
        def inner() -> bool:
            os.dup2(os.open(log, os.O_RDWR | os.O_CREAT, 0o600), 1)
            os.dup2(1, 2)
            return ("FSIZE" in limits.wanted(profile)) == (log == "/dev/null")

        return inner

    assert holds(body("/dev/null"))
    assert holds(body(str(tmp_path / "log")))
