"""Plays the other end of a driver: `python -m drivers.simulators.play DRIVER`, for `driver run --simulate`.

First line on stdout: `{"ready": {"kind": ..., "options": ..., "env": ..., "acts": ...}}`, what a driver of this kind
needs to reach the device and what can be done there, or `{"failed": {"cause": ..., "advice": ...}}`. At
`{"do": "play"}` something happens at the device every few seconds, each time told as
`{"event": "played", "what": "a card is put down"}`. `{"do": "act", "number": 0}` does the first of the acts,
`{"do": "unplug"}` takes the device away, `{"do": "plug"}` brings it back. The end of stdin ends it, and its folder is
gone then.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import itertools
import json
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from drivers.driver import Driver
from drivers.simulators import control
from drivers.simulators.simulated import Act, CannotSimulate, simulation


class Player:
    """Plays acts in its own thread until it is stopped."""

    def __init__(self, acts: Sequence[Act]) -> None:
        self._acts = acts
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def play(self) -> None:
        """Begin; harmless when it has begun."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="player", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Returns when nothing is played any more."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        for act in itertools.cycle(self._acts):
            control.emit("played", what=act.words)
            act.do()
            if self._ended.wait(act.stay_s):
                return


def kind_of(driver: str) -> str:
    """The kind of a driver of ours, as it says it itself."""
    module = importlib.import_module(f"drivers.{driver}.driver")
    found = [one for _, one in inspect.getmembers(module, inspect.isclass) if issubclass(one, Driver)]
    return next(str(one.kind) for one in found if one.__module__ == module.__name__)


def _nothing(_done: object) -> None:
    """What a simulator returns is its own business."""


def main(argv: list[str] | None = None) -> int:
    """Run until stdin ends. Exit code 2 when this machine cannot do it."""
    parser = argparse.ArgumentParser(prog="drivers.simulators.play", description=__doc__)
    parser.add_argument("driver")
    driver = parser.parse_args(argv).driver
    try:
        # A socket's whole path has 107 bytes (unix(7)): a short name.
        with tempfile.TemporaryDirectory(prefix="sp-play-") as folder, simulation(driver)(Path(folder)) as simulated:
            player = Player(simulated.acts)
            try:
                control.serve(
                    {
                        "kind": kind_of(driver),
                        "options": dict(simulated.options),
                        "env": dict(simulated.env),
                        "acts": [{"words": act.words, "reads": act.reads} for act in simulated.acts],
                    },
                    {
                        "play": player.play,
                        "act": lambda number: _nothing(simulated.acts[number].do()),
                        "unplug": lambda: _nothing(simulated.unplug()),
                        "plug": lambda: _nothing(simulated.plug()),
                    },
                )
            finally:
                player.stop()
    except CannotSimulate as error:
        print(json.dumps({"failed": {"cause": error.cause, "advice": error.advice}}), flush=True)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
