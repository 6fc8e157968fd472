"""Drivers run by hand: readable, and never with a card id."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.contract.codec import raw
from drivers.contract.core import Reading
from drivers.contract.desfire import Counter, DesfireFailed, DesfireProof, Proof
from drivers.contract.reader import AccessCard, Card, Code, Recognised, RecognisedKind, Several
from drivers.simulators.cards import Type2Tag
from drivers.simulators.pn532 import Pn532, plugged
from drivers.simulators.printer import Simulator
from drivers.simulators.relay import RelayBoard
from gateway.cli.tell import Teller, sentence
from tests.cli.conftest import Running, smartplace, write_config

ALICE, BOB = bytes.fromhex("04a1b2c3d4e5f6"), bytes.fromhex("04112233445566")


@pytest.fixture
def chip() -> Iterator[Pn532]:
    with plugged() as chip:
        yield chip


def test_a_reader_by_hand_tells_one_card_from_another_and_shows_neither(chip: Pn532) -> None:
    options = ("--option", f"port={chip.path}", "--option", "poll_ms=50")
    with Running("driver", "run", "nfc", *options, "--count", "3", "--timeout", "40") as driver:
        driver.until("READY")
        for number, uid in enumerate((ALICE, BOB, ALICE), start=1):
            chip.present(Type2Tag(uid), 10)
            if number < 3:
                driver.until(f"card #{number}, UID of 7 bytes")
        assert driver.end() == 0, driver.err
    assert [line.split("card ")[1][:2] for line in driver.out.splitlines() if "card " in line] == ["#1", "#2", "#1"]
    plain = (driver.out + driver.err).lower().replace(":", "").replace(" ", "")
    assert ALICE.hex() not in plain
    assert BOB.hex() not in plain


@pytest.mark.parametrize(
    ("proof", "told"),
    [
        (None, "card #1, UID of 7 bytes, no NDEF"),
        (
            DesfireProof(BOB, b"\x30\x42\xf5", 2),
            "card #1, UID of 7 bytes, no NDEF, genuine: application 3042F5, key version 2",
        ),
        (
            DesfireProof(BOB, b"\x30\x42\xf5", 2, Counter("rides-card", 17, bytes(32))),
            "card #1, UID of 7 bytes, no NDEF, genuine: application 3042F5, key version 2, 17 of rides-card",
        ),
        (
            DesfireFailed(b"\x30\x42\xf5"),
            "card #1, UID of 7 bytes, no NDEF, NOT genuine: application 3042F5, its key could not be proved",
        ),
        (
            DesfireFailed(BOB),
            "card #1, UID of 7 bytes, no NDEF, NOT genuine: application ?, its key could not be proved",
        ),
    ],
)
def test_whether_a_card_is_genuine_is_told_and_its_own_uid_is_not(proof: Proof | None, told: str) -> None:
    fields = Teller().fields(Reading(1, raw(Card(ALICE, proof=proof))))
    assert sentence(fields) == told
    assert BOB.hex() not in json.dumps(fields).lower()


def test_a_device_of_the_configuration_brings_its_driver_and_options(chip: Pn532, tmp_path: Path) -> None:
    config = write_config(tmp_path / "etc", port=chip.path)
    with Running(
        "driver", "run", "--config", config, "--device", "desk-reader", "--json", "--count", "1", "--timeout", "40"
    ) as driver:
        driver.until('"ready"')
        chip.present(Type2Tag(ALICE), 10)
        assert driver.end() == 0, driver.err
    told = [json.loads(line) for line in driver.out.splitlines()]
    assert [line["message"] for line in told][:2] == ["hello", "state"]
    assert all(line["schema"] == 1 for line in told)
    assert told[-1]["reading"] == "card"
    assert ALICE.hex() not in driver.out


def test_a_relay_by_hand_shows_its_inputs() -> None:
    with RelayBoard() as board:
        options = ("--option", f"port={board.path}", "--option", "inputs=2", "--option", "idle_input_ms=20")
        with Running("driver", "run", "relay", *options, "--count", "2", "--timeout", "40") as driver:
            driver.until("READY")
            board.input(1, True)
            driver.until("input 1 on")
            board.input(1, False)
            assert driver.end() == 0, driver.err
    assert "input 1 off" in driver.out


def test_a_device_that_is_not_there_is_6_with_advice() -> None:
    told = smartplace("driver", "run", "nfc", "--option", "port=/dev/serial/by-id/none", "--timeout", "3")
    assert told.returncode == 6
    assert "LOST" in told.stdout
    assert "Plug the reader in" in told.stderr


def test_no_reading_in_time_is_7(chip: Pn532) -> None:
    told = smartplace("driver", "run", "nfc", "--option", f"port={chip.path}", "--timeout", "3")
    assert told.returncode == 7, told.stderr


def test_ctrl_c_ends_the_driver_too(chip: Pn532) -> None:
    with Running("driver", "run", "nfc", "--option", f"port={chip.path}") as driver:
        driver.until("READY")
        driver.interrupt()
        assert driver.end() == 130
    assert "Traceback" not in driver.err
    # Its lock on the port has gone with it.
    assert smartplace("driver", "run", "nfc", "--option", f"port={chip.path}", "--timeout", "3").returncode == 7


@pytest.mark.parametrize(
    ("args", "code", "what"),
    [
        (("nfx",), 4, "Did you mean 'nfc'?"),
        (("../nfc",), 4, "there is no driver"),
        (("nfc",), 9, "port"),
        (("nfc", "--option", "prot=/dev/x"), 9, "prot"),
        (("nfc", "--option", "port=/dev/x", "--option", "poll_ms=fast"), 9, "poll_ms"),
        (("nfc", "--option", "port"), 2, "key=value"),
        (("camera", "--option", "source=rtsp://admin:hunter2@cam/1"), 2, "no password on a command line"),
        (("camera", "--option", "formats=[qr"), 2, "write a list as"),
        ((), 2, "which driver?"),
    ],
)
def test_wrong_arguments_are_told_before_anything_runs(args: tuple[str, ...], code: int, what: str) -> None:
    told = smartplace("driver", "run", *args)
    assert told.returncode == code, told.stderr
    assert what in told.stderr
    assert "hunter2" not in told.stderr


def test_a_device_that_is_not_configured_is_4(config: Path) -> None:
    told = smartplace("driver", "run", "--config", config, "--device", "gate-reader")
    assert told.returncode == 4
    assert "desk-reader" in told.stderr


def test_the_drivers_name_and_the_devices_must_agree(config: Path) -> None:
    assert smartplace("driver", "run", "relay", "--config", config, "--device", "desk-reader").returncode == 2


FOREIGN = """
[[device]]
id = "foreign"
driver = "mine"
command = ["{python}", "-c", '''{program}''']
"""


@pytest.mark.parametrize(
    ("program", "code", "what"),
    [
        ("import sys; sys.exit(3)", 1, "ended with exit code 3"),
        ("import sys; sys.exit(9)", 9, ""),
        ("pass", 0, ""),
        ("""print('{"t":"hello","contract":99,"driver":"x","version":"1","kind":"reader"}', flush=True); input()""",
         1, "speaks contract 99"),
        ("print('hello?', flush=True)", 0, "not a message of the contract (6 bytes)"),
    ],
)  # fmt: skip
def test_a_driver_of_someone_else(tmp_path: Path, program: str, code: int, what: str) -> None:
    config = write_config(tmp_path / "etc", more=FOREIGN.format(python=sys.executable, program=program))
    told = smartplace("driver", "run", "--config", config, "--device", "foreign", "--timeout", "30")
    assert told.returncode == code, told.stderr
    assert what in told.stderr


PRINTER = """
[[device]]
id = "till-printer"
driver = "fiscal"
options = {{ port = "{port}", poll_s = 0.1 }}
"""


@pytest.mark.parametrize("by_hand", [False, True])
@pytest.mark.parametrize(("zone", "problems"), [("Europe/Riga", set()), ("Europe/Lisbon", {"clock_off"})])
def test_a_driver_lives_in_the_places_time_zone(tmp_path: Path, by_hand: bool, zone: str, problems: set[str]) -> None:
    with Simulator(tmp_path / "printer", zone=zone) as printer:
        config = write_config(tmp_path / "etc", more=PRINTER.format(port=printer.port))
        which = ("fiscal", "--option", f"port={printer.port}", "--option", "poll_s=0.1")
        device = which if by_hand else ("--device", "till-printer")
        told = smartplace("driver", "run", *device, "--config", config, "--json", "--timeout", "4", TZ="Asia/Tokyo")
    states = [line for line in map(json.loads, told.stdout.splitlines()) if line["message"] == "state"]
    assert states[-1]["state"] == "ready", told.stderr
    assert {state["problem"]["code"] for state in states if state.get("problem")} == problems


def test_without_a_configuration_a_driver_lives_in_the_callers_time_zone(tmp_path: Path) -> None:
    with Simulator(tmp_path / "printer", zone="Asia/Tokyo") as printer:
        device = ("fiscal", "--option", f"port={printer.port}", "--option", "poll_s=0.1", "--config", tmp_path / "none")
        told = smartplace("driver", "run", *device, "--json", "--timeout", "4", TZ="Asia/Tokyo")
    assert '"ready"' in told.stdout, told.stderr
    assert "clock_off" not in told.stdout


def test_a_driver_that_will_not_end_is_ended(tmp_path: Path) -> None:
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True);"
        "\\nwhile True: time.sleep(9)"
    )
    config = write_config(
        tmp_path / "etc", more=FOREIGN.format(python=sys.executable, program=deaf.replace("\\n", "\n"))
    )
    told = smartplace("driver", "run", "--config", config, "--device", "foreign", "--timeout", "1")
    assert told.returncode == 7


def test_a_program_that_is_not_there_is_told(tmp_path: Path) -> None:
    config = write_config(tmp_path / "etc", more=FOREIGN.format(python="/no/such/program", program=""))
    told = smartplace("driver", "run", "--config", config, "--device", "foreign")
    assert told.returncode == 1
    assert "/no/such/program: cannot be run" in told.stderr


def test_driver_list_names_every_driver() -> None:
    told = json.loads(smartplace("driver", "list", "--json").stdout)
    assert {"camera", "fiscal", "nfc", "relay"} <= {found["driver"] for found in told["drivers"]}
    assert all(found["about"] for found in told["drivers"])
    assert "nfc" in smartplace("driver", "list").stdout


@settings(deadline=None)
@given(st.one_of(st.builds(Card, st.binary(min_size=4, max_size=10), st.binary(max_size=60)),
                 st.builds(AccessCard, st.just(64), st.binary(min_size=8, max_size=8)),
                 st.builds(Code, st.sampled_from(["qr", "ean-13"]), st.binary(min_size=8, max_size=60))))  # fmt: skip
def test_no_part_of_a_credential_comes_out(body: Card | AccessCard | Code) -> None:
    told = Teller().fields(Reading(1, raw(body)))
    assert all(
        isinstance(value, int) or value in ("reading", "card", "access_card", "code", "qr", "ean-13")
        for value in told.values()
    )
    assert sentence(told)


@settings(deadline=None)
@given(st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner)))
def test_a_reading_of_an_unknown_kind_is_told_by_its_size_alone(body: object) -> None:
    encoded = msgspec.json.encode(body)
    told = Teller().fields(Reading(1, msgspec.Raw(encoded)))
    assert told == {"message": "reading", "mono_ns": 1, "reading": "unknown", "bytes": len(encoded)}


def test_a_phone_says_that_its_id_is_drawn_anew() -> None:
    told = Teller().fields(Reading(1, raw(Card(bytes.fromhex("08aabbcc")))))
    assert "random UID (a phone)" in sentence(told)


@pytest.mark.parametrize(
    ("reading", "words"),
    [
        (Recognised(RecognisedKind.BANK), "a bank card"),
        (Recognised(RecognisedKind.EID), "an identity card or passport"),
        (Several(), "several cards"),
    ],
)
def test_what_is_no_credential_is_told_in_words(reading: Recognised | Several, words: str) -> None:
    assert words in sentence(Teller().fields(Reading(1, raw(reading))))


@pytest.mark.parametrize(
    ("name", "option", "told"),
    [
        ("scanner", "mode=kbd", "One of keyboard, serial. See docs/drivers/scanner.md"),
        ("nfc", "prt=/dev/x", "there is no option `prt`. Did you mean `port`? See docs/drivers/nfc.md"),
        ("nfc", "poll_ms=1", "Expected `int` >= 20"),
    ],
)
def test_a_wrong_option_is_told_with_what_may_stand_there(name: str, option: str, told: str) -> None:
    done = smartplace("driver", "run", name, "--option", "port=/dev/none", "--option", option)
    assert done.returncode == 9
    assert told in done.stderr
