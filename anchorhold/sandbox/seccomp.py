"""Filters of system calls: rules become a program of classic BPF (seccomp(2), linux/filter.h), run by the kernel at each call.

`assemble` is pure; `pack` makes of a program what the kernel reads, once for a process and its copies; `install` puts it in force
for this process and all it will ever start, for good.

The program, for each call a block in the order of the rules:

    load the architecture; another one: end the process
    load the number; one of x32 (bit 30): end the process
    number of this block? else: next block
        a rule without tests: allow
        each rule with tests: load one half of an argument, mask, compare; else: next rule; all held: allow
        no rule held: end the process
    no block was this call's: end the process
"""

import ctypes
import errno
import os
import struct
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from anchorhold.sandbox.libc import system_call
from anchorhold.sandbox.numbers import CALLS, MACHINES, Architecture, find
from anchorhold.sandbox.profile import Rule, Test

LOAD = 0x20
"""BPF_LD | BPF_W | BPF_ABS: 32 bits of seccomp_data at an offset, in the machine's order of octets."""
AND = 0x54
JUMP = 0x05
JUMP_EQUAL = 0x15
JUMP_AT_LEAST = 0x35
RETURN = 0x06

KILL = 0x8000_0000
"""SECCOMP_RET_KILL_PROCESS: all of its threads, by SIGSYS, which cannot be caught."""
ALLOW = 0x7FFF_0000
ERROR = 0x0005_0000
"""SECCOMP_RET_ERRNO: with the number of the error."""

NUMBER_AT = 0
ARCHITECTURE_AT = 4
ARGUMENTS_AT = 16
"""Offsets in struct seccomp_data; each argument has 64 bits, the lower half first on both architectures."""
X32 = 0x4000_0000
HALF = 0xFFFF_FFFF
FARTHEST = 255
"""Instructions that a comparison can skip."""
LONGEST = 4096
"""BPF_MAXINSNS."""
ARGUMENTS = 6

SET_MODE_FILTER = 1
GET_ACTION_AVAILABLE = 2
ALL_THREADS = 1
"""SECCOMP_FILTER_FLAG_TSYNC."""


class Instruction(NamedTuple):
    """struct sock_filter: u16 code, u8 and u8 instructions to skip if it holds and if not, u32 operand."""

    code: int
    then: int
    otherwise: int
    operand: int


KILLS = Instruction(RETURN, 0, 0, KILL)
ALLOWS = Instruction(RETURN, 0, 0, ALLOW)
LACKS = Instruction(RETURN, 0, 0, ERROR | errno.ENOSYS)


class FilterRefused(Exception):
    """The kernel takes no filter; the text says why."""


def assemble(rules: Sequence[Rule], architecture: Architecture) -> tuple[Instruction, ...]:
    """The program that allows what `rules` say and ends the process at all else.

    Raises NoSuchCall, and ValueError for a test that could never hold or a program that is too long.
    """
    by_number: dict[int, list[tuple[Test, ...]]] = {}
    for rule in rules:
        number, moved = find(rule.call, architecture)
        if rule.tests and moved is None:
            raise ValueError(f"{rule.call} has its arguments in other places on {architecture.name}")
        by_number.setdefault(number, []).append(tuple(_moved(test, moved or 0) for test in rule.tests))
    return _program(
        ((number, _allow_some(alternatives)) for number, alternatives in by_number.items()), architecture, KILLS
    )


def assemble_refusing(
    names: Iterable[str], absent: Iterable[str], architecture: Architecture
) -> tuple[Instruction, ...]:
    """The program that ends the process at the calls `names`, lets `absent` fail as in a kernel that lacks them, and allows all
    else. What the architecture does not have is left out."""
    place = 0 if architecture is Architecture.X86_64 else 1
    answers = [*((name, KILLS) for name in names), *((name, LACKS) for name in absent)]
    numbers = [(number, answer) for name, answer in answers if (number := CALLS[name][place]) is not None]
    return _program(((number, [answer]) for number, answer in numbers), architecture, ALLOWS)


def _program(
    blocks: Iterable[tuple[int, list[Instruction]]], architecture: Architecture, end: Instruction
) -> tuple[Instruction, ...]:
    made = [
        Instruction(LOAD, 0, 0, ARCHITECTURE_AT),
        Instruction(JUMP_EQUAL, 1, 0, architecture.value),
        KILLS,
        Instruction(LOAD, 0, 0, NUMBER_AT),
    ]
    if architecture is Architecture.X86_64:
        # The same architecture word, other numbers for the same calls.
        made += [Instruction(JUMP_AT_LEAST, 0, 1, X32), KILLS]
    for number, block in blocks:
        if len(block) <= FARTHEST:
            made.append(Instruction(JUMP_EQUAL, 0, len(block), number))
        else:
            made += [Instruction(JUMP_EQUAL, 1, 0, number), Instruction(JUMP, 0, 0, len(block))]
        made += block
    made.append(end)
    if len(made) > LONGEST:
        raise ValueError(f"a filter of {len(made)} instructions; the kernel takes {LONGEST}")
    return tuple(made)


def _allow_some(alternatives: list[tuple[Test, ...]]) -> list[Instruction]:
    """The block of one call. Each alternative ends in an answer: the accumulator holds no number any more after it."""
    if () in alternatives:
        return [ALLOWS]
    return [instruction for tests in alternatives for instruction in _allow_if(tests)] + [KILLS]


def _allow_if(tests: tuple[Test, ...]) -> list[Instruction]:
    halves = [half for test in tests for half in _halves(test)]
    made: list[Instruction] = []
    left = sum(3 for _ in halves)
    for offset, mask, value in halves:
        left -= 3
        # To behind the ALLOW of this alternative.
        made += [
            Instruction(LOAD, 0, 0, offset),
            Instruction(AND, 0, 0, mask),
            Instruction(JUMP_EQUAL, 0, left + 1, value),
        ]
    return [*made, ALLOWS]


def _halves(test: Test) -> list[tuple[int, int, int]]:
    """Offset, mask and value of each half that the test looks at: BPF compares 32 bits."""
    low = ARGUMENTS_AT + 8 * test.place
    halves = ((low, test.mask & HALF, test.value & HALF), (low + 4, test.mask >> 32, test.value >> 32))
    return [half for half in halves if half[1]]


def _moved(test: Test, places: int) -> Test:
    moved = Test(test.place + places, test.mask, test.value)
    if not 0 <= moved.place < ARGUMENTS or not 0 < moved.mask < 1 << 64 or moved.value & ~moved.mask:
        raise ValueError(f"{test} can never hold")
    return moved


def here() -> Architecture:
    """What this process runs on. Raises FilterRefused."""
    system = os.uname()
    # A 32-bit interpreter makes other calls on the same machine.
    if system.sysname != "Linux" or system.machine not in MACHINES or struct.calcsize("P") != 8:
        raise FilterRefused(f"seccomp: there is no table of system calls for {system.sysname} on {system.machine}")
    return MACHINES[system.machine]


def require() -> None:
    """Whether the kernel takes filters that end a process. Raises FilterRefused."""
    here()
    try:
        system_call("seccomp", GET_ACTION_AVAILABLE, 0, struct.pack("=I", KILL))
    except OSError as error:
        raise FilterRefused(f"seccomp: {error.strerror}") from None


class Packed(NamedTuple):
    """A program as the kernel reads it: a struct sock_fprog, and the instructions that it points to."""

    described: bytes
    instructions: "ctypes.Array[ctypes.c_char]"


def pack(program: Sequence[Instruction]) -> Packed:
    """It stays where it is, also in copies of this process."""
    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    return Packed(struct.pack("@HP", len(program), ctypes.addressof(buffer)), buffer)


def install(program: Packed) -> None:
    """Put it in force, for all threads at once. no_new_privs must be set. Raises FilterRefused."""
    try:
        unwilling = system_call("seccomp", SET_MODE_FILTER, ALL_THREADS, program.described)
    except OSError as error:
        raise FilterRefused(f"seccomp: {error.strerror}") from None
    if unwilling:
        raise FilterRefused(f"seccomp: thread {unwilling} has a filter of its own")
