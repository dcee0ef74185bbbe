"""What the guides show works: every TOML block loads, every command line parses."""

import re
import shlex
from pathlib import Path

import click
import pytest

from anchorhold.cli import main
from anchorhold.settings_file import read_settings

GUIDES = sorted((Path(__file__).parents[2] / "docs/guide").glob("*.md"))

LISTEN = '[listen]\naddresses = ["127.0.0.1:5300"]\n'
UPSTREAM = '[upstreams.default]\nservers = ["tls://dns.example@192.0.2.1"]\n'


def blocks(guide: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", guide.read_text(), re.MULTILINE | re.DOTALL)


TOML = [(guide.name, block) for guide in GUIDES for block in blocks(guide, "toml")]
LINES = [
    (guide.name, line.strip())
    for guide in GUIDES
    for block in blocks(guide, "sh")
    for line in block.splitlines()
    if re.match(r"\s*(sudo )?anchorhold\b", line)
]
INLINE = [
    (guide.name, span) for guide in GUIDES for span in re.findall(r"`((?:sudo )?anchorhold [^`]+)`", guide.read_text())
]


def test_the_guides_are_found() -> None:
    assert {guide.stem for guide in GUIDES} >= {"household", "laptop", "office", "commands", "configuration"}
    assert min(len(TOML), len(LINES), len(INLINE)) >= 5


@pytest.mark.parametrize(("guide", "block"), TOML, ids=lambda value: value[:40].split("\n")[0])
def test_every_toml_block_loads(tmp_path: Path, guide: str, block: str) -> None:
    """A fragment is completed with the least a file needs."""
    text = block
    if "[listen]" not in block:
        text = f"{LISTEN}\n{text}"
    if "[upstreams.default]" not in block:
        text = f"{text}\n{UPSTREAM}"
    for name in re.findall(r'^file = "([\w.-]+\.txt)"', block, re.MULTILINE):
        (tmp_path / name).touch()
    path = tmp_path / "anchorhold.toml"
    path.write_text(text)
    read_settings(path)


def words_of(line: str) -> list[str]:
    words = shlex.split(line, comments=True)
    return words[2:] if words[0] == "sudo" else words[1:]


def command_of(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that `words` call, and its own arguments."""
    found: click.Command = main
    while isinstance(found, click.Group) and words and not words[0].startswith("-"):
        inner = found.get_command(click.Context(found), words[0])
        assert inner is not None, words[0]
        found, words = inner, words[1:]
    return found, words


@pytest.mark.parametrize(("guide", "line"), LINES)
def test_every_command_line_of_a_block_parses(guide: str, line: str) -> None:
    found, words = command_of(words_of(line))
    found.make_context("anchorhold", words)


@pytest.mark.parametrize(("guide", "span"), INLINE)
def test_every_command_in_the_prose_exists_with_its_options(guide: str, span: str) -> None:
    if span.split()[-1] in ("COMMAND", "--help") or "COMMAND" in span:
        return
    found, words = command_of(words_of(span))
    known = {option for parameter in found.params for option in (*parameter.opts, *parameter.secondary_opts)}
    assert {word for word in words if word.startswith("--")} <= known | {"--help"}
