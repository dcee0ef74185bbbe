"""Whether to read the clock takes a system call here. Where the kernel can tell the time in the process's own memory (vdso(7)) it
takes none, and profiles are measured there; where it cannot, on old or odd machines, each reading is one."""

from pathlib import Path

from anchorhold.sandbox.profile import Rule, calls

SOURCE = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
READABLE = frozenset({"tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter"})
"""Clocks that the vDSO can read (those with a `vdso_clock_mode` in the kernel)."""


def calls_for_time(source: Path = SOURCE) -> tuple[Rule, ...]:
    """What is allowed besides a profile so that time can be told. A kernel that finds its clock unfit takes another one at any
    moment; then a process is ended by its next reading, and the one that is started in its place is allowed to."""
    try:
        current = source.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        current = ""
    return () if current in READABLE else calls("clock_gettime", "gettimeofday")
