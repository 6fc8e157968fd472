"""A smart place under attack: one till without devices, so that a life of the daemon costs a second, its broker, its
centre and a witness beside them. Everything is a process of its own and real; only the shop's till is us."""

from __future__ import annotations

import re
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType

from gateway.cli.demo.children import python
from gateway.cli.demo.rig import MOSQUITTO, Failed
from gateway.cli.demo.town import GATEWAY, Town
from tests.faults.count import Verdict, count, stored_of
from tests.faults.frame import Context, FaultFailed, require
from tests.faults.part import Part
from tests.faults.pos import Pos
from tests.faults.proxy import Proxy
from tests.faults.rig import SiteRig
from tests.faults.witness import Witness

TILL = """
[[station]]
kind = "till"
id = "shop-till"
"""
SYNC = {"backoff_cap_s": 0.5, "resend_s": 2.0, "keepalive_s": 5, "telemetry_s": 0}
"""Quick to come back: a round is not to be spent waiting."""
LEASE_S = 1.0
UP_S, DRAIN_S, END_S, AFTER_DRAIN_S = 30.0, 60.0, 20.0, 10.0


class Site:
    """Use: `with Site(context) as site`, then `up`, `pos.start`, …, and at the end `settle`.

    `state` puts the gateway's own folder on another file system, `through_proxy` a proxy before the broker; `workers`
    are names of several intake workers in the place of the one centre, `store` the URL of their PostgreSQL. What the
    POS was told is noted in the context's folder, which is never the one under attack.
    """

    def __init__(
        self,
        context: Context,
        *,
        state: Path | None = None,
        through_proxy: bool = False,
        sync: Mapping[str, float] | None = None,
        changed: Mapping[str, str] | None = None,
        workers: Sequence[str] = (),
        store: str = "",
    ) -> None:
        self.folder = context.folder
        self.town = Town(self.folder / "town")
        self.rig = SiteRig(self.town, MOSQUITTO)
        self.rig.program = context.program
        self.rig.workers = workers
        self.store = store or str(self.town.centre_store)
        self.rig.settings = {"store": self.store, "lease_s": LEASE_S, "backoff_cap_s": 0.5}
        self.state = state if state is not None else self.town.state
        self.proxy: Proxy | None = Proxy() if through_proxy else None
        self._sync = {**SYNC, **(sync or {})}
        self._changed = changed or {}

    def __enter__(self) -> Site:
        """Broker, centre, witness and till are there; the gateway is started by `up` or `start`."""
        with ExitStack() as stack:
            self.rig.prepare()
            if self.proxy is not None:
                self.proxy.start(self.rig.ports["broker"])
                stack.callback(self.proxy.stop)
            stack.callback(self.rig.stop)
            self._configure()
            self.rig.start_broker()
            self.rig.start_centre()
            self.witness = Witness(self.rig.ports["broker"])
            self.witness.start()
            stack.callback(self.witness.stop)
            self.pos = Pos(self.rig.port, self.folder / "told")
            stack.callback(self.pos.close)
            self._furnish(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, _kind: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None) -> None:
        """Whatever was started ends, the gateway before its broker."""
        self._stack.close()

    def _configure(self) -> None:
        """The demo's configuration without its devices, with this site's own ways."""
        text = self.town.config.read_text(encoding="utf-8")
        text = text[: text.index("[[device]]")] + TILL
        text = text.replace('state = "state"', f'state = "{self.state}"')
        for key, value in self._sync.items():
            text = re.sub(rf"\n{key} = .*", f"\n{key} = {value}", text)
        if self.proxy is not None:
            text = re.sub(r"port = \d+(\s+# DEMO: the broker)", rf"port = {self.proxy.port}\1", text)
        for old, new in self._changed.items():
            require(old in text, f"the configuration has no {old!r}")
            text = text.replace(old, new)
        self.town.config.write_text(text, encoding="utf-8")

    def _furnish(self, stack: ExitStack) -> None:
        """What else is there; for sites with more."""

    @property
    def link(self) -> Proxy:
        """The proxy before the broker, for a site that has one."""
        assert self.proxy is not None
        return self.proxy

    # The gateway -----------------------------------------------------------------------------------------

    def start(self, *in_front: str) -> None:
        """Start the gateway (behind `in_front`); does not wait."""
        self.rig.in_front = in_front
        self.rig.start_gateway()

    def up(self, *in_front: str, bundles: int = 0) -> dict[str, int]:
        """Start it and wait until it serves (and has so many bundles). Returns the last number of each stream, as it
        stood at the start. Raises `FaultFailed` when it ends instead."""
        self.start(*in_front)
        last: dict[str, int] = {}

        def serves() -> bool:
            status = self.rig.status()
            if not last:
                last.update(status["ledger"]["last"])
            return len(status["sync"]["bundles"]) >= bundles

        try:
            self.rig.until(serves, "the gateway", UP_S)
        except Failed as failed:
            raise FaultFailed(f"{failed}; it said: {self.log()}") from failed
        return last

    def up_from_older(self) -> None:
        """As `up`, on an older copy of the whole folder: nothing in it tells that it is one."""
        self.up()

    @property
    def alive(self) -> bool:
        return self.rig.children["gateway"].alive

    def ended_or_serves(self, bundles: int = 0) -> int | None:
        """Its exit code when it ends instead of serving (with so many bundles in force), else None."""
        self.rig.expect_end("gateway")

        def decided() -> bool:
            return not self.alive or len(self.rig.status()["sync"]["bundles"]) >= bundles

        self.rig.until(decided, "the gateway", UP_S)
        return self.rig.children["gateway"].process.returncode

    def kill(self) -> None:
        """kill -9, also of one that has ended."""
        self.rig.kill("gateway")

    def ended(self, timeout: float = END_S) -> int | None:
        """Exit code when it ends by itself in time, else None."""
        with suppress(subprocess.TimeoutExpired):
            return self.rig.children["gateway"].process.wait(timeout)
        return None

    def log(self, lines: int = 2) -> str:
        """The last lines that the gateway has said, as one."""
        said = (self.town.logs / "gateway.log").read_text(encoding="utf-8", errors="replace").strip()
        return " / ".join(said.splitlines()[-lines:])

    @property
    def ledger(self) -> Path:
        return self.state / "ledger.db"

    def parts(self) -> list[Part]:
        """Whose word counts at the end: the gateway under attack, and others that a site has."""
        return [Part(GATEWAY, self.pos, self.ledger)]

    # The end ---------------------------------------------------------------------------------------------

    def drain(self, timeout: float = DRAIN_S) -> None:
        """Until the centre has acked everything that is recorded now, and all of the epochs before."""
        for part in self.parts():
            self._drain(part, timeout)

    def _drain(self, part: Part, timeout: float) -> None:
        fixed = part.status()["ledger"]

        def done() -> bool:
            nonlocal fixed
            now = part.status()["ledger"]
            if now["epoch"] != fixed["epoch"]:
                fixed = now  # A new one has begun meanwhile: its numbers begin anew.
            drained = all(now["acked"][stream] >= last for stream, last in fixed["last"].items())
            return drained and not any(now.get("older", {}).values())  # left out where there are none

        self.rig.until(done, "the centre's ack", timeout)

    def await_centre(self, *, damaged: bool = False) -> None:
        """Drained, and everything told is there or accounted for; or it has had its time."""
        self.drain()
        with suppress(Failed):
            self.rig.until(lambda: not self.count(damaged=damaged).lost, "what was told", AFTER_DRAIN_S)

    def settle(self, timeout: float = DRAIN_S, *, conflicts_explained: bool = False, damaged: bool = False) -> Verdict:
        """The gateway runs: the POS asks again for what it was not told, all is drained, the gateway is stopped and
        its ledger verified. Then what was told is held against what the centre has."""
        self.pos.stop()
        self.pos.repeat()
        self.drain(timeout)
        self.await_centre(damaged=damaged)
        code = self.rig.stop_gateway()
        require(code == 0, f"the gateway stopped with {code}: {self.log()}")
        self.verify()
        return self.count(conflicts_explained=conflicts_explained, damaged=damaged)

    def verify(self) -> None:
        """`smartplace ledger verify`. Raises `FaultFailed` when it is not clean."""
        argv = python("gateway.cli", "ledger", "verify", str(self.ledger))
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)
        require(done.returncode == 0, f"ledger verify: {done.stdout[-500:]} {done.stderr[-500:]}")

    def count(self, *, conflicts_explained: bool = False, damaged: bool = False) -> Verdict:
        """Told against stored, as it is now."""
        parts = self.parts()
        return count(
            [told for part in parts for told in part.pos.told()],
            [quote for part in parts for quote in part.pos.gone],
            [entry for part in parts for entry in stored_of(self.store, part.gateway)],
            self.witness.seen(),
            {name: digest for part in parts for name, digest in part.digests().items()},
            conflicts_explained=conflicts_explained,
            damaged=damaged,
        )

    # Looks -----------------------------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        """Whether the gateway thinks that it has its broker. Raises `OSError` when the gateway is not there."""
        return bool(self.rig.status()["sync"]["connected"])

    def broker_answers(self) -> bool:
        with socket.create_connection(("127.0.0.1", self.rig.ports["broker"]), 0.2):
            return True

    def repeated(self) -> int:
        """Deliveries of entries beyond their first, so far."""
        return sum(len(digests) - 1 for digests in self.witness.seen().values())

    def until(self, right: Callable[[], bool], what: str, timeout: float = UP_S) -> None:
        """Look until it is right. Raises `FaultFailed` with what the gateway has said."""
        try:
            self.rig.until(right, what, timeout)
        except Failed as failed:
            raise FaultFailed(f"{failed}; it said: {self.log()}") from failed
