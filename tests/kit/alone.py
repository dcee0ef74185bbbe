"""A cell as a process of its own, without a supervisor, but restrained as one forks it: `python -m kit.alone MODULE FD`."""

import socket
import sys
from importlib import import_module

from anchorhold.sandbox import restrain

if __name__ == "__main__":
    restrain(executes=False)
    import_module(sys.argv[1]).run(socket.socket(fileno=int(sys.argv[2])))
