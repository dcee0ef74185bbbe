"""`anchorhold apply`: a new configuration that goes again by itself unless it is confirmed."""

import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic

import click

from anchorhold import text
from anchorhold.applying import LONGEST, SHORTEST, Told
from anchorhold.config.errors import SettingsError
from anchorhold.config.limits import MAX_FILE
from anchorhold.config.load import load
from anchorhold.config.loader import decode_text
from anchorhold.config.service import Loaded
from anchorhold.control_client import Unreachable
from anchorhold.control_path import default_control_path
from anchorhold.doctor.findings import Finding, Level
from anchorhold.examination import TOP
from anchorhold.terminal import CommandFailed, Exit, control_option, printable, read_file
from anchorhold.trial import PATIENCE, Successor, Trial, TrialLost, Word
from anchorhold.trial_probes import Probed, probe
from wire.dns.codes import RecordType

LOAD_PATIENCE = 40.0
"""Seconds until it must be in force, beside those of the trial."""

ENDED = "the service ended; it starts by its file, which is the former one"


@click.command(
    epilog=f"""\b
Examples:
  anchorhold apply new.toml
  anchorhold apply new.toml --within 120
  anchorhold apply new.toml --yes
  anchorhold apply --confirm

Exit codes: 0 confirmed and written, 1 the former configuration is in force (or its file could not be written), 2 FILE is not
usable and nothing was changed, 4 no service answers.

From {SHORTEST} to {LONGEST} seconds. SIGHUP remains the plain reload: it ends a trial, and what is in the file counts.""",
)
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option(
    "--within",
    type=click.IntRange(SHORTEST, LONGEST),
    default=60,
    show_default=True,
    help="Seconds until the former configuration comes back by itself.",
)
@click.option("--yes", is_flag=True, help="Confirm without asking if all that is tried goes well.")
@click.option("--confirm", is_flag=True, help="Confirm what another terminal has applied.")
@click.option("--name", default="", help="The name that is asked for as a trial.  [default: org. SOA]")
@control_option
def command(file: Path | None, within: int, yes: bool, confirm: bool, name: str, control: Path | None) -> None:
    """Bring FILE into force on trial, try what clients need, and keep it only if you say so in time.

    The service goes on by FILE's content, while the file that it was started with stays as it is. Then a name is asked of the
    upstreams and proved, every address is asked, and with [dhcp] and [secure] leases and encrypted ways in are tried. If
    something fails, if you do not confirm, or if this command or its terminal is gone, the service itself goes back to what was
    before. What you confirm takes the place of the service's file; the former one is kept beside it, as FILE.before.
    """
    place = control or default_control_path()
    try:
        key = text.question_key(text.read_name(name), RecordType.A) if name else text.question_key(TOP, RecordType.SOA)
    except ValueError as error:
        raise CommandFailed(Exit.USAGE, str(error)) from None
    if confirm == (file is not None):
        raise CommandFailed(Exit.USAGE, "either FILE, or --confirm for what is on trial already")
    try:
        trial = Trial(place)
        try:
            if file is None:
                _confirm_other(trial)
            else:
                _Application(trial, file, within, yes).run(lambda loaded: Probed(place, loaded, key))
        finally:
            trial.close()
    except Unreachable as error:
        raise CommandFailed(Exit.UNREACHABLE, str(error)) from None
    except TrialLost:
        raise CommandFailed(Exit.NEGATIVE, ENDED) from None


def _confirm_other(trial: Trial) -> None:
    trial.confirm()
    word = trial.wait(PATIENCE)
    if word is None or word.kind is not Told.CONFIRMED:
        raise CommandFailed(Exit.NEGATIVE, word.text if word else "the service says nothing to that")
    click.echo(f"confirmed; the command that applied it writes {trial.config}")


class _Application:
    """One file on its way: begun, tried, confirmed or not."""

    def __init__(self, trial: Trial, file: Path, within: int, yes: bool) -> None:
        self._trial = trial
        self._file = file
        self._within = within
        self._yes = yes
        self._data = read_file(file, MAX_FILE)
        self._until = 0.0

    def run(self, probed: Callable[[Loaded], Probed]) -> None:
        config = self._trial.config
        with suppress(OSError):
            if self._file.samefile(config):
                raise CommandFailed(
                    Exit.USAGE,
                    f"{self._file} is the file that the service starts with: there were nothing to go back to. Undo your"
                    " changes, make them in a copy, and apply that",
                )
        try:
            successor = Successor(config, self._data)
        except OSError as error:
            raise CommandFailed(
                Exit.USAGE, f"{config} could not be replaced after all: {error.strerror}; try again as who may write it"
            ) from None
        try:
            self._begin()
            try:
                self._judge(probed)
                self._await_confirmation()
            except KeyboardInterrupt:
                self._undo("it was not wanted")
            self._write(successor)
        finally:
            successor.discard()

    def _begin(self) -> None:
        """Until it is in force, or is not to be."""
        self._until = monotonic() + self._within
        self._trial.begin(self._data, self._within)
        word = self._trial.wait(LOAD_PATIENCE + self._within)
        match word:
            case Word(Told.REFUSED, why):
                said = why.replace(f"{self._trial.config}:", f"{self._file}:")
                raise CommandFailed(Exit.USAGE, _printable_lines(f"not usable, nothing was changed:\n{said}"))
            case Word(Told.NOT_NOW, why):
                raise CommandFailed(Exit.NEGATIVE, f"nothing was changed: {why}")
            case Word(Told.IN_FORCE):
                left = max(0.0, self._until - monotonic())
                click.echo(f"{self._file} is in force on trial; without your word it ends in {left:.0f} s")
            case _:
                self._came_back(word)

    def _judge(self, probed: Callable[[Loaded], Probed]) -> None:
        """Try it; what is bad takes it back."""
        try:
            loaded = load(decode_text(self._data, str(self._trial.config)), str(self._trial.config))
        except SettingsError as error:
            click.echo(f"not tried, for this user cannot read all that it names: {error}", err=True)
            self._yes = False
            return
        bad = 0
        for one in probe(probed(loaded)):
            bad += one.level is Level.BAD
            click.echo(_line(one))
        if bad:
            self._undo(f"{bad} of what was tried failed")

    def _await_confirmation(self) -> None:
        """Returns when it is confirmed."""
        if self._yes:
            self._trial.confirm()
        terminal = sys.stdin.isatty() and not self._yes
        if terminal:
            click.echo(f"Keep it? Within {max(0.0, self._until - monotonic()):.0f} s, y or n: ", nl=False)
        elif not self._yes:
            click.echo("to keep it: anchorhold apply --confirm (from another terminal)")
        while True:
            word = self._trial.wait(self._until - monotonic() + PATIENCE, sys.stdin.fileno() if terminal else None)
            if word is not None and word.kind is Told.CONFIRMED:
                return
            if word is not None and word.kind is Told.NOT_NOW:
                raise CommandFailed(Exit.NEGATIVE, f"not confirmed: {word.text}")
            if word is not None or monotonic() > self._until + PATIENCE:
                self._came_back(word)
            elif terminal:
                terminal = False
                if sys.stdin.readline().strip().lower() not in ("y", "yes"):
                    self._undo("it was not wanted")
                self._trial.confirm()

    def _undo(self, why: str) -> None:
        self._trial.undo()
        word = self._trial.wait_for_end(PATIENCE)
        if word is not None and word.kind is Told.BACK and word.text == "it was not wanted":
            word = Word(Told.BACK, why)
        self._came_back(word)

    def _came_back(self, word: Word | None) -> None:
        """Raises CommandFailed."""
        if word is not None and word.kind is Told.BACK:
            raise CommandFailed(Exit.NEGATIVE, printable(f"the former configuration is in force again: {word.text}"))
        raise CommandFailed(
            Exit.NEGATIVE,
            "the service does not say what is in force; by itself it goes back to what was before (anchorhold status)",
        )

    def _write(self, successor: Successor) -> None:
        config = self._trial.config
        try:
            successor.replace()
        except OSError as error:
            raise CommandFailed(
                Exit.NEGATIVE,
                f"it is confirmed and in force, but {config} could not be written: {error.strerror}; copy {self._file} there",
            ) from None
        click.echo(f"confirmed; {config} is {self._file} now, and what it was is in {successor.before}")


def _printable_lines(said: str) -> str:
    """Each line by itself made harmless for a terminal."""
    return "\n".join(printable(line) for line in said.splitlines())


def _line(one: Finding) -> str:
    return printable(f"{one.level.value:8}{one.subject}: {one.text}")
