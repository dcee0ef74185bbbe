"""A cell that raises what nobody expected says where, and not what about."""

import pytest

from anchorhold.cells.start import EXIT_MISTAKE, run_guarded

SECRET = "annas-phone"


def stumble() -> int:
    try:
        return {}[SECRET]  # type: ignore[no-any-return]
    except KeyError:
        raise ValueError(f"{SECRET} at 192.0.2.7") from None


def trip() -> int:
    try:
        return stumble()
    except ValueError as error:
        raise RuntimeError(SECRET) from error


@pytest.mark.parametrize(("body", "kinds"), [(stumble, ["ValueError"]), (trip, ["RuntimeError", "ValueError"])])
def test_no_word_of_an_exception_is_logged(body: object, kinds: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run_guarded("dhcp", body)  # type: ignore[arg-type]
    said = capfd.readouterr().err
    assert ended.value.code == EXIT_MISTAKE
    assert all(f"{kind} at test_cells_start.py:" in said for kind in kinds)
    assert SECRET not in said
    assert "192.0.2.7" not in said
