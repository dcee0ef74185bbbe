"""What the supervisor gives up: it keeps the rights that cells need until they are sealed, and those to open their sockets.

Its filter is inherited by all that it forks, so it holds what nobody here needs at any time; what is left to a cell in service
is that cell's own filter.
"""

from anchorhold.sandbox import rights, seccomp
from anchorhold.sandbox.standing import Standing

KEPT = (
    "chown",  # files in a folder of a cell become the cell's
    "dac_override",  # configuration and certificates may be somebody's own
    "dac_read_search",
    "fowner",
    "kill",  # cells are other users
    "setgid",
    "setuid",
    "setpcap",  # cells lose them all
    "net_bind_service",
    "net_raw",  # DHCP: clients have no address yet
    "sys_chroot",
    "sys_admin",  # namespaces of cells
)
"""Which capabilities are kept of those that there are, and what for."""

REFUSED = (
    *("ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp", "pidfd_getfd"),
    *("bpf", "perf_event_open", "userfaultfd", "io_uring_enter", "io_uring_register"),
    *("init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot", "syslog"),
    *("settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "sethostname", "setdomainname"),
    *("swapon", "swapoff", "acct", "quotactl", "quotactl_fd", "vhangup", "mknod", "mknodat"),
    *("setns", "move_mount", "open_tree", "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr"),
    *("open_by_handle_at", "fanotify_init", "lookup_dcookie", "add_key", "request_key", "keyctl"),
    *("iopl", "ioperm", "modify_ldt", "personality", "uselib", "nfsservctl", "sysfs", "ustat"),
    *("mbind", "set_mempolicy", "migrate_pages", "move_pages", "memfd_secret", "remap_file_pages"),
    *("shmget", "shmat", "msgget", "semget", "mq_open"),
)
"""System calls that nobody here makes: other processes, the kernel, the machine, and ways to memory and files past the usual."""
ABSENT = ("io_uring_setup",)
"""A library would use it where it is there, and does without where not; what is asked through it goes past every filter."""
EXECUTING = ("execve", "execveat")
"""Nor these, but for the hook of an authority."""


def restrain(user: str, executes: bool) -> Standing:
    """Give up all else, for this process and all that it will ever start. `executes`: programs may be started."""
    kept: tuple[str, ...] = ()
    missing: list[str] = []
    try:
        held = rights.capabilities()
        kept = tuple(name for name in KEPT if held & rights.bits_of(name))
        rights.keep_capabilities(rights.bits_of(*kept))
        rights.no_new_privileges()
    except OSError as error:
        missing.append(f"capabilities ({error.strerror})")
    names: tuple[str, ...] = REFUSED if executes else REFUSED + EXECUTING
    try:
        seccomp.require()
        seccomp.install(seccomp.pack(seccomp.assemble_refusing(names, ABSENT, seccomp.here())))
    except seccomp.FilterRefused as error:
        names = ()
        missing.append(f"a filter of system calls ({error})")
    return Standing("supervisor", user, refused=len(names), capabilities=kept, missing=tuple(missing))
