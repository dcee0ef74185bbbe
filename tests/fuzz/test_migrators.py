"""Mutated configurations of other programs: a migrator accounts for every line and writes what we take, or says what is wrong."""

import random
import shutil
from pathlib import Path

import pytest
from kit.moved import build_gravity

from anchorhold.migrate import migrator
from anchorhold.migrate.archive import members
from anchorhold.migrate.reading import Reader, Unreadable
from anchorhold.migrate.settle import settled

CORPUS = Path(__file__).parent.parent / "corpus"
CASES = 25
"""Mutations of each file here; `make fuzz` has the long runs of the parsers of the network."""
FILES = [
    *(
        ("pihole", path)
        for path in sorted((CORPUS / "pihole").rglob("*.*"))
        if path.suffix in (".toml", ".conf", ".list", ".json")
    ),
    *(("adguardhome", path) for path in sorted((CORPUS / "adguardhome").glob("*.yaml"))),
    *(("unbound", path) for path in sorted((CORPUS / "unbound").rglob("*.conf"))),
    *(("hosts", path) for path in sorted((CORPUS / "hosts").iterdir())),
]
SIGNS = b"[ ] { } ' : = / $ % 0 -1 99999999999999999999999 255.255.255.255/0 :: server: !!python/object:os.system"
WORDS = [*SIGNS.split(), b'"', b"\\", b"\xff\xfe", b"\0", b"\n", b"&a ", b"*a ", b"include: /dev/zero\n", b"e" * 300]


def mutated(data: bytes, dice: random.Random) -> bytes:
    made = bytearray(data)
    for _ in range(dice.randint(1, 8)):
        at = dice.randrange(len(made) + 1)
        match dice.randrange(5):
            case 0:
                made[at:at] = dice.choice(WORDS)
            case 1:
                del made[at : at + dice.randint(1, 40)]
            case 2:
                start = dice.randrange(len(made) + 1)
                made[at:at] = made[start : start + dice.randint(1, 80)]
            case 3 if at < len(made):
                made[at] = dice.randrange(256)
            case _:
                lines = bytes(made).split(b"\n")
                dice.shuffle(lines) if dice.random() < 0.1 else lines.insert(
                    dice.randrange(len(lines) + 1), dice.choice(lines)
                )
                made = bytearray(b"\n".join(lines))
    return bytes(made)


@pytest.mark.parametrize(("program", "path"), FILES, ids=lambda one: one.name if isinstance(one, Path) else one)
def test_a_mutated_file(program: str, path: Path, tmp_path: Path) -> None:
    dice = random.Random(f"{program} {path.name}")
    data = path.read_bytes()
    for _ in range(CASES):
        file = tmp_path / path.name
        file.write_bytes(mutated(data, dice))
        try:
            migration = migrator(program)((file,), Reader(tmp_path))
        except Unreadable:
            continue
        settled(migration, tmp_path / "anchorhold.toml", "mutated")
        assert [] == [migration.report.lines[place] for place in migration.report.unsaid()], file.read_bytes()


def test_a_damaged_database(tmp_path: Path) -> None:
    whole = build_gravity(CORPUS / "pihole" / "family6" / "gravity.sql", tmp_path / "whole.db")
    dice, data = random.Random(7), whole.read_bytes()
    for number in range(300):
        file = tmp_path / "gravity.db"
        made = bytearray(data)
        for _ in range(dice.randint(1, 40)):
            made[dice.randrange(len(made))] = dice.randrange(256)
        file.write_bytes(bytes(made[: dice.randrange(100, len(made))] if number % 5 == 0 else made))
        try:
            migration = migrator("pihole")((file,), Reader())
        except Unreadable:
            continue
        assert [] == migration.report.unsaid()


def test_a_damaged_archive(tmp_path: Path) -> None:
    folder = tmp_path / "whole"
    shutil.copytree(CORPUS / "pihole" / "backup5", folder)
    wanted = tuple(path.name for path in folder.iterdir())
    for form in ("zip", "gztar", "tar"):
        data = Path(shutil.make_archive(str(tmp_path / form), form, folder)).read_bytes()
        dice = random.Random(form)
        for _ in range(400):
            try:
                members(mutated(data, dice), "backup", wanted)
            except Unreadable:
                continue
