"""Through each reader that there is: a credential becomes a decision at a gate; pulled out and put back, the reader
heals within the figures of docs/drivers.md.

A driver that comes new is in it by itself: what it reads is registered from what the gate has refused before.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from drivers.contract.core import Kind
from drivers.simulators.simulated import Act, Simulated, simulation
from gateway.centre.publisher import write_bundle
from gateway.centre.sign import build_bundle, load_key
from gateway.cli.demo.town import CARD_KEY_ID, CITY
from gateway.model.entry import EntryKind
from gateway.model.identification import CredentialKind
from gateway.wire import registry
from gateway.wire.bundle import BundleKind
from gateway.wire.contents import RegistryContent, RegistryCredential, RegistryHolder, Standing
from tests.drivers.test_quality import FOLDERS, driver_class
from tests.end_to_end.house import House, until
from tests.support.pcscd import require_pcscd

GATE = "every-gate"
READERS = [folder.name for folder in FOLDERS if driver_class(folder).kind is Kind.READER]
ROOM = 3
"""Times the figure: for a machine that is busy with other tests."""
AGAIN_S = 4.0
"""Until something else is presented: what was not taken away long enough still counts as lying there."""
TAKEN_AWAY_S = 2.0
"""So long what was presented is gone before its reader is unplugged: a reader that comes back must not take what has
lain there all the time for news."""
_row = re.compile(r"^\| `(\w+)` \| ([^|]+) \| ([\d.]+) s \| ([\d.]+) s \|$", re.MULTILINE)


def figures() -> dict[str, tuple[float, float]]:
    """Driver → seconds until its loss is told, and from its return until it is ready, as documented."""
    page = (Path(__file__).parents[2] / "docs" / "drivers.md").read_text(encoding="utf-8")
    return {name: (float(lost), float(back)) for name, _, lost, back in _row.findall(page)}


class Town:
    """The gateway with a gate that has every reader, each with its simulated device."""

    def __init__(self, house: House, devices: Mapping[str, Simulated]) -> None:
        self.house = house
        self.devices = devices
        self._rested: dict[str, float] = {}
        house.rig.prepare()
        config = house.town.config
        head = config.read_text(encoding="utf-8").partition("[[device]]")[0]
        config.write_text(head + "\n".join(self._sections()), encoding="utf-8")
        house.rig.start_broker()
        house.rig.start_gateway()
        house.rig.start_centre()
        house.rig.until(lambda: len(house.rig.pids()) == len(devices), "every device")
        house.rig.until(lambda: len(house.rig.status()["sync"]["bundles"]) == 2, "both bundles")

    def _sections(self) -> Iterator[str]:
        for name, device in self.devices.items():
            env = [f"{key}={value}" for key, value in device.env.items()]
            command = f"command = {json.dumps(['env', *env, sys.executable, '-m', f'drivers.{name}'])}" if env else ""
            options = ", ".join(f"{key} = {json.dumps(value)}" for key, value in device.options.items())
            yield f'[[device]]\nid = "by-{name}"\ndriver = "{name}"\n{command}\noptions = {{ {options} }}\n'
        readers = [f"by-{name}" for name in self.devices if name in READERS]
        yield f'[[station]]\nkind = "gate"\nid = "{GATE}"\nrelay = "by-relay"\nreaders = {json.dumps(readers)}\n'

    def present(self, driver: str, kind: EntryKind) -> dict[str, Any]:
        """Present what this driver reads until the gate has an entry of this kind of it; its body."""
        before = len(self.house.bodies(kind))
        found: list[dict[str, Any]] = []
        for act in self._acts(driver):
            act.do()
            if act.reads:
                deadline = time.monotonic() + AGAIN_S
                while not (found := self.house.bodies(kind)[before:]) and time.monotonic() < deadline:
                    time.sleep(0.02)
            if found:
                self._rest(driver)
                return found[0]
        raise AssertionError(f"{driver}: nothing that was presented came to a {kind}")

    def _acts(self, driver: str) -> list[Act]:
        return list(self.devices[driver].acts) * 3

    def _rest(self, driver: str) -> None:
        """Take away what lies there, if that is something one does."""
        rest = [act for act in self.devices[driver].acts if not act.reads]
        if rest:
            rest[0].do()
        self._rested[driver] = time.monotonic()

    def unplug(self, driver: str) -> None:
        until(lambda: time.monotonic() > self._rested[driver] + TAKEN_AWAY_S, "what was presented to be gone")
        self.devices[driver].unplug()

    def register(self, credentials: list[dict[str, Any]]) -> None:
        """All of these belong to somebody who enters free. Two readers may have read the same card."""
        number = int(time.time()) + 1000
        content = registry.encode(
            RegistryContent(
                CARD_KEY_ID,
                (RegistryHolder("holder-every", ("c1", "p1")),),
                tuple(
                    RegistryCredential(CredentialKind(one["kind"]), one["digest"], "holder-every", Standing.ACTIVE)
                    for one in {one["digest"]: one for one in credentials}.values()
                ),
            )
        )
        key = load_key(self.house.town.keys / "bundles.key")
        file = self.house.town.folder / "every.bundle"
        made_ms = int(time.time() * 1000)
        bundle = build_bundle(BundleKind.REGISTRY, number, CITY, "*", content, key, created_ms=made_ms, resized=True)
        write_bundle(file, bundle)
        self.house.rig.children["centre"].ask("publish", file=str(file))
        in_force = partial(self._in_force, number)
        self.house.rig.until(in_force, "the registry with all of them")

    def _in_force(self, number: int) -> bool:
        return number in self.house.rig.status()["sync"]["bundles"].values()


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    require_pcscd()
    with ExitStack() as stack:
        devices = {}
        for name in (*READERS, "relay"):
            folder = tmp_path / name
            folder.mkdir()
            devices[name] = stack.enter_context(simulation(name)(folder))
        house = House(tmp_path / "house")
        stack.callback(house.close)
        yield Town(house, devices)


def test_the_page_has_a_figure_for_every_reader() -> None:
    assert set(READERS) <= figures().keys()


@pytest.mark.timeout(300)
def test_each_reader_comes_to_a_decision_and_heals(town: Town) -> None:
    strangers = [town.present(name, EntryKind.REFUSAL)["identification"] for name in READERS]
    assert {one["refusal"] for one in strangers} == {"unknown"}
    town.register([one["credential"] for one in strangers])
    for name in READERS:
        admitted = town.present(name, EntryKind.ADMISSION)
        assert admitted["identification"]["holder"] == "holder-every", name
        assert admitted["decision"]["lines"], name

    for name in READERS:
        told_s, back_s = figures()[name]
        town.unplug(name)
        until(lambda: health(town, name) == "lost", f"{name} to be told lost", told_s * ROOM)  # noqa: B023
        town.devices[name].plug()
        until(lambda: health(town, name) == "ready", f"{name} to be back", back_s * ROOM)  # noqa: B023
        town.present(name, EntryKind.ADMISSION)
    assert town.house.verify().clean


def health(town: Town, driver: str) -> str:
    return str(town.house.rig.devices()[f"by-{driver}"]["health"])
