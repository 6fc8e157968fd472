"""Nothing heavy is imported before a verb needs it: on a small Pi each 10 ms here are 100 ms to a person."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.cli.conftest import Gateway, environment, smartplace

HEAVY = (
    "aiohttp", "asyncio", "cbor2", "cryptography", "cv2", "email", "http.client", "msgspec", "numpy", "paho",
    "sqlite3", "ssl", "subprocess", "tzdata", "urllib.request", "gateway.config.types", "drivers",
)  # fmt: skip

PROBE = """
import sys
from gateway.cli.main import cli
try:
    cli(args=sys.argv[1:], prog_name="smartplace")
finally:
    sys.stderr.write("\\nMODULES " + " ".join(sys.modules))
"""


def imported(*args: str) -> set[str]:
    """Modules that are there when the command has ended."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *args], capture_output=True, text=True, env=environment(), check=False, timeout=40
    )
    return set(done.stderr.rpartition("MODULES ")[2].split())


@pytest.mark.parametrize(
    "args", [("--help",), ("rules", "--help"), ("status", "--socket", "/nowhere"), ("devices", "--socket", "/nowhere")]
)
def test_nothing_heavy_is_imported(args: tuple[str, ...]) -> None:
    found = imported(*args)
    assert "gateway.cli.main" in found
    assert found.isdisjoint(HEAVY), found & set(HEAVY)


def test_status_of_a_running_gateway_imports_nothing_heavy(gateway: Gateway) -> None:
    found = imported("status", "--config", str(gateway.config))
    assert "gateway.cli.http" in found
    assert found.isdisjoint(HEAVY), found & set(HEAVY)


def test_help_lists_every_verb_without_importing_any() -> None:
    from gateway.cli.main import VERBS

    assert not {verb.target.partition(":")[0] for verb in VERBS.values()} & imported("--help")
    told = smartplace("--help").stdout
    assert all(f"  {name} " in told for name in VERBS)


def test_a_misspelt_verb_names_the_one_that_was_meant() -> None:
    told = smartplace("stauts")
    assert told.returncode == 2
    assert "Did you mean 'status'?" in told.stderr


def test_a_misspelt_verb_of_a_group_names_the_one_that_was_meant() -> None:
    told = smartplace("devices", "restrat", "x")
    assert told.returncode == 2
    assert "restart" in told.stderr


def test_a_misspelt_option_names_the_one_that_was_meant() -> None:
    told = smartplace("taps", "--staton", "x")
    assert told.returncode == 2
    assert "--station" in told.stderr


def test_version() -> None:
    assert smartplace("--version").stdout == "smartplace 0.1.0\n"
