"""A printer has one owner, also while its port is closed to be opened again: shown with real processes on a pty."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from drivers.contract.printer import Result
from drivers.driver import DeviceError
from drivers.fiscal.ports import Ports
from drivers.simulators.printer import Simulator
from tests.drivers.fiscal_rig import Rig, receipt

PATIENCE_S = 20.0
TRIES = """
import sys
from drivers.driver import DeviceError
from drivers.fiscal.ports import Ports
while True:
    try:
        Ports(sys.argv[1], 115200).open()
    except DeviceError as error:
        print(error.problem.code, flush=True)
    else:
        print("taken", flush=True)
        sys.stdin.read()
"""
"""Another program that wants the port, and keeps it when it gets it."""


class Rival:
    def __init__(self, process: subprocess.Popen[str], said: Path) -> None:
        self._process = process
        self._said = said

    def told(self) -> list[str]:
        return self._said.read_text().splitlines()

    def tries_on(self, number: int = 5) -> set[str]:
        """What so many more attempts came to."""
        before, until = len(self.told()), time.monotonic() + PATIENCE_S
        while len(now := self.told()) < before + number:
            assert time.monotonic() < until, now
            if "taken" in now[before:]:
                break
            time.sleep(0.01)
        return set(now[before:])


@contextmanager
def rival(port: str, folder: Path) -> Iterator[Rival]:
    said = folder / "said"
    with said.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", TRIES, port], stdin=subprocess.PIPE, stdout=out, text=True, cwd=os.getcwd()
        )
        try:
            yield Rival(process, said)
        finally:
            process.kill()
            process.communicate()


@pytest.mark.parametrize("tcp", [None, 0], ids=["pty", "tcp"])
def test_while_the_port_is_closed_to_be_opened_again_nobody_else_gets_it(tcp: int | None, tmp_path: Path) -> None:
    with Simulator(tcp=tcp) as simulator:
        ports = Ports(simulator.port, 115200)
        line = ports.open()
        with rival(simulator.port, tmp_path) as other:
            assert other.tries_on() == {"port_busy"}
            line.close()
            assert other.tries_on(20) == {"port_busy"}
            ports.open().close()
            ports.release()
            assert "taken" in other.tries_on(20), "the driver has ended"
        ports.release()


def test_a_fault_in_the_middle_of_a_receipt_lets_nobody_in(tmp_path: Path) -> None:
    """The port goes with the cable, and the driver waits for it with nothing open."""
    with Simulator() as simulator:
        port = simulator.port
        rig = Rig(simulator)
        simulator.fault("silence", on="pay", ms=3000)
        with rival(port, tmp_path) as other:
            assert other.tries_on() == {"port_busy"}
            outcome = rig.ask(receipt(), 60)
            assert outcome.outcome is Result.PRINTED, outcome
            assert set(other.told()) == {"port_busy"}
            rig.driver.close()
            assert other.tries_on(20) == {"port_busy"}, "it opens the port again, after a pause"
            rig.driver.release()
            assert "taken" in other.tries_on(20)
        assert rig.closed("k-1") == 1


def test_the_end_of_the_process_lets_go_however_it_ends(tmp_path: Path) -> None:
    with Simulator() as simulator:
        with rival(simulator.port, tmp_path) as owner:
            assert "taken" in owner.tries_on(50)
            with pytest.raises(DeviceError) as error:
                Ports(simulator.port, 115200).open()
            assert error.value.problem.code == "port_busy"
        ports = Ports(simulator.port, 115200)
        ports.open().close()
        ports.release()


def test_two_printers_that_have_changed_places_are_both_opened_again(tmp_path: Path) -> None:
    """As after a reset of the bus: the names under by-id stay, what they stand for does not."""
    names = [tmp_path / "one", tmp_path / "two"]
    with Simulator() as one, Simulator() as two:
        both = [Ports(str(name), 115200) for name in names]
        for turn in ((one, two), (two, one)):
            for name, simulator in zip(names, turn, strict=True):
                name.unlink(missing_ok=True)
                name.symlink_to(simulator.port)
            lines = [ports.open() for ports in both]
            for line in lines:
                line.close()
        with rival(str(names[0]), tmp_path) as other:
            assert other.tries_on() == {"port_busy"}
            both[0].release()
            assert "taken" in other.tries_on(20)
        both[1].release()


def test_a_device_that_never_was_the_right_one_is_left_to_others() -> None:
    with Simulator() as simulator:
        with pytest.raises(DeviceError) as error:
            Rig(simulator, family="datecs-v1b")
        assert error.value.problem.code == "wrong_family"
        rig = Rig(simulator)
        rig.close()
