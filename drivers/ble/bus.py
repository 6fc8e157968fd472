"""Our own line to BlueZ beside bleak's: which adapters there are, whether ours is well, the place's own beacon.

bleak does not tell when bluetoothd dies or an adapter is switched off: its callback only falls silent. Here that is
asked for, and heard at once by the bus's own signals.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from drivers.ble.errors import Code, fault, of_bluez

if TYPE_CHECKING:
    from dbus_fast import Message
    from dbus_fast.aio import MessageBus

ANSWER_S = 3.0
"""bluetoothd answers within milliseconds; a busy Pi with a full SD card was seen to take a second."""
CLOSE_S = 0.2
ADDRESS = "DBUS_SYSTEM_BUS_ADDRESS"
"""Where libraries look for the system bus (D-Bus Specification, Well-known Message Bus Instances); without it
/var/run/dbus/system_bus_socket."""
ADAPTER = "org.bluez.Adapter1"
_DBUS = "org.freedesktop.DBus"
_RULES = (
    "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='org.bluez'",
    "type='signal',sender='org.bluez',interface='org.freedesktop.DBus.Properties',member='PropertiesChanged',"
    "arg0='org.bluez.Adapter1'",
    "type='signal',sender='org.bluez',interface='org.freedesktop.DBus.ObjectManager',member='InterfacesRemoved',"
    "arg0path='{path}'",
)


class Adapter(msgspec.Struct, frozen=True):
    """One adapter: its object's path, its address, what else is there of it."""

    path: str
    address: str
    powered: bool
    interfaces: frozenset[str]

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]


class Bus:
    """A connection to the system bus. `on_news`: something has changed about the adapter or bluetoothd."""

    def __init__(self, address: str, on_news: Callable[[], None]) -> None:
        self._address = address
        self._on_news = on_news
        self._bus: MessageBus | None = None
        self.answer: Callable[[Message], Message | None] = lambda _: None
        """Answers calls to objects of ours."""

    async def connect(self) -> None:
        """Raises `DeviceError`."""
        from dbus_fast import BusType
        from dbus_fast.aio import MessageBus
        from dbus_fast.errors import AuthError, InvalidAddressError

        if self._address:
            os.environ[ADDRESS] = self._address  # bleak looks there
        where = os.environ.get(ADDRESS, "its usual place")
        bus = None
        try:
            bus = self._bus = MessageBus(bus_type=BusType.SYSTEM)
            await asyncio.wait_for(bus.connect(), ANSWER_S)
        except AuthError as error:
            raise fault(Code.DENIED) from error
        except (OSError, EOFError, InvalidAddressError, TimeoutError) as error:
            raise fault(Code.NO_BUS, bus=where) from error
        bus.add_message_handler(self._take)

    async def watch(self, path: str) -> None:
        """From now on `on_news` tells of this adapter. Raises `DeviceError`."""
        for rule in _RULES:
            await self.ask(_DBUS, "/org/freedesktop/DBus", _DBUS, "AddMatch", "s", [rule.format(path=path)])

    async def adapters(self) -> list[Adapter]:
        """Those that BlueZ knows. Raises `DeviceError`."""
        body = await self.ask("org.bluez", "/", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")
        found = []
        for path, interfaces in sorted(body[0].items()):
            if (told := interfaces.get(ADAPTER)) is not None:
                found.append(Adapter(path, _value(told, "Address"), _value(told, "Powered"), frozenset(interfaces)))
        return found

    async def look(self, adapter: Adapter) -> tuple[bool, bool]:
        """Whether it is powered, whether it is discovering. Raises `DeviceError`."""
        arguments = [ADAPTER]
        body = await self.ask("org.bluez", adapter.path, "org.freedesktop.DBus.Properties", "GetAll", "s", arguments)
        return _value(body[0], "Powered"), _value(body[0], "Discovering")

    async def ask(
        self, destination: str, path: str, interface: str, member: str, signature: str = "", body: Any = ()
    ) -> list[Any]:
        """One call and its answer. Raises `DeviceError`."""
        from dbus_fast import Message, MessageType

        if self._bus is None or not self._bus.connected:
            raise fault(Code.NO_BUS, bus=os.environ.get(ADDRESS, "its usual place"))
        call = Message(
            destination=destination, path=path, interface=interface, member=member, signature=signature, body=list(body)
        )
        try:
            reply = await asyncio.wait_for(self._bus.call(call), ANSWER_S)
        except TimeoutError as error:
            raise fault(Code.HUNG) from error
        except (OSError, EOFError) as error:
            raise fault(Code.NO_BUS, bus=os.environ.get(ADDRESS, "its usual place")) from error
        if reply is None:
            raise fault(Code.HUNG)
        if reply.message_type is MessageType.ERROR:
            raise of_bluez(reply.error_name or "an error without a name", path.rsplit("/", 1)[-1])
        return list(reply.body)

    async def disconnect(self) -> None:
        """Returns when the line is closed: the library closes it a moment later, in this very loop."""
        bus, self._bus = self._bus, None
        if bus is not None and bus.connected:
            bus.disconnect()
            ended = asyncio.ensure_future(bus.wait_for_disconnect())  # type: ignore[no-untyped-call]
            closed, _ = await asyncio.wait({ended}, timeout=CLOSE_S)
            for one in closed:
                one.exception()  # why it ended does not matter any more

    def _take(self, message: Message) -> Message | None:
        if message.member in ("NameOwnerChanged", "PropertiesChanged", "InterfacesRemoved"):
            self._on_news()
            return None
        return self.answer(message)


def _value(properties: dict[str, Any], name: str) -> Any:
    """A property that BlueZ always has. Raises `DeviceError` when it has not."""
    if name not in properties:
        raise fault(Code.FAILED, why=f"an adapter without {name}")
    return properties[name].value
