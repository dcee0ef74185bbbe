"""The import table of the house (docs/architecture.md §3), held by reading every file's imports."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("anchorhold", "dhcp", "net", "privacy", "resolver", "wire")

ACTS = {
    "asyncio",
    "socket",
    "ssl",
    "time",
    "os",
    "random",
    "secrets",
    "logging",
    "select",
    "selectors",
    "subprocess",
    "sqlite3",
    "threading",
    "signal",
    "pathlib",
    "tempfile",
    "uvloop",
}
"""Modules that touch the world: allowed only in `edge/`, `net/` and `anchorhold/`."""

ROWS = {
    # floor: (rooms it may import, third-party packages, may it act?)
    "wire": ({"wire"}, set(), False),
    "privacy": ({"wire", "privacy"}, {"cryptography", "re2"}, False),
    "resolver": ({"wire", "privacy", "resolver"}, {"cryptography", "re2"}, False),
    "resolver/edge": ({"wire", "privacy", "resolver", "net"}, {"cryptography", "re2"}, True),
    "dhcp": ({"wire", "dhcp"}, set(), False),
    "dhcp/edge": ({"wire", "dhcp", "net"}, set(), True),
    "net": ({"net"}, {"cryptography", "h2", "hpack", "hyperframe", "ngh2", "aioquic", "qh3"}, True),
    "anchorhold": (
        set(ROOMS),
        {"click", "rich", "pydantic", "pydantic_core", "msgspec", "dns", "publicsuffixlist", "cryptography", "uvloop"}
        | {"acme", "josepy", "requests", "segno", "h11", "re2", "yaml", "tzdata"},
        True,
    ),
}

EVERYWHERE = {"wire.units"}
"""Two clocks told apart by the type checker: no format in it, so `net/` may use it too."""

FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def floor_of(path: Path) -> str:
    relative = path.relative_to(ROOT).as_posix()
    room, inner = relative.split("/")[:2]
    return f"{room}/edge" if inner == "edge" else room


def imported(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the room"
            if node.module not in EVERYWHERE:
                names.add((node.module or "").split(".")[0])
    return names


def is_pure(path: Path) -> bool:
    return not ROWS[floor_of(path)][2]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_file_imports_only_what_its_floor_may(path: Path) -> None:
    rooms, third_party, acts = ROWS[floor_of(path)]
    forbidden = set()
    for name in imported(ast.parse(path.read_text())):
        if name in ROOMS:
            allowed = name in rooms
        elif name in ACTS:
            allowed = acts and (name != "uvloop" or "uvloop" in third_party)
        else:
            allowed = name in sys.stdlib_module_names or name in third_party
        if not allowed:
            forbidden.add(name)
    assert forbidden == set()


def test_nobody_imports_the_top_floor() -> None:
    guilty = [
        p.as_posix()
        for p in FILES
        if floor_of(p) != "anchorhold" and "anchorhold" in imported(ast.parse(p.read_text()))
    ]
    assert guilty == []


def calls(tree: ast.AST) -> list[str]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            found.append(ast.unparse(node.func))
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_file_does_what_is_banned_everywhere(path: Path) -> None:
    tree = ast.parse(path.read_text())
    used = set(calls(tree))
    banned = {"eval", "exec", "pickle.loads", "pickle.load", "os.system", "datetime.now", "datetime.datetime.now"}
    stars = [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and any(a.name == "*" for a in n.names)]
    bare = [n.lineno for n in ast.walk(tree) if isinstance(n, ast.ExceptHandler) and n.type is None]
    shells = [n for n in ast.walk(tree) if isinstance(n, ast.keyword) and n.arg == "shell"]
    assert (used & banned, stars, bare, shells) == (set(), [], [], [])
    assert "pickle" not in imported(tree)


CHOKE_POINTS = {"conceal": "privacy/outbound.py", "dress": "privacy/reply.py", "keep": "privacy/memory.py"}


@pytest.mark.parametrize("verb", CHOKE_POINTS)
def test_a_choke_point_is_called_from_exactly_one_place(verb: str) -> None:
    places = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == verb:
                places.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert len(places) == 1, places


@pytest.mark.parametrize("verb", CHOKE_POINTS)
def test_a_choke_point_is_not_handed_on_as_a_value(verb: str) -> None:
    """Else the count above proves nothing."""
    loose = []
    for path in FILES:
        tree = ast.parse(path.read_text())
        called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Name)
                and node.id == verb
                and isinstance(node.ctx, ast.Load)
                and id(node) not in called
            ):
                loose.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert loose == []


def test_the_seam_between_pure_and_acting_is_not_empty() -> None:
    """Guards the tests above against a tree that moved away from under them."""
    assert sum(map(is_pure, FILES)) >= 10
    assert sum(not is_pure(path) for path in FILES) >= 10
