"""`anchorhold` without what seals its cells, for `bench_sandbox.py` alone: `python benchmarks/unsealed.py run --config FILE`.

Users and capabilities are given up as ever. What is left out are the filter of system calls, Landlock, namespaces and limits. No
configuration can do that; this program puts something else in the place of the functions that do it, before any cell is forked.
"""

from anchorhold import sandbox
from anchorhold.cli import main


def leave_out(module: str, function: str, instead: object) -> None:
    """The function must be there: else this would measure nothing."""
    part = getattr(sandbox, module)
    assert callable(getattr(part, function))
    setattr(part, function, instead)


def separate(*_: object) -> None:
    raise sandbox.namespaces.Refused("left out for a measurement")


if __name__ == "__main__":
    leave_out("seccomp", "install", lambda program: None)
    leave_out("landlock", "restrict", lambda wanted: sandbox.landlock.version())
    leave_out("limits", "apply", lambda limits: ())
    leave_out("namespaces", "separate", separate)
    main()
