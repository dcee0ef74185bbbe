"""A cell as a process of its own, without a supervisor, but warmed and restrained as by one: `python -m kit.alone MODULE FD`."""

import socket
import sys
from importlib import import_module

from anchorhold import zygote
from anchorhold.cells.warming import begin_once
from anchorhold.sandbox import restrain

if __name__ == "__main__":
    begin_once()
    zygote.warm(sys.argv[1])
    restrain(executes=False)
    import_module(sys.argv[1]).run(socket.socket(fileno=int(sys.argv[2])))
