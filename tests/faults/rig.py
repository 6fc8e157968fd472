"""The demo's rig, with what the suite needs more: another program in front of the gateway or in its place, and several
intake workers in the place of the one centre."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from gateway.cli.demo.children import python
from gateway.cli.demo.rig import Rig
from gateway.cli.demo.town import CITY


class SiteRig(Rig):
    """The demo's rig; the gateway may be started by another program (strace, faketime) in front of it."""

    in_front: Sequence[str] = ()
    program: tuple[str, ...] = ()
    workers: Sequence[str] = ()
    settings: Mapping[str, object] = {}

    def start_gateway(self) -> None:
        if (before := self.children.get("gateway")) is not None:
            before.end_input()  # It may have ended by itself.
        program = [sys.executable, *self.program] if self.program else python("gateway", "run")
        argv = [*self.in_front, *program, "--config", str(self.town.config)]
        self.spawn("gateway", argv, steered=False)

    def start_beside(self, name: str, config: Path) -> None:
        """Another gateway, with a configuration of its own. Does not wait."""
        self.spawn(name, python("gateway", "run", "--config", str(config)), steered=False)

    def start_centre(self) -> None:
        """The demo's centre; or several workers of one store, the first of them under its name."""
        if not self.workers:
            super().start_centre()
            return
        for name in self.workers:
            file = self.town.folder / f"{name}.json"
            settings = {**self.settings, "client_id": name, "keys": [str(self.town.keys / "bundles.pub")]}
            file.write_text(json.dumps({**settings, "city": CITY, "port": self.ports["broker"], "tls": False}))
            self.spawn(name, python("gateway.centre", "--config", str(file)))
        self._all_ready(*self.workers)
        for bundle in self.town.bundles:
            self.children[self.workers[0]].ask("publish", file=str(bundle))

    def expect_end(self, name: str) -> None:
        """This part may end by itself: waiting for something else goes on."""
        self._killed.add(name)
