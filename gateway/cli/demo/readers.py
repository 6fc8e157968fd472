"""Every way to present oneself: a gate with each reader that this installation has a driver for, a desk for beacons,
all simulated.

Nobody is known there at first. What was refused is then registered by the centre, as a city would do it, and
presented again: now it opens. Then each reader is pulled out and put back.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import msgspec

from gateway.centre.publisher import write_bundle
from gateway.centre.query import Query
from gateway.centre.sign import build_bundle, load_key
from gateway.cli.demo.children import Child, ChildFailed, python
from gateway.cli.demo.rig import Failed, Rig
from gateway.cli.demo.town import CARD_KEY_ID, CITY, DAY_S, GATEWAY
from gateway.cli.demo.watch import Event, Watch
from gateway.config.load import BEACONS
from gateway.model.entry import EntryKind
from gateway.model.identification import CredentialKind
from gateway.wire import registry
from gateway.wire.bundle import BundleKind
from gateway.wire.contents import RegistryContent, RegistryCredential, RegistryHolder, Standing

GATE, DESK, RELAY = "every-gate", "every-desk", "relay"
HOLDER = "holder-every"
WELCOME = ("open", "accepted")
FREE = ("c1", "p1")
"""Entitlements to whom the demo's museum is free."""
AGAIN_S = 4.0
"""Until something else is presented: what was not taken away long enough still counts as lying there."""
TAKEN_AWAY_S = 2.0
"""So long what was presented is gone until it is presented again: what lies there all the time is no news."""
HEAL_S = 60.0
ANSWERS = {GATE: ("open", "refused"), DESK: ("accepted", "refused")}
MODULE = "drivers.simulators.play"


class Healed(msgspec.Struct, frozen=True):
    """How a reader did. Seconds: from the credential's presentation until the gate showed its answer, from the pulled
    plug until the loss was told, from its return until the reader was ready."""

    driver: str
    what: str
    decided_s: float
    lost_s: float
    ready_s: float


class EveryReader:
    """`start` brings everything up, `play` goes through the readers. Raises `Failed` when something is not as it should
    be. `left_out`: drivers that this machine cannot simulate, and why."""

    def __init__(self, rig: Rig, say: Callable[[str], None]) -> None:
        self._rig = rig
        self._say = say
        self._kinds: dict[str, str] = {}
        self._acts: dict[str, list[dict[str, Any]]] = {}
        self._rested: dict[str, float] = {}
        self.left_out: dict[str, str] = {}

    @property
    def readers(self) -> list[str]:
        return [name for name, kind in self._kinds.items() if kind == "reader"]

    def start(self, drivers: list[str]) -> None:
        """Simulators of these drivers that are readers, and of a relay; then broker, gateway and centre."""
        self._rig.prepare()
        sections = list(self._simulate(drivers))
        if RELAY not in self._kinds:
            raise Failed(f"no gate without a relay: {self.left_out.get(RELAY, 'there is no such driver')}")
        devices = len(sections)
        at_gate = [f"by-{name}" for name in self.readers if name != BEACONS]
        sections.append(
            f'[[station]]\nkind = "gate"\nid = "{GATE}"\nrelay = "by-{RELAY}"\nreaders = {_toml(at_gate)}\n'
        )
        if BEACONS in self.readers:
            sections.append(f'[[station]]\nkind = "desk"\nid = "{DESK}"\nreaders = {_toml([f"by-{BEACONS}"])}\n')
        config = self._rig.town.config
        head = config.read_text(encoding="utf-8").partition("[[device]]")[0]
        config.write_text(head + "\n".join(sections), encoding="utf-8")
        self._rig.start_broker()
        self._rig.start_gateway()
        self._rig.start_centre()
        self._rig.until(lambda: len(self._rig.devices()) == devices, "the gateway")
        self._rig.wait_ready()

    def play(self, watch: Watch) -> list[Healed]:
        """Each reader: unknown, registered, let in; pulled out, put back, let in again."""
        strangers = [self._credential(self._present(name, watch)) for name in self.readers]
        self._say(f"  {len(strangers)} readers, and nobody is known. The city registers who was there")
        self._register(strangers)
        return [self._try(name, watch) for name in self.readers]

    def _try(self, name: str, watch: Watch) -> Healed:
        shown = self._present(name, watch)
        if shown["show"] not in WELCOME:
            raise Failed(f"{name}: the station shows {shown['show']}, {shown.get('reason')}")
        decided, words = self._presented_s, self._presented
        self._gone(name)
        began = time.monotonic()
        self._ask(name, "unplug")
        self._rig.until(partial(self._is, name, "lost"), f"{name} to be told lost", HEAL_S)
        lost, began = time.monotonic() - began, time.monotonic()
        self._ask(name, "plug")
        self._rig.until(partial(self._is, name, "ready"), f"{name} to be back", HEAL_S)
        ready = time.monotonic() - began
        if (again := self._present(name, watch))["show"] not in WELCOME:
            raise Failed(f"{name}, after it was unplugged: the station shows {again['show']}, {again.get('reason')}")
        self._say(f"    {name:8} {words}: {self._welcome(name)} after {decided:.2f} s")
        self._say(f"    {'':8} unplugged: told after {lost:.2f} s; ready {ready:.2f} s after its return, and so again")
        return Healed(name, words, round(decided, 3), round(lost, 3), round(ready, 3))

    # Simulators ------------------------------------------------------------------------------------------

    def _simulate(self, drivers: list[str]) -> Iterator[str]:
        """The configuration's sections of those that could be started, which are started side by side."""
        children = {name: self._spawn(name) for name in drivers}
        for name, child in children.items():
            try:
                ready = child.wait_ready()
            except ChildFailed as error:
                self.left_out[name] = str(error)
                self._rig.forget(child.name)
                continue
            if ready["kind"] != "reader" and name != RELAY:
                self._rig.forget(child.name)
                continue
            self._kinds[name], self._acts[name] = ready["kind"], ready["acts"]
            yield _section(name, ready["options"], ready["env"])

    def _spawn(self, name: str) -> Child:
        return self._rig.spawn(f"play-{name}", python(MODULE, name))

    def _ask(self, name: str, do: str, **more: Any) -> None:
        self._rig.children[f"play-{name}"].ask(do, **more)

    def _is(self, name: str, health: str) -> bool:
        return bool(self._rig.devices()[f"by-{name}"]["health"] == health)

    # At the gate -----------------------------------------------------------------------------------------

    def _present(self, name: str, watch: Watch) -> Event:
        """Present what this driver reads until the gate answers, then take it away. What it showed."""
        self._gone(name)
        acts = self._acts[name]
        for number in [*range(len(acts)), *range(len(acts))]:
            mark, began = watch.mark(), time.monotonic()
            self._ask(name, "act", number=number)
            if not acts[number]["reads"]:
                continue
            station = _station(name)
            shown = watch.wait(station, ANSWERS[station], mark, AGAIN_S)
            if shown is not None and shown.get("reason") != "busy":
                self._presented_s, self._presented = time.monotonic() - began, acts[number]["words"]
                # Somebody with a beacon is told to go as well as to come: the next act.
                resting = [at for at, act in enumerate(acts) if not act["reads"] or (name == BEACONS and at > number)]
                for rest in resting[:1]:
                    self._ask(name, "act", number=rest)
                self._rested[name] = time.monotonic()
                return shown
        raise Failed(f"{name}: nothing that was presented reached the gate")

    def _welcome(self, name: str) -> str:
        return "the desk accepts" if name == BEACONS else "the gate opens"

    def _gone(self, name: str) -> None:
        until = self._rested.get(name, 0.0) + TAKEN_AWAY_S
        self._rig.until(lambda: time.monotonic() > until, "what was presented to be gone")

    def _credential(self, shown: Event) -> dict[str, Any]:
        """What the refused entry holds of the credential, at the centre."""
        if (shown["show"], shown.get("reason")) != ("refused", "unknown"):
            raise Failed(f"a stranger was shown {shown['show']}, {shown.get('reason')}")
        found: list[dict[str, Any]] = []

        def arrived() -> bool:
            for row in Query(self._rig.town.centre_store).events(gateway=GATEWAY, limit=1_000_000):
                body = json.loads(bytes(row.body)) if row.kind == EntryKind.REFUSAL and row.body else {}
                credential = body.get("identification", {}).get("credential")
                if credential and credential["digest"].startswith(shown["mark"]):
                    found.append(credential)
                    return True
            return False

        self._rig.until(arrived, "the refusal at the centre")
        return found[0]

    def _register(self, credentials: list[dict[str, Any]]) -> None:
        """All of these belong to somebody who enters free. Two readers may have read the same card."""
        number = int(time.time()) + 1
        distinct = {one["digest"]: one for one in credentials}.values()
        cards = tuple(
            RegistryCredential(CredentialKind(one["kind"]), one["digest"], HOLDER, Standing.ACTIVE) for one in distinct
        )
        content = registry.encode(RegistryContent(CARD_KEY_ID, (RegistryHolder(HOLDER, FREE),), cards))
        town, made_ms = self._rig.town, int(time.time() * 1000)
        bundle = build_bundle(
            *(BundleKind.REGISTRY, number, CITY, "*", content, load_key(town.keys / "bundles.key")),
            created_ms=made_ms,
            expires_ms=made_ms + DAY_S * 1000,
            resized=True,
        )
        file = town.folder / "every.bundle"
        write_bundle(file, bundle)
        self._rig.children["centre"].ask("publish", file=str(file))
        in_force = lambda: number in self._rig.status()["sync"]["bundles"].values()  # noqa: E731
        self._rig.until(in_force, "the registry with all of them")


def _station(name: str) -> str:
    """Where this driver's reader stands: beacons serve a desk only."""
    return DESK if name == BEACONS else GATE


def _section(name: str, options: dict[str, Any], env: dict[str, str]) -> str:
    command = ["env", *(f"{key}={value}" for key, value in env.items()), *python(f"drivers.{name}")]
    own = f"command = {_toml(command)}\n" if env else ""
    return f'[[device]]\nid = "by-{name}"\ndriver = "{name}"\n{own}options = {_toml(options)}\n'


def _toml(value: Any) -> str:
    """A value as TOML writes it; texts and numbers there are as in JSON."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(part)}" for key, part in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(part) for part in value) + "]"
    return json.dumps(value, ensure_ascii=False)
