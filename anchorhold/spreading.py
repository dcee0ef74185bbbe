"""One address, many cells: who asks from one place always comes to the same cell, by a program that the kernel runs for each new
datagram and connection (SO_REUSEPORT and SO_ATTACH_REUSEPORT_CBPF, socket(7)).

By the household, as limits count (`resolver.admission.household_of`): whoever shares a limit shares a cell, so no limit of one
client is lost or doubled, and cookies, tickets and QUIC connections find who made them (docs/decisions/0034-more-cores.md).
"""

import ctypes
import socket
import struct
import sys

from anchorhold.sandbox.seccomp import LOAD, RETURN, Instruction
from resolver.admission import household_of

ATTACH = 51
"""SO_ATTACH_REUSEPORT_CBPF, as most architectures number it (asm-generic/socket.h)."""
HEADER = 0xFFF0_0000
"""SKF_NET_OFF (linux/filter.h): an offset from here counts from the header of IP, not from what the datagram holds."""
SOURCE_4 = 12
"""Where the sender's address is in a header of IPv4 (RFC 791 §3.1)."""
SOURCE_6 = 8
"""The same of IPv6 (RFC 8200 §3)."""
MULTIPLIER = 0x9E37_79B1
"""2³² divided by the golden ratio: neighbouring addresses come far apart, and in turn to all cells (Knuth, volume 3, 6.4)."""

MULTIPLY, SHIFT, EXCLUSIVE_OR, KEEP = 0x24, 0x74, 0xAC, 0x07
"""BPF_ALU | BPF_MUL, BPF_RSH and BPF_XOR | BPF_X; BPF_MISC | BPF_TAX. RETURN with this bit gives what was computed:"""
COMPUTED = 0x10


def cell_of(packed: bytes, cells: int) -> int:
    """Which of so many cells, from 0 on, hears the client at this address (4 or 16 octets)."""
    household = household_of(packed)
    mixed = int.from_bytes(household[:4], "big") * MULTIPLIER & 0xFFFF_FFFF
    if len(household) > 4:
        mixed = (mixed ^ int.from_bytes(household[4:], "big")) * MULTIPLIER & 0xFFFF_FFFF
    return (mixed >> 16) * cells >> 16


def program(family: int, cells: int) -> tuple[Instruction, ...]:
    """The same for the kernel, which then takes the socket that was opened at this place in the group."""
    mix: tuple[Instruction, ...]
    if family == socket.AF_INET:
        mix = (_load(SOURCE_4), _do(MULTIPLY, MULTIPLIER))
    else:
        mix = (
            _load(SOURCE_6),
            _do(MULTIPLY, MULTIPLIER),
            _do(KEEP),
            # The last three octets of a /56.
            _load(SOURCE_6 + 4),
            _do(SHIFT, 8),
            _do(EXCLUSIVE_OR),
            _do(MULTIPLY, MULTIPLIER),
        )
    return (*mix, _do(SHIFT, 16), _do(MULTIPLY, cells), _do(SHIFT, 16), _do(RETURN | COMPUTED))


def spread(group: tuple[socket.socket, ...]) -> None:
    """Have the kernel choose among these, which share an address and were bound, and listen, in this order. Raises OSError."""
    if sys.platform != "linux":
        raise OSError(0, "this system cannot choose by address")
    instructions = program(group[0].family, len(group))
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *one) for one in instructions))
    # struct sock_fprog: how many there are, and where.
    group[0].setsockopt(socket.SOL_SOCKET, ATTACH, struct.pack("@HP", len(instructions), ctypes.addressof(code)))


def _load(offset: int) -> Instruction:
    return Instruction(LOAD, 0, 0, HEADER + offset)


def _do(code: int, operand: int = 0) -> Instruction:
    return Instruction(code, 0, 0, operand)
