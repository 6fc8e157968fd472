"""A simulated contactless reader as a program: a reader, a box of cards, and lines that say what a person does."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from drivers.simulators import control
from drivers.simulators.card_box import CardBox
from drivers.simulators.card_place import CardPlace
from drivers.simulators.cards import Type2Tag, uri_message
from drivers.simulators.simulated import Act, Simulated

Make = Callable[[Path, Callable[..., None]], CardPlace]
"""A reader behind this link, not plugged in yet, and who hears what happens at it."""


@contextmanager
def plugged_in(chip: CardPlace) -> Iterator[None]:
    """For the length of a `with` block."""
    chip.start()
    try:
        yield
    finally:
        chip.stop()


def played(chip: CardPlace, options: dict[str, Any]) -> Simulated:
    """A reader on which two cards are put down in turn."""
    blank, labelled = Type2Tag(b"\x04SIMUL1"), Type2Tag(b"\x04SIMUL2", uri_message("example.org/card"))
    acts = (
        Act("a card is put down", lambda: chip.place(blank), reads=True),
        Act("it is taken away", chip.remove),
        Act("another card is put down", lambda: chip.place(labelled), reads=True),
        Act("it is taken away", chip.remove),
    )
    return Simulated(options, acts, chip.stop, chip.start, settle_s=0.7)


class Desk:
    """The program's commands: a reader, and a box of cards by name."""

    def __init__(self, chip: CardPlace, box: CardBox) -> None:
        self._chip = chip
        self._box = box

    def commands(self) -> dict[str, control.Command]:
        return {
            "place": self.place,
            "beside": self.beside,
            "remove": self._chip.remove,
            "settle": self._chip.settle,
            "present": self.present,
            "fault": self.fault,
            "list": self._box.names,
        }

    def place(self, card: str, beside: str = "") -> None:
        """A card, or two at once."""
        self._chip.place(self._box.card(card), card, self._box.card(beside) if beside else None)

    def beside(self, card: str) -> None:
        self._chip.beside(self._box.card(card))

    def present(self, card: str, ms: int = 3000) -> dict[str, int]:
        return {"reads": self._chip.present(self._box.card(card), ms / 1000, card)}

    def fault(self, kind: str, on: bool = True, after: int = 0, ms: int = 0) -> None:
        """silent {on}, garbage {on}, pull {after: exchanges}, rf_delay {ms}, unplug, replug, none."""
        match kind:
            case "silent":
                self._chip.silent = on
            case "garbage":
                self._chip.garbage = on
            case "pull":
                self._chip.pull_after = after
            case "rf_delay":
                self._chip.rf_delay = ms / 1000
            case "unplug":
                self._chip.stop()
            case "replug":
                self._chip.stop()
                self._chip.start()
            case "none":
                self._chip.silent = self._chip.garbage = False
                self._chip.pull_after, self._chip.rf_delay = None, 0.0
            case _:
                raise ValueError("kinds: silent, garbage, pull, rf_delay, unplug, replug, none")


def main(prog: str, description: str | None, link: str, make: Make, argv: list[str] | None = None) -> int:
    """Run until stdin ends. `link` says what the reader keeps at that path. Exit code 2 when the file of cards is not
    one."""
    parser = argparse.ArgumentParser(prog=prog, description=description)
    parser.add_argument("--link", type=Path, required=True, help=link)
    parser.add_argument("--cards", type=Path, required=True, help="JSON file of cards by name")
    parser.add_argument("--counters", type=Path, help="file that keeps the SUN counters over restarts")
    given = parser.parse_args(argv)
    try:
        box = CardBox(given.cards, given.counters)
    except (OSError, ValueError) as error:
        print(f"{given.cards}: {error}", file=sys.stderr)
        return 2

    def tell(event: str, **fields: Any) -> None:
        box.keep_counters()
        control.emit(event, **fields)

    chip = make(given.link, tell)
    with plugged_in(chip):
        control.serve({"path": str(given.link)}, Desk(chip, box).commands())
    return 0
