"""The table of system call numbers, beside libseccomp's own (Debian: libseccomp2)."""

import ctypes
import ctypes.util

import pytest
from kit.peers import lacking

from anchorhold.sandbox.numbers import CALLS, INSTEAD, MACHINES, Architecture, NoSuchCall, find


def resolver() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL("libseccomp.so.2")
    except OSError:
        lacking("libseccomp is not installed; on Debian: apt-get install libseccomp2")
    library.seccomp_syscall_resolve_name_arch.argtypes = [ctypes.c_uint32, ctypes.c_char_p]
    return library


@pytest.mark.parametrize("architecture", Architecture, ids=lambda one: one.name)
def test_every_number_is_the_one_that_libseccomp_knows(architecture: Architecture) -> None:
    library = resolver()
    place = 0 if architecture is Architecture.X86_64 else 1
    wrong = {}
    for name, numbers in CALLS.items():
        theirs = library.seccomp_syscall_resolve_name_arch(architecture.value, name.encode())
        # Below zero: a number of its own for what this architecture does not have.
        if (theirs if theirs >= 0 else None) != numbers[place]:
            wrong[name] = theirs, numbers[place]
    assert wrong == {}


def test_no_two_calls_have_one_number() -> None:
    for place in (0, 1):
        numbers = [pair[place] for pair in CALLS.values() if pair[place] is not None]
        assert len(set(numbers)) == len(numbers) > 250


def test_what_stands_for_a_call_is_there_and_stands_for_one_that_is_not() -> None:
    for name, (other, moved) in INSTEAD.items():
        assert (CALLS[name][1], CALLS[other][1] is None, moved in (0, 1, None)) == (None, False, True)


def test_a_call_is_found_by_name() -> None:
    assert find("read", Architecture.X86_64) == (0, 0)
    assert find("read", Architecture.AARCH64) == (63, 0)
    assert find("unlink", Architecture.AARCH64) == (CALLS["unlinkat"][1], 1)


def test_an_unknown_name_and_a_call_without_a_stand_in_are_refused() -> None:
    with pytest.raises(NoSuchCall, match="readd is no system call"):
        find("readd", Architecture.X86_64)
    with pytest.raises(NoSuchCall, match="not there on AARCH64"):
        find("ioperm", Architecture.AARCH64)


def test_machines_are_named_as_uname_does() -> None:
    assert set(MACHINES) == {"x86_64", "aarch64"}
    assert set(MACHINES.values()) == set(Architecture)
