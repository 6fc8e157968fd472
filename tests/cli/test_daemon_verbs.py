"""Verbs that ask the daemon, against a real one."""

from __future__ import annotations

import json
import time

from drivers.simulators.cards import Type2Tag
from tests.cli.conftest import Gateway, Running, keys, smartplace

UID = bytes.fromhex("04a1b2c3d4e5f6")


def test_status_shows_chains_stations_devices_record_and_centre(gateway: Gateway) -> None:
    told = gateway.ask("status")
    assert told.returncode == 0, told.stderr
    assert "gw-test at library, jelgava: running for" in told.stdout
    for word in ("read", "identify", "decide", "record", "centre", "desk-1", "desk-reader", "ready"):
        assert word in told.stdout
    assert "\x1b" not in told.stdout


def test_status_as_json_is_one_document_with_a_schema(gateway: Gateway) -> None:
    told = json.loads(gateway.ask("status", "--json").stdout)
    assert told["schema"] == 1
    assert told["daemon"] == "running"
    assert told["gateway"]["id"] == "gw-test"
    assert {"chains", "stations", "devices", "sync", "ledger", "uptime_s"} <= keys(told)


def test_the_socket_can_be_named_without_a_configuration(gateway: Gateway) -> None:
    told = smartplace("status", "--socket", gateway.state / "api.sock", "--config", "/nowhere.toml")
    assert told.returncode == 0, told.stderr


def test_the_configuration_can_come_from_the_environment(gateway: Gateway) -> None:
    assert smartplace("status", SMARTPLACE_CONFIG=str(gateway.config)).returncode == 0


def test_devices_is_devices_list(gateway: Gateway) -> None:
    short, long = gateway.ask("devices", "--json"), gateway.ask("devices", "list", "--json")
    assert json.loads(short.stdout)["devices"][0]["device"] == "desk-reader"
    assert keys(json.loads(short.stdout)) == keys(json.loads(long.stdout)) == {"schema", "devices"}


def test_restart_kills_the_driver_and_it_comes_back(gateway: Gateway) -> None:
    before = reader(gateway)
    told = gateway.ask("devices", "restart", "desk-reader")
    assert told.returncode == 0, told.stderr
    deadline = time.monotonic() + 30
    while (now := reader(gateway))["health"] != "ready" or now["pid"] == before["pid"]:
        assert time.monotonic() < deadline, now


def test_restart_of_a_device_that_is_not_there_is_4_and_says_what_to_do(gateway: Gateway) -> None:
    told = gateway.ask("devices", "restart", "desk/../reader")
    assert told.returncode == 4
    assert told.stderr.startswith("error: ")
    assert told.stdout == ""


def test_taps_shows_a_tap_live_and_never_the_card(gateway: Gateway) -> None:
    with Running("taps", "--config", gateway.config, "--station", "desk-1", "--count", "1", "--timeout", "30") as taps:
        taps.until("following desk-1")
        gateway.chip.present(Type2Tag(UID), 10)
        assert taps.end() == 0, taps.err
    assert "desk-1" in taps.out
    assert "refused" in taps.out
    assert "credential " in taps.out
    assert UID.hex() not in (taps.out + taps.err).lower().replace(":", "").replace(" ", "")


def test_taps_as_json_is_one_object_a_line(gateway: Gateway) -> None:
    with Running("taps", "--config", gateway.config, "--json", "--count", "2", "--timeout", "30") as taps:
        taps.until("following all stations")
        gateway.chip.present(Type2Tag(UID), 10)
        taps.until('"station": "desk-1"')
        gateway.chip.present(Type2Tag(bytes.fromhex("04ffffffffff01")), 10)
        assert taps.end() == 0, taps.err
    first, second = (json.loads(line) for line in taps.out.splitlines())
    assert first["schema"] == 1
    assert first["show"] == second["show"] == "refused"
    assert first["mark"] != second["mark"]


def test_taps_that_time_out_end_with_7(gateway: Gateway) -> None:
    told = gateway.ask("taps", "--timeout", "0.5")
    assert told.returncode == 7
    assert told.stdout == ""
    assert "0 in 0.5 s" in told.stderr


def test_taps_of_an_unknown_station_are_4(gateway: Gateway) -> None:
    told = gateway.ask("taps", "--station", "desk-9", "--timeout", "5")
    assert told.returncode == 4
    assert "desk-1" in told.stderr


def test_ctrl_c_ends_taps_with_130(gateway: Gateway) -> None:
    with Running("taps", "--config", gateway.config) as taps:
        taps.until("following")
        taps.interrupt()
        assert taps.end() == 130
    assert "Traceback" not in taps.err


def test_the_ledger_can_be_read_while_the_gateway_runs(gateway: Gateway) -> None:
    verified = gateway.ask("ledger", "verify", "--json")
    assert verified.returncode == 0, verified.stderr
    assert json.loads(verified.stdout)["clean"] is True
    stats = json.loads(gateway.ask("ledger", "stats", "--json").stdout)
    assert stats["gateway"] == "gw-test"
    assert stats["clean_stop"] is False
    assert stats["ballast_bytes"] == stats["bounds"]["ballast_bytes"] > 0


def test_doctor_finds_the_daemon_running(gateway: Gateway) -> None:
    told = json.loads(gateway.ask("doctor", "--json").stdout)
    found = {check["check"]: check for check in told["checks"]}
    assert "running for" in found["daemon"]["cause"]
    assert found["port of desk-reader"]["level"] == "pass"
    assert found["broker"]["level"] == "warn"
    assert told["fail"] == 0


def test_a_second_gateway_with_the_same_state_is_refused(gateway: Gateway) -> None:
    told = gateway.ask("run")
    assert told.returncode == 9
    assert "another gateway" in told.stderr


def reader(gateway: Gateway) -> dict[str, object]:
    told = json.loads(gateway.ask("devices", "--json").stdout)
    found: dict[str, object] = told["devices"][0]
    return {"pid": None, **found}
