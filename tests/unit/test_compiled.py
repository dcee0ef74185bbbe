"""Which form of the code is taken: plain or compiled, by the environment and by what is built. That both do the same is for
`tests/differential`, and for the tests below, which run tests of the modules once more on the compiled form."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from kit.two_forms import there

from anchorhold import compiled, start
from anchorhold.compiled import MANIFEST, MODULES, VARIABLE, Choice, Form, NotCompiled

ROOT = Path(__file__).parents[2]
READ_BY_BOTH = (
    "test_wire_names.py",
    "test_wire_message.py",
    "test_wire_peek.py",
    "test_resolver_cache_packets.py",
    "test_front_datagrams.py",
    "test_front_streams.py",
    "test_front_peek.py",
    "test_front_desk.py",
)
DEAR = "read_among_others"
"""Takes most of the time, and `tests/differential` reads the same names."""


@pytest.fixture
def built(tmp_path: Path) -> tuple[Path, Path]:
    """A folder with all that is built, and the tree that it was built of; to be damaged."""
    folder, tree = tmp_path / "built", tmp_path / "tree"
    folder.mkdir()
    for module in MODULES:
        source = compiled.source_of(module)
        for one in (source, source.with_suffix(".pxd")):
            if (ROOT / one).exists():
                (tree / one).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / one, tree / one)
        compiled.file_of(module, folder).touch()
    (folder / MANIFEST).write_text(json.dumps({module: compiled.fingerprint(module) for module in MODULES}))
    return folder, tree


def test_what_was_built_of_these_sources_is_fit(built: tuple[Path, Path]) -> None:
    compiled.check(*built)


@pytest.mark.parametrize("module", MODULES)
def test_a_source_that_changed_since_is_noticed(built: tuple[Path, Path], module: str) -> None:
    folder, tree = built
    source = compiled.source_of(module)
    with (tree / source).open("a") as text:
        text.write("\n")
    with pytest.raises(NotCompiled, match=f"{source} changed since"):
        compiled.check(folder, tree)


def test_types_that_changed_since_are_noticed(built: tuple[Path, Path]) -> None:
    folder, tree = built
    (tree / "wire/dns/names.pxd").write_text("")
    with pytest.raises(NotCompiled, match="changed since"):
        compiled.check(folder, tree)


def test_a_file_for_another_python_is_none(built: tuple[Path, Path]) -> None:
    folder, tree = built
    one = compiled.file_of(MODULES[0], folder)
    one.rename(one.with_name(f"{MODULES[0]}.cpython-399-none.so"))
    with pytest.raises(NotCompiled, match="not built for this Python"):
        compiled.check(folder, tree)


@pytest.mark.parametrize("text", ["", "[]", "{", "{}", "\0"])
def test_without_a_list_of_what_was_built_nothing_is(built: tuple[Path, Path], text: str) -> None:
    folder, tree = built
    (folder / MANIFEST).write_text(text)
    with pytest.raises(NotCompiled, match="not built"):
        compiled.check(folder, tree)


@pytest.mark.parametrize(("wanted", "refused"), [("", False), ("auto", False), ("pure", False), ("require", True)])
def test_where_nothing_is_built_only_who_requires_it_does_not_start(tmp_path: Path, wanted: str, refused: bool) -> None:
    form = compiled.choose({VARIABLE: wanted}, tmp_path)
    assert (False, refused) == (form.compiled, form.refused)
    said = {
        "pure": "ANCHORHOLD_COMPILED=pure",
        "require": "not built; ANCHORHOLD_COMPILED=auto runs in plain Python then",
    }
    assert said.get(wanted, "not built") == form.why


def test_a_wish_that_is_none_is_refused_and_says_what_there_is(tmp_path: Path) -> None:
    form = compiled.choose({VARIABLE: "yes"}, tmp_path)
    assert form == Form(False, "ANCHORHOLD_COMPILED is 'yes': it must be require, auto or pure", refused=True)
    assert [Choice.AUTO, Choice.AUTO] == [compiled.choice({}), compiled.choice({VARIABLE: ""})]


def test_who_requires_it_in_vain_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(compiled, "FORM", Form(False, "not built", refused=True))
    assert 3 == start.run(tmp_path / "none.toml")
    assert "supervisor: not built" in capfd.readouterr().err


def test_what_cannot_be_loaded_leaves_everything_plain(tmp_path: Path) -> None:
    """Files that are none, made of these sources by what they say."""
    (tmp_path / MANIFEST).write_text(json.dumps({module: compiled.fingerprint(module) for module in MODULES}))
    for module in MODULES:
        compiled.file_of(module, tmp_path).write_bytes(b"\x7fELF")
    code = (
        "import sys, pathlib; from anchorhold import compiled\n"
        f"form = compiled.choose({{}}, pathlib.Path({str(tmp_path)!r}))\n"
        "import wire.dns.message, resolver.edge.listen.batched as batched\n"
        "plain = wire.dns.message.__file__.endswith('.py'), batched.batch.__name__.rpartition('.')[2]\n"
        "print(form.compiled, form.refused, *plain, bool(form.why))\n"
    )
    assert "False False True plain_batch True" == python("pure", "-c", code)


@pytest.mark.parametrize(("place", "form"), [(0, "plain"), (len(MODULES) - 1, "plain"), (None, "compiled")])
def test_what_is_built_anew_while_it_is_loaded_leaves_everything_plain(
    tmp_path: Path, place: int | None, form: str
) -> None:
    """Between two modules another build is put in place. The control: without that, they are loaded."""
    shutil.copytree(compiled.FOLDER, tmp_path / "built")
    there("wire.dns.names")
    code = (
        "import pathlib, sys, json; from anchorhold import compiled\n"
        f"folder, place, real = pathlib.Path({str(tmp_path / 'built')!r}), {place}, compiled.import_module\n"
        "def swapping(name):\n"
        "    if place is not None and name == compiled.MODULES[place]:\n"
        "        (folder / compiled.MANIFEST).write_text(json.dumps({**compiled.told(folder), name: 'another'}))\n"
        "    return real(name)\n"
        "compiled.import_module = swapping\n"
        "form = compiled.choose({}, folder)\n"
        "import wire.dns.message\n"
        "plain = wire.dns.message.__file__.endswith('.py')\n"
        "print('plain' if plain and not form.compiled else 'compiled' if form.compiled and not plain else 'mixed', form.why)\n"
    )
    why = "" if form == "compiled" else "they were built anew while they were loaded"
    assert f"{form} {why}".strip() == python("pure", "-c", code)


def test_the_compiled_form_is_all_of_it_or_nothing() -> None:
    """Some were imported before: they would not fit together."""
    code = "import wire.dns.names, anchorhold\nprint(anchorhold.compiled.FORM)"
    assert "plain Python (wire.dns.names was imported before)" == python("auto", "-c", code)


def python(form: str, *arguments: str) -> str:
    there("wire.dns.names")
    environment = os.environ | {VARIABLE: form, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stdout[-4_000:] + done.stderr[-2_000:]
    return done.stdout.strip()


def test_the_tests_of_the_modules_hold_for_the_compiled_form() -> None:
    files = [str(ROOT / "tests/unit" / name) for name in READ_BY_BOTH]
    options = ("-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-k", f"not {DEAR}")
    said = python("require", "-m", "pytest", *options, *files)
    assert " passed" in said.splitlines()[-1]
    assert "failed" not in said.splitlines()[-1]
    assert "skipped" not in said.splitlines()[-1]
