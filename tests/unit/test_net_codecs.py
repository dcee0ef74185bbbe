"""Which codec of HTTP/2 is used: ngh2 where one is installed that fits, h2 else, and what was asked for or none."""

import sys
from types import SimpleNamespace

import pytest

from net.h2_codecs import FIT, VARIABLE, Codec, choose, choose_gently


def install(monkeypatch: pytest.MonkeyPatch, version: str | None) -> None:
    module = None if version is None else SimpleNamespace(__version__=version)
    monkeypatch.setitem(sys.modules, "ngh2", module)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("version", "wanted", "codec"),
    [
        (f"{FIT}0", "", Codec.NGH2),
        (f"{FIT}7", "ngh2", Codec.NGH2),
        (f"{FIT}0", "h2", Codec.H2),
        (None, "", Codec.H2),
        (None, "h2", Codec.H2),
        ("0.4.0", "", Codec.H2),
    ],
)
def test_the_codec_is_what_is_wanted_and_there(
    version: str | None, wanted: str, codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, version)
    assert (codec, "") == choose_gently({VARIABLE: wanted} if wanted else {})


@pytest.mark.parametrize(
    ("version", "wanted", "told"),
    [
        (None, "ngh2", "not installed"),
        ("0.4.0", "ngh2", "version 0.4.0"),
        (f"{FIT}0", "nghttp", "must be h2 or ngh2"),
    ],
)
def test_what_cannot_be_is_told_and_nothing_is_put_in_its_place(
    version: str | None, wanted: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, version)
    with pytest.raises(ValueError, match=told):
        choose({VARIABLE: wanted})
    assert told in choose_gently({VARIABLE: wanted})[1]
