"""What a cell that was taken over might try from within its profile: each attempt is denied, as root and as an ordinary user.

By the filter of system calls, which ends the process; and, the filter taken away, by what lies behind it.
A forged frame between cells: tests/cells/test_forged_live.py.
"""

import ctypes
import errno
import mmap
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest
from kit.children import ended
from kit.peers import lacking
from kit.profiles import FILTERED, LINUX, become_ordinary, folder_for

from anchorhold.sandbox import Network, SandboxProfile, enter, limits, preload
from anchorhold.sandbox.libc import call, system_call

pytestmark = LINUX

KILLED, DENIED = -signal.SIGSYS, 98
ORDINARY = "an ordinary user"
WHO = ("root", ORDINARY) if os.geteuid() == 0 else (ORDINARY,)
NEW_USER = 0x1000_0000
PTRACE_ATTACH = 16


@dataclass(frozen=True)
class Outside:
    """What is to be reached: servers of the test, and another cell."""

    tcp: socket.socket
    udp: socket.socket
    abstract: socket.socket
    sibling: int


@contextmanager
def outside(who: str) -> Iterator[Outside]:
    with (
        socket.socket() as tcp,
        socket.socket(type=socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_UNIX) as abstract,
    ):
        for one in (tcp, udp):
            one.bind(("127.0.0.1", 0))
        abstract.bind(f"\0anchorhold-{os.getpid()}-{who}")
        for one in (tcp, abstract):
            one.listen()
        with sibling(who) as pid:
            yield Outside(tcp, udp, abstract, pid)


@contextmanager
def sibling(who: str) -> Iterator[int]:
    """Another cell of the same user."""
    ready, told = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            preload()
            if who == ORDINARY and os.geteuid() == 0:
                become_ordinary()
            enter(SandboxProfile("sibling", "nobody"))
            os.write(told, b".")
            signal.pause()
        finally:
            os._exit(1)
    os.close(told)
    assert os.read(ready, 1) == b"."
    os.close(ready)
    try:
        yield pid
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def open_file(_: Outside) -> None:
    os.open("/etc/passwd", os.O_RDONLY)


def list_folder(_: Outside) -> None:
    os.open("/etc", os.O_RDONLY | os.O_DIRECTORY)


def write_file(_: Outside) -> None:
    os.open("/tmp/anchorhold-escape", os.O_WRONLY | os.O_CREAT, 0o600)


def connect_tcp(there: Outside) -> None:
    socket.socket().connect(("127.0.0.1", there.tcp.getsockname()[1]))


def send_udp(there: Outside) -> None:
    socket.socket(type=socket.SOCK_DGRAM).sendto(b"out", ("127.0.0.1", there.udp.getsockname()[1]))


def connect_abstract(there: Outside) -> None:
    socket.socket(socket.AF_UNIX).connect(there.abstract.getsockname())


def listen_tcp(_: Outside) -> None:
    one = socket.socket()
    one.bind(("127.0.0.1", 0))
    one.listen()


def raw_socket(_: Outside) -> None:
    socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)


def execute(_: Outside) -> None:
    os.execv("/bin/true", ["/bin/true"])


def trace_sibling(there: Outside) -> None:
    call("ptrace", PTRACE_ATTACH, there.sibling, 0, 0)


def read_sibling(there: Outside) -> None:
    os.open(f"/proc/{there.sibling}/mem", os.O_RDONLY)


def copy_from_sibling(there: Outside) -> None:
    system_call("process_vm_readv", there.sibling, None, 0, None, 0, 0)
    raise OSError(errno.EPERM, "nothing was asked for")


def kill_sibling(there: Outside) -> None:
    os.kill(there.sibling, signal.SIGTERM)


def end_sibling(there: Outside) -> None:
    os.kill(there.sibling, signal.SIGKILL)


def fork(_: Outside) -> None:
    if os.fork() == 0:
        os._exit(0)


def executable_memory(_: Outside) -> None:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC)


def new_user_namespace(_: Outside) -> None:
    call("unshare", NEW_USER)


def mount(_: Outside) -> None:
    call("mount", b"none", b"/", b"tmpfs", 0, None)


def become_root(_: Outside) -> None:
    os.setresuid(0, 0, 0)


ATTEMPTS: tuple[Callable[[Outside], None], ...] = (
    *(open_file, list_folder, write_file, connect_tcp, send_udp, connect_abstract, listen_tcp, raw_socket, execute),
    *(trace_sibling, read_sibling, copy_from_sibling, kill_sibling, end_sibling, fork, executable_memory),
    *(new_user_namespace, mount, become_root),
)
FILTER_ALONE = {fork, executable_memory, new_user_namespace, copy_from_sibling}
"""Nothing else stands in their way."""


def attempt(what: Callable[[Outside], None], profile: SandboxProfile, who: str, there: Outside) -> int:
    def body() -> None:
        preload()
        if who == ORDINARY and os.geteuid() == 0:
            become_ordinary()
        standing = enter(replace(profile, user="nobody"), folder=folder)
        assert standing.missing == (), standing.missing
        try:
            what(there)
        except OSError:
            os._exit(DENIED)

    with folder_for(profile) as folder:
        return ended(body)


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("profile", FILTERED.values(), ids=FILTERED)
def test_no_attempt_succeeds_from_within_a_profile(profile: SandboxProfile, who: str) -> None:
    """Where a call is allowed for something else (a cell with a folder opens files there), what lies behind denies it."""
    with outside(who) as there:
        seen = {what.__name__: attempt(what, profile, who, there) for what in ATTEMPTS}
        succeeded = {name: code for name, code in seen.items() if code not in (KILLED, DENIED)}
        assert succeeded == {}
        killed = {name for name, code in seen.items() if code == KILLED}
        assert killed >= {what.__name__ for what in FILTER_ALONE}
        unharmed(there)


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("profile", FILTERED.values(), ids=FILTERED)
def test_what_lies_behind_the_filter_denies_it_as_well(profile: SandboxProfile, who: str) -> None:
    with outside(who) as there:
        bare = replace(profile, calls=())
        reached = {send_udp} if profile.network is Network.OUTSIDE else set()
        # Who may connect to certain ports is kept to them by Landlock, and the server's is none of them.
        reached |= {connect_tcp} if reached and profile.connect is None else set()
        tried = [what for what in ATTEMPTS if what not in FILTER_ALONE | reached]
        seen = {what.__name__: attempt(what, bare, who, there) for what in tried}
        assert seen == {what.__name__: DENIED for what in tried}
        unharmed(there)


def unharmed(there: Outside) -> None:
    """The sibling lives, and nothing came out."""
    assert os.waitpid(there.sibling, os.WNOHANG) == (0, 0)
    for one in (there.tcp, there.udp, there.abstract):
        one.setblocking(False)
    with pytest.raises(BlockingIOError):
        there.udp.recv(16)
    for one in (there.tcp, there.abstract):
        with pytest.raises(BlockingIOError):
            one.accept()


def test_each_attempt_succeeds_where_nobody_is_shut_in() -> None:
    """Else the tests above prove nothing. As root, for whom the most is possible."""
    if os.geteuid() != 0:
        lacking("to succeed with everything needs root")
    with outside("root") as there:
        for what in ATTEMPTS:
            if what in (kill_sibling, end_sibling, trace_sibling, mount, copy_from_sibling, write_file):
                # Not here: they would succeed.
                continue
            assert (what.__name__, 0) == (what.__name__, ended(lambda what=what: what(there)))  # type: ignore[misc]


@pytest.mark.parametrize("profile", FILTERED.values(), ids=FILTERED)
def test_descriptors_run_out_at_the_limit(profile: SandboxProfile) -> None:
    most = profile.descriptors or 40

    def body() -> None:
        enter(replace(profile, user="nobody", calls=(), descriptors=most))
        try:
            for _ in range(most):
                os.dup(0)
        except OSError as error:
            os._exit(DENIED if error.errno == errno.EMFILE else 1)

    assert DENIED == ended(body)


def test_memory_runs_out_at_the_limit() -> None:
    def body() -> None:
        enter(SandboxProfile("test", "nobody", memory=256 << 20))
        try:
            bytearray(512 << 20)
        except MemoryError:
            os._exit(DENIED)

    assert DENIED == ended(body)


def test_who_may_have_no_process_cannot_fork() -> None:
    def body() -> None:
        if os.geteuid() == 0:
            become_ordinary()
        limits.apply({"NPROC": 0})
        try:
            os.fork()
        except BlockingIOError:
            os._exit(DENIED)

    assert DENIED == ended(body)


def test_a_file_cannot_grow_where_nothing_is_written() -> None:
    def body() -> None:
        memory = os.memfd_create("test")
        limits.apply({"FSIZE": 0})
        try:
            os.write(memory, b"x")
        except OSError as error:
            os._exit(DENIED if error.errno == errno.EFBIG else 1)

    assert DENIED == ended(body)


def test_code_that_was_written_cannot_be_run_even_by_ctypes() -> None:
    """A closure of ctypes is memory that is written and run."""

    def body() -> None:
        enter(replace(FILTERED["front"], user="nobody"))
        ctypes.CFUNCTYPE(None)(lambda: None)

    assert KILLED == ended(body)
