"""The configurations that come along are good ones, with what is commented out in them too."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.cli.checks import file_checks
from gateway.cli.demo.town import Town
from gateway.cli.finding import Level
from gateway.config.load import Loaded, load
from gateway.config.types import Configuration

CONFIG = Path(__file__).parents[2] / "config"
STATIONS = {
    "demo.toml": {"desk", "gate", "till"},
    "library.toml": {"desk"},
    "museum.toml": {"gate", "till"},
    "shop.toml": {"till"},
}
REAL = sorted(set(STATIONS) - {"demo.toml"})
STABLE = ("/dev/serial/by-id/", "/dev/serial/by-path/", "/dev/v4l/by-id/", "/dev/smartplace/", "http://", "https://")
COMMENTED_OUT = re.compile(r"^#(?=\S)", re.MULTILINE)
"""`#key = …` is configuration that waits; `# Words` are words."""


def read(name: str) -> Configuration:
    return load(CONFIG / name).configuration


def test_each_file_of_the_folder_is_looked_at() -> None:
    assert {file.name for file in CONFIG.glob("*.toml")} == set(STATIONS)


@pytest.fixture(params=sorted(STATIONS))
def loaded(request: pytest.FixtureRequest, tmp_path: Path) -> Loaded:
    """Each of them; the demo's with the ports of a run, which the demo itself writes into it."""
    if request.param != "demo.toml":
        return load(CONFIG / request.param)
    town = Town(tmp_path)
    town.prepare({"broker": 18830, "camera": 18831, "pages": 8080, "netfp": 8001})
    return load(town.config.rename(tmp_path / "demo.toml"))


def test_it_loads_with_its_stations(loaded: Loaded) -> None:
    kinds = {type(station).__struct_config__.tag for station in loaded.configuration.station}
    assert kinds == STATIONS[loaded.file.name]


def test_every_device_serves_a_station(loaded: Loaded) -> None:
    assert [
        check for check in file_checks(loaded) if check.name.startswith("device ") and check.level != Level.PASS
    ] == []


@pytest.mark.parametrize("name", REAL)
def test_every_device_has_a_name_that_stays_and_a_port_of_its_own(name: str) -> None:
    ports = [str(device.options.get("port") or device.options["source"]) for device in read(name).device]
    assert all(port.startswith(STABLE) for port in ports), ports
    assert len(set(ports)) == len(ports)


@pytest.mark.parametrize("name", REAL)
def test_a_box_in_the_field_speaks_tls_and_keeps_its_state_on_its_disk(name: str) -> None:
    configuration = read(name)
    assert configuration.sync.tls
    assert configuration.sync.host.endswith(".example"), "no real broker in an example"
    assert configuration.gateway.state == "/var/lib/smartplace"


@pytest.mark.parametrize("name", REAL)
def test_what_is_commented_out_is_good_configuration_too(name: str, tmp_path: Path) -> None:
    text = (CONFIG / name).read_text(encoding="utf-8")
    everything = tmp_path / name
    everything.write_text(COMMENTED_OUT.sub("", text), encoding="utf-8")
    assert everything.read_text(encoding="utf-8") != text
    configuration = load(everything).configuration
    assert configuration.keys.sun_meta is not None


def test_no_two_of_them_have_the_same_gateway_id() -> None:
    ids = [read(name).gateway.id for name in REAL]
    assert len(set(ids)) == len(ids)
