"""`driver run NAME --simulate`: for every driver that is there, so that one without a playable simulator fails here."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

import pytest

from drivers.contract.core import Kind
from drivers.simulators import play
from drivers.simulators.simulated import CannotSimulate, simulation
from tests.cli.conftest import Running, smartplace
from tests.drivers.test_quality import FOLDERS, driver_class
from tests.support.pcscd import require_pcscd
from tests.support.programs import require_program

RUN = ("driver", "run")
FOLDER = re.compile(r"/\S*/sp-play-\w+")


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.name))
def test_every_driver_has_another_end_that_can_be_played(folder: Path) -> None:
    if folder.name == "pcsc":
        require_pcscd()
    if folder.name == "ble":
        require_program("dbus-daemon", "dbus")
    reports = driver_class(folder).kind in (Kind.READER, Kind.RELAY)
    wanted = ("--count", "1") if reports else ()
    with Running(*RUN, folder.name, "--simulate", "--json", *wanted, "--timeout", "40") as driver:
        if not reports:
            driver.until('"played"')
            driver.interrupt()
        assert driver.end() == (0 if reports else 130), driver.err
    told = [json.loads(line) for line in driver.out.splitlines()]
    messages = [line["message"] for line in told]
    ready = next(number for number, line in enumerate(told) if line.get("state") == "ready")
    assert messages.index("played") > ready
    if reports:
        assert messages[-1] == "reading"
        assert told[-1]["reading"] != "unknown"
    assert "simulated: no device is touched" in driver.err


def children_of(pid: int) -> set[int]:
    """Of a process, and theirs."""
    found: set[int] = set()
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        found |= {int(child)} | children_of(int(child))
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_whatever_ends_it_nothing_stays_behind(number: signal.Signals) -> None:
    with Running(*RUN, "relay", "--simulate") as driver:
        driver.until("input 0 on")
        started = children_of(driver.process.pid)
        assert len(started) >= 2
        driver.process.send_signal(number)
        driver.end()  # of its output, which its children hold too
    (folder,) = set(FOLDER.findall(driver.out))
    assert not Path(folder).exists()
    assert [pid for pid in started if Path(f"/proc/{pid}/exe").exists()] == []


def test_options_by_hand_go_before_the_simulators() -> None:
    told = smartplace(*RUN, "relay", "--simulate", "--option", "unit=9", "--option", "answer_ms=20", "--timeout", "3")
    assert told.returncode == 6
    assert "LOST" in told.stdout
    assert "played" not in told.stdout


@pytest.mark.parametrize(
    ("args", "code", "what"),
    [
        (("relay", "--device", "gate"), 2, "--simulate takes the place of a device"),
        ((), 2, "which driver?"),
        (("relai",), 4, "Did you mean 'relay'?"),
        (("relay", "--option", "unit=many"), 9, "unit"),
    ],
)
def test_wrong_arguments_are_told(args: tuple[str, ...], code: int, what: str) -> None:
    told = smartplace(*RUN, "--simulate", *args)
    assert told.returncode == code, told.stderr
    assert what in told.stderr


def test_a_driver_without_a_simulator_is_told_what_to_write() -> None:
    with pytest.raises(CannotSimulate, match="names no simulator"):
        simulation("no_such_driver")


def test_a_machine_that_cannot_do_it_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    assert play.main(["no_such_driver"]) == 2
    failed = json.loads(capsys.readouterr().out)["failed"]
    assert failed["cause"]
    assert "quality.toml" in failed["advice"]


def test_without_a_package_the_command_says_which(tmp_path: Path) -> None:
    """A `segno` that cannot be imported stands before the real one, as if it were not installed."""
    (tmp_path / "segno.py").write_text("raise ModuleNotFoundError('no', name='segno')\n")
    root = Path(__file__).parents[2]
    told = smartplace(*RUN, "camera", "--simulate", PYTHONPATH=f"{tmp_path}:{root}")
    assert told.returncode == 1
    assert "the Python package segno is not installed" in told.stderr
    assert "smartplace-gateway[demo]" in told.stderr


def test_without_namespaces_the_command_says_what_to_do(tmp_path: Path) -> None:
    """A program in the place of `unshare` that fails as it does where the kernel forbids it."""
    require_pcscd()
    refusing = tmp_path / "unshare"
    refusing.write_text("#!/bin/sh\necho 'unshare: unshare failed: Operation not permitted' >&2\nexit 1\n")
    refusing.chmod(0o755)
    told = smartplace(*RUN, "pcsc", "--simulate", PATH=f"{tmp_path}:/usr/bin:/bin")
    assert told.returncode == 1
    assert "Operation not permitted" in told.stderr
    assert "unprivileged user namespaces" in told.stderr
