"""How a process is ended by who forked it, without kill(2)."""

import os
import signal
from collections.abc import Callable

import pytest
from kit.profiles import LINUX, become_ordinary

from anchorhold import leash
from anchorhold.forking import Child, fork
from anchorhold.leash import Leash

pytestmark = LINUX


def never(number: int, _signal: int) -> None:
    raise AssertionError(f"kill(2) of {number}")


def started(live: Callable[[], None]) -> tuple[Child, int]:
    """A copy that says a word when `live` begins; it is read here."""
    ours, theirs = os.pipe()

    def body() -> None:
        os.write(theirs, b"x")
        live()

    child = fork("test", body, (theirs,))
    os.close(theirs)
    assert b"x" == os.read(ours, 1)
    return child, ours


def hang() -> None:
    while True:
        pass


def hang_as_somebody_else() -> None:
    if os.geteuid() == 0:
        become_ordinary()
        leash.own()
    hang()


def stop() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


@pytest.mark.parametrize("live", [hang, hang_as_somebody_else, stop])
def test_a_process_that_hangs_is_ended(live: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    child, ours = started(live)
    if live is stop:
        assert os.WIFSTOPPED(os.waitpid(child.pid, os.WUNTRACED)[1])
    with monkeypatch.context() as patched:
        patched.setattr(os, "kill", never)
        child.kill()
        child.kill()
        assert -signal.SIGKILL == child.wait()
        child.kill()
    os.close(ours)


def test_one_that_was_to_end_before_it_could_be_ended_does_not_begin() -> None:
    one = Leash()
    assert one.pull()
    pid = os.fork()
    if pid == 0:
        one.put_on()
        os._exit(0)
    one.hold()
    assert -signal.SIGKILL == Child(pid, one).wait()


def test_who_is_ended_so_does_not_end_with_who_forked_it() -> None:
    told, telling = os.pipe()
    one = Leash()
    pid = os.fork()
    if pid == 0:
        one.put_on()
        os.close(telling)
        # Until the other end is closed, and with it that of the leash.
        os._exit(len(os.read(told, 1)))
    one.hold()
    one.close()
    os.close(telling)
    os.close(told)
    assert 0 == Child(pid).wait()


def test_where_the_kernel_does_not_do_it_kill_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Leash, "_works", lambda _one: False)
    child, ours = started(hang)
    killed = []
    really = os.kill
    monkeypatch.setattr(os, "kill", lambda number, what: (killed.append(number), really(number, what)))
    child.kill()
    assert -signal.SIGKILL == child.wait()
    assert [child.pid] == killed
    os.close(ours)
