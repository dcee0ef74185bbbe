"""Processes that do one thing for a test, and how they ended."""

import gc
import os
import resource
import signal
import traceback
from collections.abc import Callable


def begin(body: Callable[[], object], patience: float = 30.0) -> int:
    """Run it in a child: its pid. Its exit code will be 0 if it comes to its end, 99 if it raises."""
    pid = os.fork()
    if pid == 0:
        # What tests before this one left is not to be collected here: it may make calls that who is sealed may not.
        gc.freeze()
        code = 99
        try:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            # A call that waits is ended, too: at once, not by a handler of who runs the tests.
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, patience)
            body()
            code = 0
        except BaseException as error:
            # Without the source: who is sealed may not read it.
            places = [f"{frame.f_code.co_filename}:{line}" for frame, line in traceback.walk_tb(error.__traceback__)]
            os.write(2, f"{type(error).__name__}: {error} ({' > '.join(places)})\n".encode())
        finally:
            os._exit(code)
    return pid


def ended(body: Callable[[], object], patience: float = 30.0) -> int:
    """Run it in a child: its exit code, as `begin` says, or minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(begin(body, patience), 0)[1])
