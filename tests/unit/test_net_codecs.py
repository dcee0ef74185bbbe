"""Which library does a job that two can do: the fast one where one is installed that fits, the plain one else, and what was asked
for or none."""

import os
import subprocess
import sys
from enum import Enum
from types import SimpleNamespace

import pytest

from net import h2_codecs, quic_codecs
from net.installed import Choice

CHOICES = {choice.variable: choice for choice in (h2_codecs.CHOICE, quic_codecs.CHOICE)}
each = pytest.mark.parametrize("choice", CHOICES.values(), ids=CHOICES)


def install(choice: Choice[Enum], monkeypatch: pytest.MonkeyPatch, rest: str | None) -> None:
    """A version that begins as one that fits does, or one that does not, or none."""
    version = {"fits": f"{choice.fit}0", "later": f"{choice.fit}7", "other": "0.0.1"}.get(rest or "")
    module = None if version is None else SimpleNamespace(__version__=version)
    monkeypatch.setitem(sys.modules, choice.fast.value, module)  # type: ignore[arg-type]


@each
@pytest.mark.parametrize(
    ("version", "wanted", "fast"),
    [
        ("fits", "", True),
        ("fits", "auto", True),
        ("later", "fast", True),
        ("fits", "plain", False),
        (None, "", False),
        (None, "plain", False),
        ("other", "", False),
        ("other", "auto", False),
    ],
)
def test_the_codec_is_what_is_wanted_and_there(
    choice: Choice[Enum], version: str | None, wanted: str, fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(choice, monkeypatch, version)
    named = {"fast": choice.fast.value, "plain": choice.plain.value}.get(wanted, wanted)
    found = choice.choose_gently({choice.variable: named} if named else {})
    assert (choice.fast if fast else choice.plain, "") == found


@pytest.mark.parametrize("codec", [h2_codecs.Codec.H2] if h2_codecs.CHOICE.lacks() else h2_codecs.Codec)
def test_of_the_libraries_of_http2_those_are_in_memory_that_are_used(codec: h2_codecs.Codec) -> None:
    program = "import sys, net.h2, net.h2_server, net.qpack; print(*sys.modules)"
    environment = {**os.environ, h2_codecs.CHOICE.variable: codec.value}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    plain = {"h2", "hpack", "hyperframe"}
    assert (plain if codec is h2_codecs.Codec.H2 else {"ngh2"}) == {*plain, "ngh2"} & {*done.stdout.split()}


@each
@pytest.mark.parametrize(
    ("version", "wanted", "told"),
    [
        (None, "fast", "not installed"),
        ("other", "fast", "version 0.0.1"),
        ("fits", "nghttp", "must be"),
    ],
)
def test_what_cannot_be_is_told_and_nothing_is_put_in_its_place(
    choice: Choice[Enum], version: str | None, wanted: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(choice, monkeypatch, version)
    wish = {choice.variable: choice.fast.value if wanted == "fast" else wanted}
    with pytest.raises(ValueError, match=told):
        choice.choose(wish)
    found, why = choice.choose_gently(wish)
    assert (found, told in why) == (choice.plain, True)
