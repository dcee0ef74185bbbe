"""Users and capabilities: who a process is, and what it may do beyond that."""

import contextlib
import ctypes
import os
import pwd
import struct

from anchorhold.sandbox.libc import call

PR_SET_DUMPABLE = 4
PR_SET_NAME = 15
PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38
"""prctl(2)."""

CAPABILITY_VERSION_3 = 0x20080522
"""capset(2): two 32-bit words for each of the effective, permitted and inheritable sets."""
LAST_CAPABILITY = 63
CAPABILITIES = (
    *("chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap"),
    *("linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner"),
    *("sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice"),
    *("sys_resource", "sys_time", "sys_tty_config", "mknod", "lease", "audit_write", "audit_control", "setfcap"),
    *("mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf"),
    "checkpoint_restore",
)
"""By their number (capabilities(7), linux/capability.h)."""


def become(entry: pwd.struct_passwd) -> None:
    """No groups, then this group and user, for good. Raises OSError."""
    os.setgroups([])
    if hasattr(os, "setresuid"):
        os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
        os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)
    else:
        # macOS has no call that names all three; for root these do the same.
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)


def capabilities() -> int:
    """Bits of those that are in effect. Raises OSError."""
    header = struct.pack("=Ii", CAPABILITY_VERSION_3, 0)
    held = ctypes.create_string_buffer(2 * 3 * 4)
    call("capget", header, ctypes.addressof(held))
    low, _, _, high, _, _ = struct.unpack("=6I", held.raw)
    return int(low | high << 32)


def bits_of(*names: str) -> int:
    """The set of these capabilities, of CAPABILITIES."""
    return sum(1 << CAPABILITIES.index(name) for name in names)


def keep_capabilities(kept: int) -> None:
    """All sets to these, which we must have; nothing that is executed later gets others. Raises OSError.

    A service that binds port 53 by an ambient capability has handed it to every child.
    """
    # Without CAP_SETPCAP they stay in the bounding set, and no_new_privs makes that nothing. Else the first that fails is the
    # first that this kernel does not have.
    with contextlib.suppress(OSError):
        for number in range(LAST_CAPABILITY + 1):
            if not kept >> number & 1:
                call("prctl", PR_CAPBSET_DROP, number, 0, 0, 0)
    low, high = kept & 0xFFFF_FFFF, kept >> 32
    header = struct.pack("=Ii", CAPABILITY_VERSION_3, 0)
    call("capset", header, struct.pack("=6I", low, low, 0, high, high, 0))


def no_new_privileges() -> None:
    """Raises OSError."""
    call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def undumpable() -> None:
    """No core file, and no look into this process by others of its user. A change of user sets the flag anew. Raises OSError."""
    call("prctl", PR_SET_DUMPABLE, 0, 0, 0, 0)


def be_called(name: str) -> None:
    """For ps(1). Raises OSError."""
    call("prctl", PR_SET_NAME, name.encode()[:15], 0, 0, 0)
