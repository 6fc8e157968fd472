"""Whatever happens to the printer, and whenever: what the driver says of a slip is true, and none is sent twice.

The driver itself on a real pty, with a printer at its other end that has one thing after the other happen to it.
"""

from __future__ import annotations

import tempfile
import time
from functools import partial
from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.contract.core import Problem
from drivers.contract.slip import Slip, SlipPrinted, SlipText
from drivers.driver import CallRefused, Detail, DeviceError
from drivers.simulators.escpos import EscPosPrinter
from drivers.slip.driver import SlipDriver
from drivers.slip.options import Options

LINES = 6
HAPPENINGS = st.one_of(
    st.just(("nothing", 0)),
    st.sampled_from(("paper_end", "cover", "cutter", "hot", "silent")).map(lambda what: (what, 0)),
    st.tuples(st.sampled_from(("lines_left", "hush_after")), st.integers(1, LINES + 8)),
)
"""Also after the cut, which feeds the paper too."""


class Nobody:
    """The runner's place: nothing that the driver says meanwhile matters here."""

    def reading(self, body: msgspec.Struct, mono_ns: int) -> None: ...
    def alive(self) -> None: ...
    def concern(self, problem: Problem | None, detail: Detail | None = None) -> None: ...
    def step(self, body: msgspec.Struct) -> None: ...


def happens(printer: EscPosPrinter, what: str, when: int) -> None:
    if when:
        setattr(printer, what, when)
    elif what != "nothing":
        printer.set(what)


def is_well_again(printer: EscPosPrinter) -> None:
    printer.lines_left = printer.hush_after = None
    for what in ("paper_end", "cover", "cutter", "hot", "silent"):
        printer.set(what, on=False)


def asked_for(driver: SlipDriver, slip: Slip) -> msgspec.Struct | DeviceError | CallRefused:
    """What the driver says of it, whichever way."""
    try:
        return driver.handle(slip, time.monotonic() + 5)
    except (DeviceError, CallRefused) as error:
        return error


def has_begun(printer: EscPosPrinter, before: int) -> bool:
    return printer.taken.count(b"\x1b@") > before


def is_begun(said: msgspec.Struct | DeviceError | CallRefused) -> bool:
    """Whether it says that something of the slip was sent."""
    return isinstance(said, SlipPrinted) or (isinstance(said, DeviceError) and said.problem.code == "broken_off")


@settings(max_examples=25, deadline=None)
@given(st.lists(HAPPENINGS, min_size=1, max_size=4), st.booleans())
def test_what_is_said_of_a_slip_is_true_and_none_is_sent_twice(
    happenings: list[tuple[str, int]], knows_gs_r: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        printer = EscPosPrinter(Path(folder) / "printer", knows_gs_r=knows_gs_r)
        printer.plug()
        driver = SlipDriver(Nobody())
        options = Options(port=str(Path(folder) / "printer"), flow="none", answer_ms=150, confirm_ms=150)
        try:
            driver.open(options)
            for number, (what, when) in enumerate(happenings):
                happens(printer, what, when)
                key, begun = f"slip-{number}", printer.taken.count(b"\x1b@")
                whole = "\n".join([key] * LINES)
                said = asked_for(driver, Slip(key, (SlipText(whole),)))
                if is_begun(said):  # It may have the bytes before it has looked at them.
                    assert printer.wait(partial(has_begun, printer, begun))
                sent = printer.taken.count(b"\x1b@") - begun
                copies = sum(slip.text == whole for slip in printer.paper.slips)
                match said:
                    case SlipPrinted(sure=True):
                        assert (sent, copies) == (1, 1), "confirmed, and not on the paper"
                    case SlipPrinted():
                        assert sent == 1
                        assert not knows_gs_r
                    case _ if is_begun(said):
                        assert sent == 1
                    case _:
                        assert (sent, copies) == (0, 0), "refused, and yet something was sent"
                is_well_again(printer)
                if isinstance(said, DeviceError):
                    driver.close()
                    driver.open(options)
            # What a printer held goes on when it can: the slip that was broken off may come yet, and once.
            assert printer.wait(lambda: printer.paper.held == 0)
            for number in range(len(happenings)):
                assert printer.taken.count(f"slip-{number}\n".encode()) in (0, LINES)
            assert printer.paper.drawer_openings == 0
        finally:
            driver.close()
            printer.unplug()
