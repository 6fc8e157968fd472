"""What people see."""

from __future__ import annotations

import threading

import pytest

from gateway.cli import output
from gateway.cli.status import show
from gateway.cli.taps import describe


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59, "59 s"), (720, "12 min"), (18_180, "5 h 3 min"), (273_600, "3 d 4 h")]
)
def test_durations(seconds: float, text: str) -> None:
    assert output.duration(seconds) == text


@pytest.mark.parametrize(("count", "text"), [(0, "0 B"), (999, "999 B"), (4096, "4.1 kB"), (83_900_000_000, "83.9 GB")])
def test_sizes(count: int, text: str) -> None:
    assert output.size(count) == text


@pytest.mark.parametrize(("count", "text"), [(0, "0 leases"), (1, "1 lease"), (2, "2 leases")])
def test_one_is_not_many(count: int, text: str) -> None:
    assert output.counted(count, "lease") == text


def test_tables_are_aligned_and_end_without_blanks(capsys: pytest.CaptureFixture[str]) -> None:
    output.table([["a", ("ok", "green"), ""], ["longer", "fail", "why"]])
    assert capsys.readouterr().out == "a       ok\nlonger  fail  why\n"


def test_a_word_is_said_when_something_takes_long(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = threading.Event()
    monkeypatch.setattr(output, "PATIENCE_S", 0.05)

    def talk(text: str) -> None:
        print(text)
        said.set()

    monkeypatch.setattr(output, "talk", talk)
    with output.patience("verifying"):
        assert said.wait(10)
    assert capsys.readouterr().out == "verifying …\n"


def test_nothing_is_said_when_it_is_quick(capsys: pytest.CaptureFixture[str]) -> None:
    with output.patience("verifying"):
        pass
    captured = capsys.readouterr()
    assert captured.out + captured.err == ""


def test_a_tap_in_one_line() -> None:
    line = describe(
        {
            "at_ms": 0, "station": "gate-1", "show": "open", "mark": "3fa9c1", "kind": "card", "strength": "genuine",
            "list_cents": 250, "due_cents": 0,
        }
    )  # fmt: skip
    assert line.endswith("credential 3fa9c1 (genuine card), 2.50 -> 0.00")
    assert "gate-1" in line


def test_of_a_group_a_tap_says_how_many_have_passed() -> None:
    told = {"at_ms": 0, "station": "gate-1", "show": "void", "reason": "no_passage", "persons": 3, "passed": 2}
    assert describe(told).endswith("2 of 3 passed, because: no_passage")


def test_a_status_of_another_version_is_shown_as_far_as_it_goes(capsys: pytest.CaptureFixture[str]) -> None:
    show({"devices": [{"device": "d1", "driver": "nfc", "health": "on_fire", "needs_help": True, "cause": "smoke"}]})
    told = capsys.readouterr().out
    assert "on_fire" in told
    assert "A PERSON MUST LOOK: smoke" in told
