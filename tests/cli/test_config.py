"""A configuration checked and shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.config import values, without_passwords
from gateway.config.load import load
from tests.cli.conftest import smartplace, write_config

CAMERA = """
[[device]]
id = "camera"
driver = "camera"
silence_s = 30.0
[device.options]
source = "rtsp://admin:hun@ter2@10.0.0.9/stream"

[[station]]
kind = "till"
id = "till-1"
readers = ["camera"]
"""


@pytest.fixture
def shown(tmp_path: Path) -> dict[str, tuple[Any, int | None]]:
    file = write_config(tmp_path / "etc", more=CAMERA)
    return {key: (value, line) for key, value, line in values(load(file))}


def test_a_good_configuration_is_0_and_says_what_is_in_it(config: Path) -> None:
    told = smartplace("config", "check", "--config", config)
    assert (told.returncode, told.stderr) == (0, "")
    assert "is valid: gw-test, devices: 1, stations: 1" in told.stdout


@pytest.mark.parametrize("verb", [("config", "check"), ("config", "show"), ("run",)])
def test_an_error_is_one_line_with_file_line_key_and_remedy(config: Path, verb: tuple[str, ...]) -> None:
    config.write_text(config.read_text().replace("card_id", "card_ids"))
    told = smartplace(*verb, "--config", config)
    assert told.returncode == 9
    assert told.stdout == ""
    assert told.stderr == f"error: {config}:9: keys.card_ids: there is no such key. Did you mean `card_id`?\n"
    assert not (config.parent / "state").exists()


def test_keys_that_others_may_read_are_a_warning(config: Path) -> None:
    (config.parent / "keys" / "card.hex").chmod(0o644)
    told = smartplace("config", "check", "--config", config)
    assert told.returncode == 8
    assert "chmod 600" in told.stderr


def test_a_device_without_a_station_is_a_warning(tmp_path: Path) -> None:
    file = write_config(tmp_path / "etc", more=CAMERA.partition("[[station]]")[0])
    told = smartplace("config", "check", "--json", "--config", file)
    assert told.returncode == 8
    assert [warning["check"] for warning in json.loads(told.stdout)["warnings"]] == ["device camera"]


LIBRARY = """library = "library-system"
wedge = "librarian-keys"
staff = "keys/desk-staff.hex"

[[device]]
id = "library-system"
driver = "sip2"

[[device]]
id = "librarian-keys"
driver = "wedge"
"""


def test_a_desks_further_devices_are_used_and_its_staffs_token_is_looked_at(tmp_path: Path) -> None:
    file = write_config(tmp_path / "etc", more=LIBRARY)
    told = smartplace("config", "check", "--json", "--config", file)
    (warning,) = json.loads(told.stdout)["warnings"]
    assert (told.returncode, warning["check"]) == (8, "staff of desk-1")
    token = file.parent / "keys" / "desk-staff.hex"
    token.touch(mode=0o600)
    token.write_text("00" * 16)
    assert smartplace("config", "check", "--config", file).returncode == 0


def test_each_value_comes_with_the_line_that_it_stands_on(shown: dict[str, tuple[Any, int | None]]) -> None:
    assert shown["gateway.id"] == ("gw-test", 2)
    assert shown["sync.tls"] == (False, 15)
    assert shown["station[0].readers"] == (["desk-reader"], 28)
    assert shown["device[1].silence_s"] == (30.0, 33)


def test_a_value_in_an_inline_table_has_the_tables_line(shown: dict[str, tuple[Any, int | None]]) -> None:
    assert shown["device[0].options.poll_ms"] == (50, 23)


def test_defaults_are_shown_as_such_those_of_drivers_too(shown: dict[str, tuple[Any, int | None]]) -> None:
    assert shown["gateway.time_zone"] == ("Europe/Riga", None)
    assert shown["device[0].options.baud"] == (460800, None)
    assert shown["device[1].options.max_fps"] == (8.0, None)


def test_a_password_in_an_address_is_not_shown(tmp_path: Path) -> None:
    file = write_config(tmp_path / "etc", more=CAMERA)
    for told in (
        smartplace("config", "show", "--config", file),
        smartplace("config", "show", "--json", "--config", file),
    ):
        assert told.returncode == 0, told.stderr
        assert "rtsp://admin:***@10.0.0.9/stream" in told.stdout
        assert "ter2" not in told.stdout


def test_what_is_in_key_files_is_not_shown(config: Path) -> None:
    told = smartplace("config", "show", "--config", config)
    assert "keys/card.hex" in told.stdout
    assert bytes(range(32)).hex() not in told.stdout


def test_a_secret_of_a_foreign_driver_is_not_shown(tmp_path: Path) -> None:
    more = '[[device]]\nid = "other"\ndriver = "other"\ncommand = ["/bin/true"]\noptions = {api_token = "s3cret"}\n'
    told = smartplace("config", "show", "--config", write_config(tmp_path / "etc", more=more))
    assert 'options.api_token = "***"' in told.stdout


@pytest.mark.parametrize("text", ["/dev/ttyUSB0", "http://cam/x", "rtsp://cam:554/a@b", "mail@example.org"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert without_passwords(text) == text
