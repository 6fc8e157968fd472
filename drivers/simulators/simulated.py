"""A driver's whole other end, ready to be played with: what `smartplace driver run NAME --simulate`, the bench and the
tests of all drivers have in common.

Each driver's simulator (the module that its `quality.toml` names) has one function for it:

    @contextmanager
    def simulate(folder: Path) -> Iterator[Simulated]:

It starts the simulated device within the empty `folder`, yields how a driver reaches it and what a person does there,
and takes everything away again.
"""

from __future__ import annotations

import importlib
import tomllib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

DRIVERS = Path(__file__).parents[1]


class Act(NamedTuple):
    """Something that is done at the simulated device. `words` say it to a person, without a card id; `stay_s`: how
    long it stays so when it is played; `reads`: the driver is to report a reading of it, and exactly one."""

    words: str
    do: Callable[[], object]
    stay_s: float = 2.0
    reads: bool = False


class Simulated(NamedTuple):
    """`options` and `env` (variables of the environment) lead a driver to the device. `acts` are played in turn, again
    and again, from when the driver is ready; a bench plays them no faster than one in `settle_s`. `unplug` takes the
    device away from its driver, `plug` brings it back: both for whoever tries how it heals."""

    options: Mapping[str, Any]
    acts: tuple[Act, ...]
    unplug: Callable[[], object]
    plug: Callable[[], object]
    env: Mapping[str, str] = {}
    settle_s: float = 0.5


class CannotSimulate(Exception):
    """This machine cannot do it: what is missing and what a person can do."""

    def __init__(self, cause: str, advice: str) -> None:
        super().__init__(f"{cause}. {advice}")
        self.cause, self.advice = cause, advice


Simulate = Callable[[Path], AbstractContextManager[Simulated]]


def simulation(driver: str) -> Simulate:
    """How the other end of this driver is simulated. Raises `CannotSimulate`."""
    file = DRIVERS / driver / "quality.toml"
    try:
        module = importlib.import_module(tomllib.loads(file.read_text(encoding="utf-8"))["bronze"]["simulator"])
    except (OSError, KeyError) as error:
        raise CannotSimulate(f"driver {driver} names no simulator", f"Name it in {file}, [bronze] simulator") from error
    except ImportError as error:
        raise missing(error) from error
    found: Simulate | None = getattr(module, "simulate", None)
    if found is None:
        advice = f"Write `simulate` there, as drivers/simulators/simulated.py describes it: {module.__name__}"
        raise CannotSimulate(f"the simulator of driver {driver} cannot be played", advice)
    return found


def missing(error: ImportError) -> CannotSimulate:
    """A package that a simulator needs is not there."""
    advice = "Install the simulators' packages: pip install 'smartplace-gateway[demo]'"
    return CannotSimulate(f"the Python package {error.name} is not installed", advice)
