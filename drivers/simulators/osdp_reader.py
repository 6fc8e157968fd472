"""One OSDP reader: libosdp as peripheral device. For drivers/simulators/osdp.py, which has the bus."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class Bus(Protocol):
    """What a reader hangs on."""

    def say(self, data: bytes) -> None: ...
    def tell(self, event: str, **fields: Any) -> None: ...


class Ear:
    """What one reader hears, and how it speaks: everything on the bus, from the panel alone."""

    def __init__(self, say: Callable[[bytes], None]) -> None:
        self.id = 0
        self.heard = bytearray()
        self._say = say

    def read(self, most: int) -> bytes:
        data = bytes(self.heard[:most])
        del self.heard[:most]
        return data

    def write(self, data: bytes) -> int:
        self._say(bytes(data))
        return len(data)

    def flush(self) -> None:
        self.heard.clear()


class Reader:
    """One peripheral device. `outputs`: 0 for one without any; no `key`: as it leaves the factory, it takes the key
    that everybody knows."""

    def __init__(self, bus: Bus, address: int, key: bytes | None, *, outputs: int, inputs: int) -> None:
        import osdp
        import osdp_sys

        self._osdp: Any = osdp
        self._bus, self.address = bus, address
        self.ear = Ear(self._say)
        self.silent = self.tampered = self.no_power = False
        self.pulses: list[tuple[int, int]] = []
        """Output and time in ms of each pulse."""
        self.greens = 0
        """How often its light was turned green."""
        kinds = osdp.Capability
        caps = [(kinds.CardDataFormat, 1, 1), (kinds.CheckCharacter, 1, 0), (kinds.LEDControl, 1, 1)]
        caps += [(kinds.OutputControl, 1, outputs)] if outputs else []
        caps += [(kinds.ContactStatusMonitoring, 1, inputs)] if inputs else []
        flags = [osdp.LibFlag.EnforceSecure if key else osdp.LibFlag.InstallMode]
        name = osdp.PdId(2, 7, 0x00C0DE, 1234, 0x010203)
        told = osdp.PDInfo(address, self.ear, scbk=key, flags=flags, id=name)
        self.device: Any = osdp_sys.PeripheralDevice(told.get(), capabilities=osdp.PDCapabilities(caps).get())
        self.device.set_command_callback(self._commanded)
        self._later: list[dict[str, Any]] = []

    def step(self) -> None:
        self.device.refresh()
        while self._later:
            self.device.submit_event(self._later.pop(0))

    def submit(self, event: dict[str, Any]) -> None:
        self._later.append(event)

    def local(self) -> dict[str, Any]:
        """Its tamper and power status, as it tells them."""
        report = bytes([self.tampered, self.no_power])
        return {"event": self._osdp.Event.Status, "type": self._osdp.StatusReportType.Local, "report": report}

    def _commanded(self, command: dict[str, Any]) -> tuple[int, None]:
        kinds = self._osdp.Command
        if command["command"] == kinds.Output:
            ms = command["timer_count"] * 100
            self.pulses.append((command["output_no"], ms))
            self._bus.tell("pulse", address=self.address, output=command["output_no"], ms=ms)
        elif command["command"] == kinds.LED and command["on_color"] == self._osdp.CommandLEDColor.Green:
            self.greens += 1
            self._bus.tell("green", address=self.address)
        elif command["command"] == kinds.Status and (self.tampered or self.no_power):
            # The binding cannot put a report into the answer (it says all is well): said again right after it.
            self._later.append(self.local())
        return 0, None

    def _say(self, data: bytes) -> None:
        if not self.silent:
            self._bus.say(data)
