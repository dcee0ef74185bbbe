"""One program, several processes (cells): start, rights, configuration, command line."""
