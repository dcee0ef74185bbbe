"""The control client and its paths, against a fake service on a real AF_UNIX socket."""

import json
import socket
import threading
from pathlib import Path

import pytest
from kit.control import fake_service

from anchorhold.control_client import ControlFailed, Unreachable, ask_service, cell_line
from anchorhold.control_path import default_control_path, default_state_directory


def test_an_answer_of_two_lines_comes_back_as_two_objects(tmp_path: Path) -> None:
    with fake_service(tmp_path, {"status": [{"cell": "front", "pid": 1}, {"cell": "resolver", "pid": 2}]}) as service:
        answer = ask_service(service.path, {"verb": "status"})
    assert answer == [{"cell": "front", "pid": 1}, {"cell": "resolver", "pid": 2}]
    assert service.requests == [{"verb": "status"}]
    assert cell_line(answer, "resolver") == {"cell": "resolver", "pid": 2}
    assert cell_line(answer, "keeper") is None


def test_without_a_service_the_error_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match=r"no service answers at .*start it with: anchorhold run"):
        ask_service(tmp_path / "nobody.sock", {"verb": "status"})


def test_a_socket_left_behind_by_a_dead_service_is_nobody(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "dead.sock"))
    with pytest.raises(Unreachable, match="no service answers"):
        ask_service(tmp_path / "dead.sock", {"verb": "status"})


def test_a_path_too_long_for_a_socket_is_an_error_with_a_text(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="cannot connect"):
        ask_service(tmp_path / ("x" * 200), {"verb": "status"})


def test_an_error_line_is_raised_with_its_text(tmp_path: Path) -> None:
    with (
        fake_service(tmp_path, {"status": [{"error": "not ready"}]}) as service,
        pytest.raises(ControlFailed, match="the service says: not ready"),
    ):
        ask_service(service.path, {"verb": "status"})


@pytest.mark.parametrize("reply", [b"", b"not json\n", b"[1, 2]\n", b"\xff\xfe\n"])
def test_what_is_no_answer_is_an_error_and_no_traceback(tmp_path: Path, reply: bytes) -> None:
    with fake_service(tmp_path, {"status": reply}) as service, pytest.raises(ControlFailed):
        ask_service(service.path, {"verb": "status"})


def test_a_service_that_never_answers_is_given_up_on(tmp_path: Path) -> None:
    """The listener's queue accepts; nobody reads. The patience is an argument, so nothing waits ten seconds."""
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "silent.sock"))
        silent.listen()
        with pytest.raises(Unreachable, match="did not answer within"):
            ask_service(tmp_path / "silent.sock", {"verb": "status"}, patience=0.01)


def test_an_answer_in_drips_is_put_together(tmp_path: Path) -> None:
    line = json.dumps({"cell": "front", "text": "ü" * 3}, ensure_ascii=False).encode() + b"\n"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()

        def serve() -> None:
            link, _ = listener.accept()
            with link:
                link.recv(100)
                for octet in line:
                    link.send(bytes((octet,)))

        thread = threading.Thread(target=serve)
        thread.start()
        answer = ask_service(tmp_path / "s", {"verb": "version"})
        thread.join()
    assert answer == [{"cell": "front", "text": "üüü"}]


@pytest.mark.parametrize(
    ("environment", "user", "expected"),
    [
        ({"ANCHORHOLD_CONTROL": "/x/y.sock", "RUNTIME_DIRECTORY": "/run/z"}, 0, "/x/y.sock"),
        ({"RUNTIME_DIRECTORY": "/run/z:/run/other"}, 0, "/run/z/control.sock"),
        ({"XDG_RUNTIME_DIR": "/run/user/0"}, 0, "/run/anchorhold/control.sock"),
        ({"XDG_RUNTIME_DIR": "/run/user/1000"}, 1000, "/run/user/1000/anchorhold/control.sock"),
        ({}, 1000, "/tmp/anchorhold-1000/control.sock"),
    ],
)
def test_the_control_socket_is_where_the_first_of_the_hints_says(
    environment: dict[str, str], user: int, expected: str
) -> None:
    assert Path(expected) == default_control_path(environment, user)


@pytest.mark.parametrize(
    ("environment", "user", "expected"),
    [
        ({"STATE_DIRECTORY": "/var/lib/a"}, 0, "/var/lib/a"),
        ({"HOME": "/root"}, 0, "/var/lib/anchorhold"),
        ({"XDG_STATE_HOME": "/h/state", "HOME": "/h"}, 1000, "/h/state/anchorhold"),
        ({"HOME": "/h"}, 1000, "/h/.local/state/anchorhold"),
    ],
)
def test_the_state_directory_is_where_the_first_of_the_hints_says(
    environment: dict[str, str], user: int, expected: str
) -> None:
    assert Path(expected) == default_state_directory(environment, user)
