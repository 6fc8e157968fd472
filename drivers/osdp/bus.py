"""The readers on one line, through libosdp as control panel. One thread: whoever calls `turn` moves the bus on.

libosdp (3.2.9) is used below its own wrapper class: that one has a thread of its own and queues without a bound. What
had to be known about it, each seen in its source or here:

- A reader that is gone is asked again after 300 s only. Disabled and enabled it is asked at once (`_revive`).
- A command without an answer is sent again for up to 9 s: a door would open long after anybody waited for it. Only
  dropping the whole context ends that: after a pulse without an answer the driver closes the bus.
- Its challenges come from C's `rand()`, which it never seeds: the same ones after each start, so that a recorded
  session could be played back to us. We seed it (`_seed`).
- An answer to a poll that it does not know made it drop the reader and its channel, and whatever card came meanwhile:
  it is told to pass such answers over.
- A callback that raises breaks its C code; an event's dict is never freed: it is emptied here, so that no card stays.
"""

from __future__ import annotations

import ctypes
import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from drivers.driver import DeviceError
from drivers.osdp.errors import Code, problem
from drivers.osdp.line import Line

REVIVE_FIRST_S, REVIVE_S = 0.3, 2.0
"""From the loss of a reader to the first attempt, and from one that fails to the next."""
HASTY_S = 3.0
"""An attempt that fails sooner failed because the reader said no: one that says nothing is asked nine times first."""
ASK_S = 1.0
"""Between two questions for a reader's status: its proof of life under its key, and its tamper switch."""
QUIET_S = 3.5
"""Without an answer for so long a reader is away: three questions, the library repeats one each second. By itself it
would notice after 8 s, and later where noise is on the line."""
EVENTS = 64
"""Events kept at most between two turns: a reader sends one at a time."""
LIGHT_ON = 2
"""LED control code: these colours for a time, then what it was before (OSDP, osdp_LED)."""
PULSE = 5
"""Output control code: on for a time, then what it was before (OSDP, osdp_OUT). The reader ends it."""
UNIT_MS = 100


class Said(StrEnum):
    """What a reader may say."""

    CARD = "card"
    KEYS = "keys"
    LOCAL = "local"
    INPUTS = "inputs"
    OUTPUTS = "outputs"


class Event(NamedTuple):
    """Something that reader number `reader` (from 0, as configured) said. `data` of a card is `bits` bits."""

    reader: int
    said: Said
    data: bytes
    bits: int
    mono_ns: int


class Bus:
    """Made by the constructor, which sends nothing; `turn` as often as `TICK_S` asks for. `random` gives bytes."""

    def __init__(
        self,
        line: Line,
        readers: Sequence[tuple[int, bytes]],
        no_status: set[int],
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """`readers`: address and key of each; `no_status`: numbers of those that refuse to tell their status, which
        grows here and outlives the bus. Raises `DeviceError` when the library is not there."""
        try:
            import osdp
            import osdp_sys
        except ImportError as error:
            raise DeviceError(problem(Code.NO_LIBRARY)) from error
        self._osdp: Any = osdp
        self._line = line
        _seed(random(4))
        osdp_sys.set_loglevel(osdp.LogLevel.Emergency)
        flags = [osdp.LibFlag.EnforceSecure, osdp.LibFlag.EnableNotification, osdp.LibFlag.IgnoreUnsolicited]
        self._panel: Any = osdp_sys.ControlPanel(
            [osdp.PDInfo(address, line, scbk=key, flags=flags).get() for address, key in readers]
        )
        self._panel.set_event_callback(self._event)
        self._panel.set_command_completion_callback(self._completed)
        self._numbers = range(len(readers))
        self._events: deque[Event] = deque(maxlen=EVENTS)
        self._done: deque[tuple[int, int, bool]] = deque(maxlen=EVENTS)
        self._tried_at = dict.fromkeys(self._numbers, time.monotonic())
        self._retry_at: dict[int, float] = {}
        self._refused: set[int] = set()
        self._reviving: set[int] = set()
        self._no_status = no_status
        self._no_light: set[int] = set()
        self._secure: frozenset[int] = frozenset()
        self._asked_at: dict[int, float] = {}
        self._answered_at: dict[int, float] = {}

    def close(self) -> None:
        """Let go of the library's context, and with it of every command that waits. It holds us as we hold it, and
        Python's collector does not see through it: the circle is cut here."""
        panel, self._panel = self._panel, None
        if panel is not None:
            panel.set_event_callback(_nobody)
            panel.set_command_completion_callback(_nobody)

    def turn(self) -> list[Event]:
        """Let the library work, and take what was said since. Raises `DeviceError` when the line has gone."""
        self._panel.refresh()
        self._line.check()
        now = time.monotonic()
        self._revive(now)
        secure = frozenset(number for number in self._numbers if self._panel.sc_status() >> number & 1)
        for number in secure - self._secure:
            self._asked_at.pop(number, None)
            self._answered_at[number] = now
        self._secure = secure
        for number in secure:
            self._ask_status(number, now)
        events = list(self._events)
        self._events.clear()
        return events

    @property
    def here(self) -> frozenset[int]:
        """Readers that answer under their key."""
        late = time.monotonic() - QUIET_S
        return frozenset(number for number in self._secure if self.answered_at(number) > late)

    def answered_at(self, number: int) -> float:
        """When a reader has answered last, in `time.monotonic()` seconds. Of one that refuses to tell its status it is
        only known that something was heard."""
        answered = self._answered_at.get(number, 0.0)
        return max(answered, self._line.heard_at) if number in self._no_status else answered

    def settled(self) -> bool:
        """Whether of each reader it is known that it is here, or that it is not."""
        return all(number in self._secure or number in self._retry_at for number in self._numbers)

    def why_away(self, number: int, opened_at: float) -> Code:
        """What is wrong with a reader that is not here."""
        if number in self._refused:
            level, _ = self._panel.check_capability(number, self._osdp.Capability.CommunicationSecurity)
            return Code.WRONG_KEY if level & 1 else Code.NOT_SECURE
        noisy = time.monotonic() - self._line.heard_at < QUIET_S / 2 and self._line.heard_at > opened_at
        return Code.GARBLED if noisy and not self.here else Code.SILENT

    def describe(self, number: int) -> str:
        """Maker (its OUI as IEEE lists it: the library has its octets the other way round), model and firmware."""
        told = self._panel.get_pd_id(number)
        maker, firmware = told["vendor_code"].to_bytes(3, "little").hex(), told["firmware_version"]
        parts = (firmware >> 16 & 255, firmware >> 8 & 255, firmware & 255)
        return f"maker {maker}, model {told['model']}.{told['version']}, firmware {'.'.join(map(str, parts))}"

    def outputs(self, number: int) -> int:
        """How many outputs the reader says that it has."""
        count: int = self._panel.check_capability(number, self._osdp.Capability.OutputControl)[1]
        return count

    def pulse(self, number: int, output: int, units: int, deadline: float) -> bool | None:
        """Close an output for `units` of `UNIT_MS`. True when the reader acknowledged, False when it refused, None when
        no answer came by `deadline`: it may have happened, and may yet happen while this bus is open."""
        command = self._osdp.Command.Output
        self._done.clear()
        asked = {"command": command, "output_no": output, "control_code": PULSE, "timer_count": units}
        if not self._panel.submit_command(number, asked):
            return False
        while time.monotonic() < deadline:
            self._panel.refresh()
            self._line.check()
            for whose, what, well in self._done:
                if (whose, what) == (number, command):
                    return well
            time.sleep(PUMP_S)
        return None

    def light(self, number: int, units: int) -> None:
        """Green for `units` of `UNIT_MS`, at a reader that says that it has a light and has not refused it. Nobody
        waits for it."""
        has = self._panel.check_capability(number, self._osdp.Capability.LEDControl)[1]
        if not has or number in self._no_light:
            return
        green, dark = self._osdp.CommandLEDColor.Green, self._osdp.CommandLEDColor.Black
        asked = {"command": self._osdp.Command.LED, "reader": 0, "led_number": 0, "temporary": True}
        colours = {"on_color": green, "off_color": dark, "on_count": 1, "off_count": 0}
        self._panel.submit_command(number, {**asked, **colours, "control_code": LIGHT_ON, "timer_count": units})

    def _revive(self, now: float) -> None:
        for number in list(self._reviving):
            if not self._panel.is_pd_enabled(number):
                self._panel.enable_pd(number)
                self._reviving.discard(number)
        for number, retry_at in list(self._retry_at.items()):
            if now >= retry_at and number not in self._reviving:
                self._retry_at[number] = now + REVIVE_S
                self._tried_at[number] = now
                self._reviving.add(number)
                self._panel.disable_pd(number)

    def _ask_status(self, number: int, now: float) -> None:
        """Tamper and power, one question at a time. A reader that has refused it once is not asked again: the library
        takes a refusal for a loss."""
        asked_at = self._asked_at.get(number, -ASK_S)
        if number in self._no_status or now - asked_at < ASK_S or asked_at > self._answered_at[number]:
            return
        kind = self._osdp.StatusReportType.Local
        if self._panel.submit_command(number, {"command": self._osdp.Command.Status, "type": kind}):
            self._asked_at[number] = now

    # Called by the library; must not raise ---------------------------------------------------------------

    def _event(self, number: int, event: dict[str, Any]) -> int:
        kinds = self._osdp.Event
        now_ns = time.monotonic_ns()
        kind = event.get("event")
        if kind == kinds.Notification:
            self._notified(number, event)
        elif kind == kinds.CardRead and event.get("format") != self._osdp.CardFormat.ASCII:
            self._events.append(Event(number, Said.CARD, bytes(event["data"]), int(event["length"]), now_ns))
        elif kind == kinds.KeyPress:
            self._events.append(Event(number, Said.KEYS, b"", 0, now_ns))
        elif kind == kinds.Status and (said := self._reports().get(event.get("type", -1))) is not None:
            self._events.append(Event(number, said, bytes(event["report"]), 0, now_ns))
        event.clear()
        return 0

    def _notified(self, number: int, event: dict[str, Any]) -> None:
        if event.get("type") != self._osdp.EventNotification.PeripheralDeviceStatus or number in self._reviving:
            return
        now = time.monotonic()
        if event.get("arg0"):
            self._retry_at.pop(number, None)
            self._refused.discard(number)
        elif number in self._secure:
            self._retry_at[number] = now + REVIVE_FIRST_S
        else:
            self._retry_at[number] = now + REVIVE_S
            if now - self._tried_at[number] < HASTY_S and any(self._panel.get_pd_id(number).values()):
                self._refused.add(number)

    def _completed(self, number: int, command: dict[str, Any], status: int) -> None:
        well = status == self._osdp.CompletionStatus.Ok
        if well:
            self._answered_at[number] = time.monotonic()
        elif status == self._osdp.CompletionStatus.Failed:
            self._failed(number, int(command.get("command", 0)))
        self._done.append((number, int(command.get("command", 0)), well))

    def _failed(self, number: int, command: int) -> None:
        """Refused, or nothing was said at all: one that is silent is asked nine times first."""
        if command == self._osdp.Command.LED:
            self._no_light.add(number)
        elif command == self._osdp.Command.Status and time.monotonic() - self._asked_at.get(number, 0.0) < HASTY_S:
            self._no_status.add(number)

    def _reports(self) -> dict[int, Said]:
        types = self._osdp.StatusReportType
        return {types.Local: Said.LOCAL, types.Input: Said.INPUTS, types.Output: Said.OUTPUTS}


def _nobody(*_said: object) -> int:
    """Hears what the library says at its end."""
    return 0


PUMP_S = 0.005
"""Between two turns while an answer is awaited."""


def _seed(random: bytes) -> None:
    """For C's `rand()`, of which the library makes its challenges."""
    libc = ctypes.CDLL(None)
    libc.srand.argtypes, libc.srand.restype = [ctypes.c_uint], None
    libc.srand(int.from_bytes(random, "big"))
