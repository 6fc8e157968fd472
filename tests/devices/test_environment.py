"""What a driver is given of the environment: little of ours, and the place's time zone."""

from __future__ import annotations

import subprocess
import sys
import zoneinfo
from pathlib import Path

import pytest

from gateway.devices.environment import environment

OURS = {"PATH": "/bin", "HOME": "/root", "CREDENTIALS_DIRECTORY": "/run/x", "MQTT_PASSWORD": "x", "TZ": "Asia/Tokyo"}
KEPT = {"PATH": "/bin", "HOME": "/root", "CREDENTIALS_DIRECTORY": "/run/x"}
SUMMER_S = 1_782_907_200
"""2026-07-01 12:00 UTC."""


def local_hour(theirs: dict[str, str], *argv: str) -> str:
    return subprocess.run([*argv], env=theirs, capture_output=True, text=True, check=True).stdout.strip()


def test_it_is_a_closed_list_and_the_places_zone_instead_of_ours() -> None:
    assert environment(OURS, "Europe/Riga") == KEPT | {"TZ": "Europe/Riga"}


def test_without_a_place_our_own_local_time_is_theirs() -> None:
    assert environment(OURS) == KEPT | {"TZ": "Asia/Tokyo"}
    del (ours := dict(OURS))["TZ"]
    assert environment(ours) == KEPT


@pytest.mark.parametrize(
    "argv",
    [
        (sys.executable, "-c", f"import datetime; print(datetime.datetime.fromtimestamp({SUMMER_S}).hour)"),
        ("date", "-d", f"@{SUMMER_S}", "+%-H"),
    ],
)
@pytest.mark.parametrize(("zone", "hour"), [("Europe/Riga", "15"), ("Europe/Lisbon", "13"), ("UTC", "12")])
def test_local_time_of_any_program_is_the_places(zone: str, hour: str, argv: tuple[str, ...]) -> None:
    assert local_hour(environment({"PATH": "/usr/bin:/bin"}, zone), *argv) == hour


def test_a_zone_that_this_system_lacks_is_not_taken_for_utc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(zoneinfo, "TZPATH", (str(tmp_path),))
    theirs = environment({"PATH": "/usr/bin:/bin"}, "Europe/Riga")
    assert Path(theirs["TZ"]).is_absolute()
    assert local_hour(theirs, "date", "-d", f"@{SUMMER_S}", "+%-H") == "15"
