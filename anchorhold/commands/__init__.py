"""The commands, one file each; `anchorhold.cli.COMMANDS` is the table."""
