"""The place as a beacon: an object on the bus that BlueZ reads and sends on the air.

Source: BlueZ, doc/org.bluez.LEAdvertisingManager.rst and doc/org.bluez.LEAdvertisement.rst. BlueZ forgets it when our
connection to the bus ends, however it ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drivers.ble.own_frame import Payload

if TYPE_CHECKING:
    from dbus_fast import Message, Variant

PATH = "/smartplace/advertisement"
INTERFACE = "org.bluez.LEAdvertisement1"
MANAGER = "org.bluez.LEAdvertisingManager1"
_PROPERTIES = "org.freedesktop.DBus.Properties"


class Advertisement:
    """Answers for the object at `PATH`; `released` once BlueZ has let go of it."""

    def __init__(self, payload: Payload) -> None:
        self._payload = payload
        self.released = False

    def answer(self, message: Message) -> Message | None:
        """The reply to a call that is for this object; None for any other message."""
        from dbus_fast import Message, MessageType

        if message.message_type is not MessageType.METHOD_CALL or message.path != PATH:
            return None
        match (message.interface, message.member, message.body):
            case (_, "GetAll", [str(asked)]) if message.interface == _PROPERTIES and asked == INTERFACE:
                return Message.new_method_return(message, "a{sv}", [self._properties()])
            case (_, "Get", [str(asked), str(name)]) if message.interface == _PROPERTIES and asked == INTERFACE:
                if (value := self._properties().get(name)) is not None:
                    return Message.new_method_return(message, "v", [value])
                return Message.new_error(message, "org.freedesktop.DBus.Error.UnknownProperty", name)
            case (_, "Release", _) if message.interface == INTERFACE:
                self.released = True
                return Message.new_method_return(message)
            case _:
                return None

    def _properties(self) -> dict[str, Variant]:
        from dbus_fast import Variant

        properties: dict[str, Any] = {"Type": Variant("s", "broadcast")}  # nobody can connect to it
        if manufacturer := self._payload.manufacturer:
            data = {company: Variant("ay", content) for company, content in manufacturer.items()}
            properties["ManufacturerData"] = Variant("a{qv}", data)
        if service := self._payload.service:
            properties["ServiceUUIDs"] = Variant("as", list(service))
            properties["ServiceData"] = Variant(
                "a{sv}", {uuid: Variant("ay", content) for uuid, content in service.items()}
            )
        return properties
