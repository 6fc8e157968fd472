"""`smartplace simulate printer`: for a POS programmer, and for a script."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from drivers.simulators.fiscal_families import FAMILIES
from gateway.cli import simulate
from gateway.cli.simulated_printer import words
from tests.cli.conftest import Running, smartplace
from tests.cli.test_simulate import children_of
from tests.drivers.printer_host import RECEIPT
from tests.drivers.test_printer_simulator_ports import Wire

RUN = ("simulate", "printer")


def test_families_are_those_that_can_be_simulated() -> None:
    assert simulate.FAMILIES == FAMILIES


def test_paper_is_shown_as_it_is_printed_and_words_steer_it(tmp_path: Path) -> None:
    link = tmp_path / "till-printer"
    with Running(*RUN, "--link", link, "--line-ms", "0", typed=True) as printer:
        printer.until(f"a simulated datecs-v1 printer is at {link}")
        port = os.open(link, os.O_RDWR | os.O_NOCTTY)
        try:
            wire = Wire(port)
            printer.type("fault nak on=open")
            printer.until("done")
            assert wire.ask(*RECEIPT[0], last=b"\x15") == b"\x15"
            for command, data in RECEIPT:
                wire.ask(command, data)
        finally:
            os.close(port)
        printer.until("  TOTAL  13.90")
        printer.type("state")
        printer.until('"number": 1')
        printer.type("fault nothing")
        printer.until("has no fault nothing")
        printer.interrupt()
        assert printer.end() == 130
    assert printer.out.startswith("---- 0000001  sale  ")
    assert "  Coffee 2.000 x 2.50 A 5.00\n  discount -0.50\n" in printer.out
    assert "  VAT C  9.40  of it 0.45\n" in printer.out
    assert not link.exists()


def test_json_lines_for_a_script_on_tcp() -> None:
    arguments = ("--family", "tremol", "--tcp", "0", "--fault", "busy:times=2", "--auto-z", "23:59:59", "--json")
    with Running(*RUN, *arguments, typed=True) as printer:
        printer.until('"ready"')
        printer.type('{"do": "z"}')
        printer.until('"ok"')
        ready = json.loads(printer.out.splitlines()[0])["ready"]
        with socket.create_connection(("127.0.0.1", int(ready["port"].rpartition(":")[2])), 10) as line:
            line.sendall(b"\x04")
            assert line.recv(1) == b"\x04"
        printer.interrupt()
        printer.end()
    told = [json.loads(text) for text in printer.out.splitlines()]
    assert [message["schema"] for message in told] == [1, 1, 1]
    assert (told[1]["event"], told[1]["kind"], told[1]["z_number"]) == ("document", "z", 1)
    assert told[2]["ok"] is None


def test_its_clock_is_that_of_the_zone_that_is_named() -> None:
    with Running(*RUN, "--zone", "Pacific/Auckland", "--json", typed=True) as printer:
        printer.until('"ready"')
        printer.type('{"do": "state"}')
        printer.until('"ok"')
        printer.interrupt()
        printer.end()
    told = datetime.fromisoformat(json.loads(printer.out.splitlines()[-1])["ok"]["device_time"])
    there = datetime.now(ZoneInfo("Pacific/Auckland")).replace(tzinfo=None)
    assert abs((there - told).total_seconds()) < 60


def test_it_goes_on_when_nothing_is_typed() -> None:
    with Running(*RUN) as printer:
        printer.until("a simulated datecs-v1 printer is at /dev/pts/")
        assert printer.process.poll() is None
        printer.interrupt()
        assert printer.end() == 130


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_whatever_ends_it_nothing_stays_behind(tmp_path: Path, number: signal.Signals) -> None:
    link = tmp_path / "till-printer"
    with Running(*RUN, "--link", link) as printer:
        printer.until("until Ctrl-C")
        (child,) = children_of(printer.process.pid)
        gone = os.pidfd_open(child)
        printer.process.send_signal(number)
        assert select.select([gone], [], [], 20)[0]
        os.close(gone)
    assert not link.exists()


@pytest.mark.parametrize(
    ("arguments", "code", "what"),
    [
        (("--link", "x", "--tcp", "1"), 2, "one of --link and --tcp"),
        (("--fault", "nothing"), 2, "has no fault nothing"),
        (("--fault", "nak:times"), 2, "KEY=VALUE"),
        (("--fault", "nak:times=often"), 2, "times"),
        (("--auto-z", "noon"), 2, "--auto-z"),
        (("--encoding", "no-such"), 2, "unknown encoding"),
        (("--family", "posnet"), 2, "posnet"),
        (("--zone", "Mars/Olympus"), 2, "no such zone: 'Mars/Olympus'"),
    ],
)
def test_what_it_does_not_take_is_said(arguments: tuple[str, ...], code: int, what: str) -> None:
    done = smartplace(*RUN, *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert what in done.stderr
    assert "Traceback" not in done.stderr


def test_port_that_is_taken_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = smartplace(*RUN, "--tcp", str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert "already in use" in done.stderr
    assert "Traceback" not in done.stderr


def test_journal_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    done = smartplace(*RUN, "--journal", tmp_path / "no" / "paper.txt")
    assert done.returncode == 1
    assert "No such file or directory" in done.stderr
    assert "Traceback" not in done.stderr


def test_words_become_a_command() -> None:
    assert words("fault drop_answer on=close times=2") == {
        "do": "fault", "kind": "drop_answer", "on": "close", "times": 2,
    }  # fmt: skip
    assert words("cover open=true") == {"do": "cover", "open": True}
    assert words("clock seconds=-60") == {"do": "clock", "seconds": -60}
