"""Each cell has an account of its own where there is one, and its folder with it."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

import pytest
from kit.accounts import OURS, AccountsPlace
from kit.peers import need_root, open_folder
from kit.processes import state
from kit.service import Running, config_text, started

FEW = {name: number for name, number in OURS.items() if name not in ("anchorhold-front", "anchorhold-keeper")}
ALWAYS = ("front", "resolver", "keeper")


def users(running: Running, folder: Path) -> dict[str, int]:
    running.all_serve(folder / "control.sock")
    return {name: int(state(running.cell(name))["Uid"].split()[0]) for name in ALWAYS}


@pytest.mark.parametrize(
    ("user", "accounts", "expected", "said"),
    [
        ("", OURS, {name: OURS[f"anchorhold-{name}"] for name in ALWAYS}, ""),
        ("", {}, dict.fromkeys(ALWAYS, 65_534), "share the account 'nobody'"),
        (
            "",
            FEW,
            {"front": 61_000, "resolver": 61_003, "keeper": 61_000},
            "front, keeper share the account 'anchorhold'",
        ),
        ("nobody", OURS, dict.fromkeys(ALWAYS, 65_534), "share the account 'nobody'"),
    ],
    ids=["all", "none", "some", "named"],
)
def test_a_cell_has_its_own_account_if_there_is_one_and_what_is_shared_is_said(
    user: str, accounts: Mapping[str, int], expected: dict[str, int], said: str
) -> None:
    need_root("giving up rights")
    with open_folder() as folder:
        config = folder / "anchorhold.toml"
        text = config_text(folder)
        config.write_text(text.replace("[service]\n", f'[service]\nuser = "{user}"\n') if user else text)
        with started(config, within=AccountsPlace(folder, accounts)) as running:
            assert users(running, folder) == expected
            told = [line for line in running.lines if "share the account" in line]
            assert [said in line for line in told] == [True] * bool(said)


def test_a_folder_goes_with_its_cell_when_accounts_appear() -> None:
    need_root("giving files away")
    with open_folder() as folder:
        config = folder / "anchorhold.toml"
        config.write_text(config_text(folder))
        keeper = folder / "state/keeper"
        with started(config, within=AccountsPlace(folder, {})) as running:
            assert users(running, folder)["keeper"] == 65_534
            assert running.end() == 0
        kept, mine = keeper / "kept", keeper / "of root"
        for path in (kept, mine):
            path.write_text("")
        os.chown(kept, 65_534, 65_534)
        given, elsewhere = keeper / "second-name", folder / "elsewhere"
        elsewhere.write_text("")
        os.chown(elsewhere, 65_534, 65_534)
        os.link(elsewhere, given)
        (keeper / "link").symlink_to(folder / "state/spread.key")
        with started(config, within=AccountsPlace(folder, OURS)) as running:
            assert users(running, folder)["keeper"] == OURS["anchorhold-keeper"]
            assert running.end() == 0
        owner = OURS["anchorhold-keeper"]
        assert (keeper.stat().st_uid, stat.S_IMODE(keeper.stat().st_mode)) == (owner, 0o700)
        assert (kept.stat().st_uid, kept.stat().st_gid) == (owner, owner)
        assert (mine.stat().st_uid, elsewhere.stat().st_uid) == (0, 65_534)
        assert (folder / "state/spread.key").stat().st_uid == 0
        with started(config, within=AccountsPlace(folder, {})) as running:
            assert users(running, folder)["keeper"] == 65_534
        assert (keeper.stat().st_uid, kept.stat().st_uid) == (65_534, 65_534)
