"""`smartplace demo --readers`: the stage for every way to present oneself."""

from __future__ import annotations

import json
import sys

import msgspec

from gateway.cli.demo.readers import EveryReader, Healed
from gateway.cli.demo.rig import Rig
from gateway.cli.demo.stage import Stage, say, uninterrupted
from gateway.cli.demo.town import Town
from gateway.cli.demo.watch import Watch
from gateway.cli.driver import installed
from gateway.cli.exits import Exit


class ReadersStage(Stage):
    """Goes through all readers, tells how each did, and ends."""

    def _perform(self, town: Town, began: float, *, once: bool, as_json: bool) -> Exit:
        rig = Rig(town, self._broker, port=self._port, gateway_program=self._gateway_program)
        watch: Watch | None = None
        try:
            every = EveryReader(rig, say)
            every.start([told["driver"] for told in installed()])
            watch = Watch(rig.port)
            watch.start()
            healed = every.play(watch)
        finally:
            uninterrupted()
            if watch is not None:
                watch.stop()
            rig.stop()
        return _tell(healed, every.left_out, as_json=as_json)


def _tell(healed: list[Healed], left_out: dict[str, str], *, as_json: bool) -> Exit:
    for why in left_out.values():
        say(f"  LEFT OUT: {why}")
    say("All is as it should be." if not left_out else "What was tried is as it should be.")
    if as_json:
        told = {"readers": msgspec.to_builtins(healed), "left_out": left_out}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
    return Exit.DONE if not left_out else Exit.FAILED
