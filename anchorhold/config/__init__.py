"""The configuration file: TOML in, checked and complete settings out, all errors together."""
