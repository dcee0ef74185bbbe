"""The assembler of filters against an interpreter of BPF, exhaustively, and programs that the kernel took."""

import errno
from collections.abc import Iterator

import pytest
from kit.bpf import run, seccomp_data

from anchorhold.sandbox import profile
from anchorhold.sandbox.numbers import CALLS, Architecture, find
from anchorhold.sandbox.profile import Rule, calls, exactly
from anchorhold.sandbox.seccomp import ALLOW, KILL, LONGEST, assemble, assemble_refusing

BOTH = pytest.mark.parametrize("architecture", Architecture, ids=lambda one: one.name)
NUMBERS = (*range(601), 0x3FFF_FFFF, 0x4000_0000, 0x4000_0001, 0x4000_0208, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF)
WORDS = (0, 1, 2, 3, 4, 5, 7, 8, 0x80, 0xFFFF_FFFF, 1 << 32, (1 << 32) + 1, (1 << 32) + 5, 5 << 32, (1 << 64) - 1)

RULES = (
    *calls("epoll_wait", "recvfrom", "sendto", "exit_group"),
    Rule("mmap", (profile.Test(2, 4, 0),)),
    Rule("socket", (exactly(0, 2), exactly(1, 1))),
    Rule("socket", (exactly(0, 2), profile.Test(1, 0xF, 2))),
    Rule("lseek", (profile.Test(1, (1 << 64) - 1, (1 << 32) + 5),)),
    Rule("prctl", (exactly(0, 1), exactly(1, 2), exactly(2, 3), exactly(3, 4), exactly(4, 5))),
    Rule("futex", (exactly(5, 7),)),
    *calls("read", "close"),
)


def allowed(rules: tuple[Rule, ...], architecture: Architecture, number: int, arguments: tuple[int, ...]) -> bool:
    """What the rules say, read as their docstrings do."""
    for rule in rules:
        wanted, moved = find(rule.call, architecture)
        if wanted == number and all(arguments[t.place + (moved or 0)] & t.mask == t.value for t in rule.tests):
            return True
    return False


def argument_cases() -> Iterator[tuple[int, ...]]:
    """Every word in every place, among zeros, and rows in which several rules hold or just do not."""
    for place in range(6):
        for word in WORDS:
            yield tuple(word if at == place else 0 for at in range(6))
    yield from ((1, 2, 3, 4, 5, 0), (1, 2, 3, 4, 6, 0), (1, 2, 3, 5, 5, 0), (1 << 32 | 1, 2, 3, 4, 5, 6))
    yield from (
        (2, 1, 0, 0, 0, 0),
        (2, 2, 0, 0, 0, 0),
        (2, 3, 0, 0, 0, 0),
        (2, 0x802, 0, 0, 0, 0),
        (2, 0x801, 0, 0, 0, 0),
    )
    yield from ((2 | 1 << 32, 1, 0, 0, 0, 0), (2, 1 | 7 << 40, 0, 0, 0, 0), (0, (1 << 32) + 5, 9, 9, 9, 9))


CASES = tuple(argument_cases())


@BOTH
def test_a_program_says_what_the_rules_say_for_every_number_and_argument(architecture: Architecture) -> None:
    program = assemble(RULES, architecture)
    tested = {find(rule.call, architecture)[0] for rule in RULES}
    wrong, held = [], 0
    for number in NUMBERS:
        for arguments in CASES if number in tested else CASES[:3]:
            expected = ALLOW if allowed(RULES, architecture, number, arguments) else KILL
            held += expected == ALLOW
            if run(program, seccomp_data(number, architecture.value, arguments)) != expected:
                wrong.append((number, arguments))
    assert wrong == []
    assert held > 500


@BOTH
def test_the_number_of_another_architecture_is_no_way_in(architecture: Architecture) -> None:
    program = assemble(RULES, architecture)
    others = {0, 3, 0x4000_0003, 0xC000_003E, 0xC000_00B7, 0x4000_0028, 0xFFFF_FFFF} - {architecture.value}
    for other in others:
        assert {run(program, seccomp_data(number, other)) for number in NUMBERS} == {KILL}


def test_no_number_of_x32_is_a_way_in() -> None:
    everything = assemble(calls(*CALLS), Architecture.X86_64)
    for number in (*range(601), 0x3FFF_FFFF):
        assert run(everything, seccomp_data(number | 0x4000_0000, Architecture.X86_64.value)) == KILL


@BOTH
def test_a_program_that_refuses_allows_all_else(architecture: Architecture) -> None:
    names = ("ptrace", "bpf", "execve", "ioperm")
    place = 0 if architecture is Architecture.X86_64 else 1
    refused = {CALLS[name][place] for name in names}
    program = assemble_refusing(names, ("keyctl",), architecture)
    seen = {number for number in range(601) if run(program, seccomp_data(number, architecture.value)) == KILL}
    assert seen == refused - {None}
    assert run(program, seccomp_data(0, 3)) == KILL
    keyctl = seccomp_data(find("keyctl", architecture)[0], architecture.value)
    assert run(program, keyctl) == 0x0005_0000 | errno.ENOSYS


@BOTH
def test_the_most_frequent_call_is_compared_first(architecture: Architecture) -> None:
    program = assemble(RULES, architecture)
    first = next(one.operand for one in program if one.code == 0x15 and one.operand != architecture.value)
    assert first == find("epoll_wait", architecture)[0]


@BOTH
def test_alternatives_that_are_far_to_skip(architecture: Architecture) -> None:
    """More than 255 instructions in one block."""
    rules = (*(Rule("ioctl", (exactly(1, number),)) for number in range(100)), *calls("read"))
    program = assemble(rules, architecture)
    ioctl, read = find("ioctl", architecture)[0], find("read", architecture)[0]
    for number in range(120):
        expected = ALLOW if number < 100 else KILL
        assert run(program, seccomp_data(ioctl, architecture.value, (0, number))) == expected
    assert run(program, seccomp_data(read, architecture.value)) == ALLOW
    assert run(program, seccomp_data(read + 1, architecture.value)) == KILL


def test_a_rule_without_tests_makes_those_with_tests_superfluous() -> None:
    program = assemble((Rule("ioctl", (exactly(1, 1),)), *calls("ioctl")), Architecture.X86_64)
    assert run(program, seccomp_data(16, Architecture.X86_64.value, (0, 9))) == ALLOW


@pytest.mark.parametrize(
    "test",
    [
        profile.Test(6, 1, 1),
        profile.Test(-1, 1, 1),
        profile.Test(0, 0, 0),
        profile.Test(0, 1, 2),
        profile.Test(0, 1 << 64, 0),
    ],
    ids=str,
)
def test_a_test_that_can_never_hold_is_a_mistake(test: profile.Test) -> None:
    with pytest.raises(ValueError, match="never hold"):
        assemble((Rule("read", (test,)),), Architecture.X86_64)


def test_a_test_of_an_argument_that_is_elsewhere_on_another_architecture_is_a_mistake() -> None:
    rules = (Rule("rename", (exactly(0, 1),)),)
    assert assemble(rules, Architecture.X86_64)
    with pytest.raises(ValueError, match="other places on AARCH64"):
        assemble(rules, Architecture.AARCH64)


def test_a_program_that_the_kernel_would_not_take_is_a_mistake() -> None:
    rules = tuple(Rule("ioctl", (exactly(1, number),)) for number in range(1_100))
    with pytest.raises(ValueError, match=str(LONGEST)):
        assemble(rules, Architecture.X86_64)
