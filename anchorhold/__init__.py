"""One program, several processes (cells): start, rights, configuration, command line."""

# First of all: nothing may be imported before that is compiled.
from anchorhold import compiled as compiled
