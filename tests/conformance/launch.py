"""`anchorhold run --config FILE` under libfaketime: `launch.py FILE`, started by `adapter.py`.

The supervisor hands its cells a short list of environment variables, and as root changes their user. Here the whole
service is an ordinary user from the start, and libfaketime's variables are on the list: the cells are the real ones. Only the
date on which the program was made is another one: scenarios play in the past, and the real one would not believe their clock.
"""

import os
import sys
from pathlib import Path

NOBODY = 65_534
FAKETIME = {
    *("LD_PRELOAD", "FAKETIME_TIMESTAMP_FILE", "FAKETIME_NO_CACHE", "FAKETIME_SHARED", "NO_FAKE_STAT"),
    *("FAKETIME_DONT_FAKE_MONOTONIC", "DONT_FAKE_MONOTONIC", "PYTHONUNBUFFERED"),
}


def main(config: str) -> None:
    if os.geteuid() == 0:
        _as_nobody(Path(config).parent)
    # -P was not given: this folder must not be searched for modules.
    os.environ["PYTHONPATH"] = sys.path.pop(0)
    from anchorhold import __about__

    __about__.BUILT = "1970-01-02"
    from anchorhold import cell_environment, sandbox, start  # what is changed here the cells have too: they are forked

    cell_environment.KEPT |= FAKETIME
    # To tell the time libfaketime opens a file, now and again, with system calls of its own.
    assert callable(sandbox._make_table)  # else this would leave nothing out
    sandbox._make_table = lambda profile: sandbox._Table(profile.calls)
    sandbox._restrict = lambda _profile, _folder, _missing: 0
    sandbox._separate = lambda _profile, _folder, _missing: ()
    raise SystemExit(start.run(Path(config)))


def _as_nobody(folder: Path) -> None:
    """Start anew as nobody: in a user namespace, so that the tree stays readable; where these are forbidden, for real."""
    unshare = ["unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}"]
    again = [sys.executable, *sys.argv]
    if os.spawnvp(os.P_WAIT, unshare[0], [*unshare, "true"]) == 0:
        os.execvp(unshare[0], [*unshare, *again])
    for path in (folder, *folder.iterdir()):
        os.chown(path, NOBODY, NOBODY)
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    os.execv(again[0], again)


if __name__ == "__main__":
    main(sys.argv[1])
