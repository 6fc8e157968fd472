"""bluetoothd's face on D-Bus: one adapter with discovery, advertisement monitors and advertising; devices as heard.

Written from BlueZ's doc/org.bluez.*.rst. As bluetoothd does: a device's first advertisement is InterfacesAdded, later
ones are PropertiesChanged; what it sent before stays and is merged with what it sends now; without the filter
DuplicateData an advertisement that is as the last one is not told; nothing is told while nobody scans; what a client
asked for ends when the client does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.errors import DBusError

from drivers.simulators.beacons import Advertised
from drivers.simulators.bluez_values import device, plain, told

OBJECTS, PROPERTIES = "org.freedesktop.DBus.ObjectManager", "org.freedesktop.DBus.Properties"
ADAPTER, DEVICE = "org.bluez.Adapter1", "org.bluez.Device1"
MONITORS, MONITOR = "org.bluez.AdvertisementMonitorManager1", "org.bluez.AdvertisementMonitor1"
ADVERTISING, ADVERTISEMENT = "org.bluez.LEAdvertisingManager1", "org.bluez.LEAdvertisement1"
INSTANCES = 4
PACE = 20
"""Signals sent without waiting: more of them overrun the socket's buffer."""


class Bluez:
    """A bluetoothd. `start` and `die` as often as you like: a new one knows nothing of what the old one was asked."""

    def __init__(self, address: str, *, monitors: bool = True, on_event: Callable[..., None]) -> None:
        self.path = "/org/bluez/hci0"
        self._address = address
        self._has_monitors = monitors
        self._tell = on_event
        self._bus: MessageBus | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.present, self.powered, self.frozen = True, True, False
        self.refuses_advertising = False
        self._forget()

    def _forget(self) -> None:
        self._scans: dict[str, bool] = {}
        """Clients that scan, and whether they want duplicates."""
        self._filters: dict[str, bool] = {}
        self._roots: set[tuple[str, str]] = set()
        self.monitors: dict[tuple[str, str], list[tuple[int, int, bytes]]] = {}
        self.advertisements: dict[tuple[str, str], dict[str, Any]] = {}
        self.devices: dict[str, dict[str, Any]] = {}
        self._sent = 0

    # Life ------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        self._bus = await MessageBus(bus_address=self._address).connect()
        self._bus.add_message_handler(self._take)
        bus = "org.freedesktop.DBus"
        for rule in (
            f"type='signal',sender='{bus}',member='NameOwnerChanged'",
            "type='signal',member='InterfacesAdded'",
        ):
            await self._call(bus, "/org/freedesktop/DBus", bus, "AddMatch", "s", [rule])
        await self._bus.request_name("org.bluez")

    async def die(self) -> None:
        """It says goodbye to nobody."""
        if self._bus is not None:
            self._bus.disconnect()
            self._bus = None
        self._forget()

    async def power(self, on: bool) -> None:
        self.powered = on
        if not on:
            was, self._scans = bool(self._scans), {}
            await self._release()
            if was:
                await self._changed(self.path, ADAPTER, {"Discovering": Variant("b", False)})
        await self._changed(self.path, ADAPTER, {"Powered": Variant("b", on)})

    async def plug(self, there: bool, name: str) -> None:
        """The adapter comes, under this name, or goes."""
        self.present = there
        if there:
            self.path = f"/org/bluez/{name}"
            await self._signal("/", OBJECTS, "InterfacesAdded", "oa{sa{sv}}", [self.path, self._adapter()])
        else:
            self._forget()
            await self._signal("/", OBJECTS, "InterfacesRemoved", "oas", [self.path, [ADAPTER]])

    async def drop_scans(self) -> None:
        """It stops scanning on its own account, and tells nobody but by its property."""
        self._scans = {}
        await self._changed(self.path, ADAPTER, {"Discovering": Variant("b", False)})

    @property
    def scanning(self) -> bool:
        return bool(self._scans)

    # What is on the air ----------------------------------------------------------------------------------

    async def hear(self, address: str, rssi: int, sent: Advertised, *, random: bool = True) -> bool:
        """An advertisement arrives. Whether it was told to anybody."""
        if self._bus is None or not self.powered or not (self._scans or self._monitored(sent)):
            return False
        path = f"{self.path}/dev_{address.replace(':', '_')}"
        now = told(rssi, sent)
        known = self.devices.get(path)
        if known is None:
            known = self.devices[path] = device(self.path, address, random) | now
            await self._signal("/", OBJECTS, "InterfacesAdded", "oa{sa{sv}}", [path, {DEVICE: known}])
            return True
        duplicates = any(self._scans.values()) or bool(self.monitors)
        changed = {name: value for name, value in now.items() if duplicates or known.get(name) != value}
        known |= now
        if changed:
            await self._changed(path, DEVICE, changed)
        return bool(changed)

    def _monitored(self, sent: Advertised) -> bool:
        structures = [(0xFF, company.to_bytes(2, "little") + data) for company, data in sent.manufacturer.items()]
        structures += [(0x16, bytes.fromhex(uuid[4:8])[::-1] + data) for uuid, data in sent.service.items()]
        return any(
            kind == wanted and data[start : start + len(content)] == content
            for patterns in self.monitors.values()
            for start, wanted, content in patterns
            for kind, data in structures
        )

    # D-Bus -----------------------------------------------------------------------------------------------

    def _take(self, message: Message) -> Message | bool | None:
        if message.message_type is MessageType.SIGNAL and message.member == "NameOwnerChanged":
            name, _, new = message.body
            if not new:
                self._client_gone(name)
            return None
        if message.message_type is MessageType.SIGNAL and message.member == "InterfacesAdded":
            self._exported(message.sender or "", *message.body)
            return None
        if message.message_type is not MessageType.METHOD_CALL:
            return None
        if self.frozen:
            return True
        if message.path == "/" and message.member == "GetManagedObjects":
            return Message.new_method_return(message, "a{oa{sa{sv}}}", [self._objects()])
        if message.path != self.path or not self.present:
            return Message.new_error(message, "org.freedesktop.DBus.Error.UnknownObject", "no such object")
        return self._adapter_call(message)

    def _adapter_call(self, message: Message) -> Message | bool:
        client = message.sender or ""
        match message.member:
            case "GetAll":
                properties = self._adapter().get(message.body[0], {})
                return Message.new_method_return(message, "a{sv}", [properties])
            case "SetDiscoveryFilter":
                duplicates = message.body[0].get("DuplicateData", Variant("b", True)).value
                self._filters[client] = duplicates
            case "StartDiscovery" if not self.powered:
                return Message.new_error(message, "org.bluez.Error.NotReady", "Resource Not Ready")
            case "StartDiscovery":
                self._scans[client] = self._filters.get(client, True)
                self._tell("scan", on=True)
                self._later(self._changed(self.path, ADAPTER, {"Discovering": Variant("b", True)}))
            case "StopDiscovery" if client not in self._scans:
                return Message.new_error(message, "org.bluez.Error.Failed", "No discovery started")
            case "StopDiscovery":
                del self._scans[client]
                self._tell("scan", on=False)
                self._later(self._changed(self.path, ADAPTER, {"Discovering": Variant("b", bool(self._scans))}))
            case "RegisterMonitor" if self._has_monitors:
                self._roots.add((client, message.body[0]))
            case "UnregisterMonitor" if self._has_monitors:
                self.monitors = {key: kept for key, kept in self.monitors.items() if key[0] != client}
            case "RegisterAdvertisement":
                self._later(self._advertise(message, client, message.body[0]))
                return True
            case "UnregisterAdvertisement":
                self.advertisements.pop((client, message.body[0]), None)
            case _:
                return Message.new_error(message, "org.freedesktop.DBus.Error.UnknownMethod", str(message.member))
        return Message.new_method_return(message)

    def _exported(self, client: str, path: str, interfaces: dict[str, Any]) -> None:
        """A client that had registered for it shows a monitor: it is active from now on."""
        if MONITOR not in interfaces or not any(path.startswith(root) for who, root in self._roots if who == client):
            return
        patterns = interfaces[MONITOR]["Patterns"].value
        self.monitors[client, path] = [(start, kind, bytes(content)) for start, kind, content in patterns]
        self._later(self._activate(client, path))

    async def _activate(self, client: str, path: str) -> None:
        await self._call(client, path, MONITOR, "Activate")
        self._tell("monitor", patterns=len(self.monitors[client, path]))

    async def _advertise(self, message: Message, client: str, path: str) -> None:
        """Read the object, then answer whoever registered it."""
        if self.refuses_advertising or len(self.advertisements) >= INSTANCES:
            reply = Message.new_error(message, "org.bluez.Error.NotPermitted", "Maximum advertisements reached")
        else:
            (properties,) = await self._call(client, path, PROPERTIES, "GetAll", "s", [ADVERTISEMENT])
            self.advertisements[client, path] = {name: plain(value) for name, value in properties.items()}
            reply = Message.new_method_return(message)
        if self._bus is not None:
            await self._bus.send(reply)

    async def _release(self) -> None:
        for client, path in list(self.advertisements):
            await self._call(client, path, ADVERTISEMENT, "Release")
        self.advertisements = {}

    def _client_gone(self, name: str) -> None:
        for kept in (self._scans, self._filters):
            kept.pop(name, None)
        self.monitors = {key: kept for key, kept in self.monitors.items() if key[0] != name}
        self.advertisements = {key: kept for key, kept in self.advertisements.items() if key[0] != name}
        self._tell("client_gone")

    def _objects(self) -> dict[str, Any]:
        if not self.present:
            return {"/org/bluez": {"org.bluez.AgentManager1": {}}}
        devices = {path: {DEVICE: properties} for path, properties in self.devices.items()}
        return {"/org/bluez": {"org.bluez.AgentManager1": {}}, self.path: self._adapter(), **devices}

    def _adapter(self) -> dict[str, dict[str, Variant]]:
        interfaces = {
            ADAPTER: {
                "Address": Variant("s", "00:1A:7D:DA:71:13"),
                "AddressType": Variant("s", "public"),
                "Name": Variant("s", "place"),
                "Alias": Variant("s", "place"),
                "Powered": Variant("b", self.powered),
                "Discovering": Variant("b", bool(self._scans)),
                "Roles": Variant("as", ["central", "peripheral"]),
            },
            ADVERTISING: {
                "ActiveInstances": Variant("y", len(self.advertisements)),
                "SupportedInstances": Variant("y", INSTANCES),
            },
        }
        if self._has_monitors:
            interfaces[MONITORS] = {"SupportedMonitorTypes": Variant("as", ["or_patterns"])}
        return interfaces

    async def _changed(self, path: str, interface: str, properties: dict[str, Variant]) -> None:
        await self._signal(path, PROPERTIES, "PropertiesChanged", "sa{sv}as", [interface, properties, []])

    async def _signal(self, path: str, interface: str, member: str, signature: str, body: list[Any]) -> None:
        if self._bus is None:
            return
        await self._bus.send(Message.new_signal(path, interface, member, signature, body))
        self._sent += 1
        if self._sent % PACE == 0:
            bus = "org.freedesktop.DBus"
            await self._call(bus, "/org/freedesktop/DBus", "org.freedesktop.DBus.Peer", "Ping")

    async def _call(
        self, to: str, path: str, interface: str, member: str, signature: str = "", body: Any = ()
    ) -> list[Any]:
        if self._bus is None:
            raise OSError("bluetoothd is not there")
        call = Message(
            destination=to, path=path, interface=interface, member=member, signature=signature, body=list(body)
        )
        reply = await self._bus.call(call)
        if reply is None or reply.message_type is MessageType.ERROR:
            raise DBusError("org.bluez.Error.Failed", f"{member} was not answered", reply)
        return list(reply.body)

    def _later(self, part: Any) -> None:
        task = asyncio.get_running_loop().create_task(part)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
