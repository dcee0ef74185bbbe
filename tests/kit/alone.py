"""A cell as a process of its own, without a supervisor: `python -m kit.alone MODULE FD`."""

import socket
import sys
from importlib import import_module

if __name__ == "__main__":
    import_module(sys.argv[1]).run(socket.socket(fileno=int(sys.argv[2])))
