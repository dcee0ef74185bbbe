"""The command line: a table of commands, each in its own file."""

from importlib import import_module

import click

from anchorhold.__about__ import __version__

COMMANDS = {
    "run": "Start the service.",
    "init": "Write a first configuration, by questions or by flags.",
    "check": "Check a configuration file; all errors together.",
    "apply": "Bring a configuration into force on trial; it goes again unless you confirm.",
    "status": "What the running service does: cells, caches, upstreams, shares.",
    "cells": "What each process of the running service may do, and what it holds.",
    "doctor": "Whether all is well, from outside too: encrypted ways in, certificates, what devices will do.",
    "ask": "Ask one question: the service, or any server directly.",
    "explain": "How a question would be decided, and what each party would see.",
    "compare": "Two resolvers asked the same: what differs, and whether that is explained.",
    "pause": "Let nothing be blocked for a while.",
    "blocked": "What was blocked a moment ago and why, while you want to know.",
    "cache": "Look into the caches, or empty them.",
    "anchors": "The keys that trust begins with: shown, and updated from IANA's file.",
    "migrate": "The configuration of dnsmasq, Pi-hole, AdGuard Home or unbound to one of ours.",
    "leases": "Who has which address; leases of other servers in, ours out; devices forgotten.",
    "lists": "Lists of names: fetched, compared, taken back, asked what they would say.",
    "certs": "The certificate that devices see, and the private authority behind it.",
    "key": "The secret that spreads sites over operators.",
    "version": "This program's version and the running service's.",
}
"""Name → one line of help. The command is `command` in anchorhold/commands/NAME.py, loaded only when used."""

EPILOG = """\b
Exit codes:
  0  done; the answer is positive
  1  done; the answer is negative, or not as wanted
  2  wrong usage, or an error in the configuration
  3  the service cannot start (a port in use, missing rights)
  4  no service (or no server) answers

\b
Examples:
  anchorhold init --upstream quad9 --output anchorhold.toml
  anchorhold run --config anchorhold.toml
  anchorhold ask example.net AAAA
  anchorhold explain example.net --client 192.168.1.20

\b
Completion for your shell (bash, zsh, fish):
  eval "$(_ANCHORHOLD_COMPLETE=bash_source anchorhold)"
"""


class Commands(click.Group):
    """The commands of `COMMANDS`, in that order; a command's file is imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every name."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command called so; None if there is none."""
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"anchorhold.commands.{cmd_name}").command
        assert isinstance(command, click.Command)  # noqa: S101 # ours
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table itself: no file is imported to show help."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=Commands,
    invoke_without_command=True,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="anchorhold")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Anchorhold: a private DNS resolver for a household, a laptop or a small office."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
