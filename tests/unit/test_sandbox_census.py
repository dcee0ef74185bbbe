"""Every system call under every profile, for real: a child enters it once for each number, and makes that call."""

import ctypes
import os
import signal
import sys
from collections.abc import Iterator

import pytest
from kit.bpf import run, seccomp_data
from kit.census import endings
from kit.children import ended
from kit.profiles import FILTERED, LINUX

from anchorhold.sandbox import SandboxProfile, completed
from anchorhold.sandbox.numbers import Architecture, find
from anchorhold.sandbox.profile import Rule
from anchorhold.sandbox.seccomp import ALLOW, KILL, assemble, here

pytestmark = LINUX

NUMBERS = range(480)
"""All that Linux has, and some that it has not yet."""
UNFILTERED = {335, 336} if sys.platform == "linux" and here() is Architecture.X86_64 else set()
"""uretprobe and uprobe: how the kernel's own trampolines return. It filters neither (kernel/seccomp.c); from elsewhere they do
nothing."""
KILLED = -signal.SIGSYS
EACH = pytest.mark.parametrize("profile", FILTERED.values(), ids=FILTERED)
BOTH = pytest.mark.parametrize("architecture", Architecture, ids=lambda one: one.name)


def right(rule: Rule, moved: int | None = 0) -> tuple[int, ...]:
    """Arguments that the rule allows."""
    return tuple(sum(test.value for test in rule.tests if test.place + (moved or 0) == place) for place in range(6))


def wrong(profile: SandboxProfile, rule: Rule, architecture: Architecture) -> Iterator[tuple[int, ...]]:
    """Arguments of which one is another in one bit, and which no other rule allows."""
    number, moved = find(rule.call, architecture)
    program = assemble(profile.calls, architecture)
    for test in rule.tests:
        for bit in range(64):
            if test.mask >> bit & 1:
                arguments = list(right(rule, moved))
                arguments[test.place + (moved or 0)] ^= 1 << bit
                if run(program, seccomp_data(number, architecture.value, arguments)) == KILL:
                    yield tuple(arguments)


@EACH
def test_every_call_but_those_of_the_table_ends_the_process(profile: SandboxProfile) -> None:
    rules: dict[int, Rule] = {}
    for rule in completed(profile).calls:
        rules.setdefault(find(rule.call, here())[0], rule)
    ends = endings(profile, ((number, right(rules[number]) if number in rules else (0,) * 6) for number in NUMBERS))
    survived = {number for number, end in zip(NUMBERS, ends, strict=True) if end != KILLED}
    assert set(rules) == survived - UNFILTERED


@EACH
def test_a_call_of_the_table_with_other_arguments_ends_the_process(profile: SandboxProfile) -> None:
    tried = []
    for rule in profile.calls:
        cases = list(wrong(profile, rule, here()))
        assert bool(rule.tests) == bool(cases) or rule.call in {one.call for one in profile.calls if not one.tests}
        # The lowest and the highest bit: the interpreter has tried them all.
        tried += [(rule.call, arguments) for arguments in (cases[:1] + cases[-1:])]
    ends = endings(profile, ((find(name, here())[0], arguments) for name, arguments in tried))
    assert [(*case, KILLED) for case in tried] == [(*case, end) for case, end in zip(tried, ends, strict=True)]


@EACH
def test_numbers_of_x32_end_the_process(profile: SandboxProfile) -> None:
    if here() is Architecture.X86_64:
        assert [KILLED] == endings(profile, [(0x4000_0000 | find("exit_group", here())[0], (0,) * 6)])


@EACH
@BOTH
def test_the_program_of_a_profile_says_what_its_rules_say(profile: SandboxProfile, architecture: Architecture) -> None:
    program = assemble(profile.calls, architecture)
    allowed: dict[int, list[Rule]] = {}
    for rule in profile.calls:
        allowed.setdefault(find(rule.call, architecture)[0], []).append(rule)
    for number in range(601):
        rules = allowed.get(number, [])
        free = any(not rule.tests for rule in rules)
        assert (ALLOW if free else KILL) == run(
            program, seccomp_data(number, architecture.value, (0xDEAD_BEEF_DEAD_BEEF,) * 6)
        )
        for rule in rules:
            arguments = right(rule, find(rule.call, architecture)[1])
            assert ALLOW == run(program, seccomp_data(number, architecture.value, arguments))
            assert KILL == run(program, seccomp_data(number, architecture.value ^ 0xFF, arguments))


def test_a_child_that_is_not_sealed_survives() -> None:
    """Else all of the above proves nothing."""
    assert 0 == ended(lambda: ctypes.CDLL(None).syscall(ctypes.c_long(find("getppid", here())[0])))
    assert 99 == ended(lambda: os.open("/no/such/file", os.O_RDONLY))
