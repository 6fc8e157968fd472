"""The collector of cyclic garbage. It stands still while a document is read: its values cannot form cycles, and to look
at ten thousand rules again and again takes up to a tenth of the time. And what stays is taken out of its sight: one
look at the whole gateway with such rules takes 20 ms, on a box ten times that, while somebody waits at a till."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def at_rest() -> Iterator[None]:
    """Within the block nothing is collected, in any thread; afterwards as before. Two such blocks at a time may wake it
    early, which costs time and nothing else."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def keep() -> None:
    """What is there now is not looked at again. It goes as ever when nothing refers to it; a cycle of now is kept for
    good, so call this when something large has come that will stay (modules, rules), and not often."""
    gc.freeze()
