"""An interpreter of classic BPF as seccomp(2) runs it, written from linux/filter.h and not from our assembler."""

import struct
from collections.abc import Sequence

from anchorhold.sandbox.seccomp import Instruction

WORD = 0xFFFF_FFFF


def seccomp_data(number: int, architecture: int, arguments: Sequence[int] = (), pointer: int = 0) -> bytes:
    """struct seccomp_data: int nr, u32 arch, u64 instruction pointer, u64 args[6]."""
    padded = [*arguments, 0, 0, 0, 0, 0, 0][:6]
    return struct.pack("<iIQ6Q", number if number < 1 << 31 else number - (1 << 32), architecture, pointer, *padded)


def run(program: Sequence[Instruction], data: bytes) -> int:
    """What the program returns. Fails the test where the kernel would refuse the program (seccomp_check_filter)."""
    accumulator = 0
    at = 0
    for _ in range(len(program)):
        code, then, otherwise, operand = program[at]
        at += 1
        match code:
            case 0x20:  # ld [k]
                assert operand % 4 == 0
                assert 0 <= operand < 64
                accumulator = int.from_bytes(data[operand : operand + 4], "little")
            case 0x54:  # and #k
                accumulator &= operand
            case 0x05:  # ja k
                at += operand
            case 0x15:  # jeq #k
                at += then if accumulator == operand else otherwise
            case 0x35:  # jge #k
                at += then if accumulator >= operand else otherwise
            case 0x06:  # ret #k
                return operand
            case _:
                raise AssertionError(f"no such instruction: {code:#x}")
        assert at < len(program), "a jump out of the program"
        assert 0 <= operand <= WORD
    raise AssertionError("a program that does not end")
