"""The part of the resolver that acts: sockets, clocks and tasks."""
