"""What the driver opens, and whom it keeps out: ports, families, passwords, code pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from drivers.contract.printer import (
    CashMove,
    DayReport,
    Describe,
    Description,
    Outcome,
    Result,
)
from drivers.contract.slip import Slip, SlipCode, SlipPrinted, SlipText
from drivers.driver import DeviceError
from drivers.simulators.printer import Simulator
from tests.drivers.fiscal_rig import Rig, handled, receipt


@pytest.fixture
def rig() -> Iterator[Rig]:
    with Simulator() as simulator:
        rig = Rig(simulator)
        yield rig
        rig.close()


def test_wrong_password_is_refused_and_opens_nothing(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("1234\n")
    file.chmod(0o600)
    with Simulator() as simulator:
        rig = Rig(simulator, password_file=str(file))
        outcome = rig.ask(receipt())
        rig.close()
        assert outcome.outcome is Result.REFUSED
        assert outcome.reason == "open_refused: the printer says not_allowed_now (-150104)"
        assert "1234" not in f"{outcome}"
        assert simulator.device.wrong_passwords == 1


@pytest.mark.parametrize(("text", "mode"), [("1234", 0o644), ("", 0o600), ("12a4", 0o600), ("123456789", 0o600)])
def test_password_file_that_cannot_be_used_is_told(tmp_path: Path, text: str, mode: int) -> None:
    file = tmp_path / "password"
    file.write_text(text)
    file.chmod(mode)
    with Simulator() as simulator, pytest.raises(DeviceError) as error:
        Rig(simulator, password_file=str(file))
    assert error.value.problem.code == "bad_password_file"
    assert text == "" or text not in f"{error.value.problem}"
    assert simulator.executed == []


def test_device_of_another_family_is_not_used() -> None:
    with Simulator() as simulator:
        simulator.device.model = msgspec.structs.replace(simulator.device.model, name="DP-150")
        with pytest.raises(DeviceError) as error:
            Rig(simulator)
        assert error.value.problem.code == "wrong_family"
        assert simulator.executed == [90]


def test_second_program_on_the_port_is_kept_out(rig: Rig) -> None:
    with pytest.raises(DeviceError) as error:
        Rig(rig.simulator)
    assert error.value.problem.code == "port_busy"


@pytest.mark.parametrize("path", ["/dev/null", "/dev/no-such-port"])
def test_port_that_is_none_is_told(rig: Rig, path: str) -> None:
    with pytest.raises(DeviceError) as error:
        Rig(rig.simulator, port=path)
    assert error.value.problem.code == "port_missing"
    assert path in error.value.problem.cause


def test_code_page_that_does_not_exist_is_told() -> None:
    with Simulator() as simulator, pytest.raises(DeviceError) as error:
        Rig(simulator, encoding="cp9999")
    assert error.value.problem.code == "bad_encoding"


@pytest.mark.parametrize("family", ["datecs-v1", "datecs-v1b", "datecs-v2", "tremol"])
@pytest.mark.parametrize("tcp", [None, 0], ids=["pty", "tcp"])
def test_every_family_on_every_port(family: str, tcp: int | None) -> None:
    with Simulator(family=family, tcp=tcp) as simulator:
        rig = Rig(simulator, family=family)
        assert rig.ask(receipt()).outcome is Result.PRINTED
        assert handled(rig, DayReport("x"), Outcome).outcome is Result.PRINTED
        assert handled(rig, CashMove("c", -500), Outcome).outcome is Result.PRINTED
        assert handled(rig, DayReport("z", z=True), Outcome).outcome is Result.PRINTED
        described = handled(rig, Describe(), Description)
        assert described.family == family
        assert described.serial == simulator.device.model.serial
        assert {letter: described.rates[letter] for letter in "ABCD"} == {"A": 2100, "B": 1200, "C": 500, "D": 0}
        assert described.counters["commands"] > 10
        assert described.frames
        status = rig.status()
        assert status.ready
        assert int(status.z_number) == 1
        assert handled(rig, Slip("s", (SlipText("Balance\nand more"), SlipCode("QR-1"))), SlipPrinted).sure
        rig.close()
        kinds = [document.kind for document in simulator.device.documents]
        assert kinds == ["sale", "x", "cash", "z", "slip"]
        assert simulator.device.documents[-1].lines == ("Balance", "and more", "QR-1")


def test_two_names_of_one_port_are_one_port(rig: Rig, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.symlink_to(rig.simulator.port)
    with pytest.raises(DeviceError) as error:
        Rig(rig.simulator, port=str(other))
    assert error.value.problem.code == "port_busy"


def test_one_network_printer_has_one_owner() -> None:
    with Simulator(tcp=0) as simulator:
        rig = Rig(simulator)
        with pytest.raises(DeviceError) as error:
            Rig(simulator)
        rig.close()
        assert error.value.problem.code == "port_busy"
        Rig(simulator).close()


@pytest.mark.parametrize("port", ["tcp://127.0.0.1:1", "tcp://127.0.0.1", "tcp://127.0.0.1:70000", "tcp://a b:9100"])
def test_network_printer_that_is_none_is_told(rig: Rig, port: str) -> None:
    with pytest.raises(DeviceError) as error:
        Rig(rig.simulator, port=port)
    assert error.value.problem.code == "port_missing"
    assert port in error.value.problem.cause


def test_network_printer_that_hangs_up_is_gone() -> None:
    with Simulator(tcp=0) as simulator:
        rig = Rig(simulator)
        simulator.pull(60_000)
        with pytest.raises(DeviceError) as error:
            rig.driver.poll()
        rig.close()
    assert error.value.problem.code == "port_gone"
