"""What a driver says, for a person: states, readings, calls. A clear card id goes in and never comes out."""

from __future__ import annotations

from typing import Any

import msgspec

from drivers.contract.codec import BadMessage, decode_body
from drivers.contract.core import Alive, Hello, Reading, Reply, State, Step, ToGateway
from drivers.contract.desfire import APPLICATION_BYTES, DesfireFailed, DesfireProof, Proof
from drivers.contract.reader import AccessCard, Beacon, Card, Code, ReaderReading, Recognised, Several
from drivers.contract.relay import InputEdge, InputStates

_readings: msgspec.json.Decoder[Any] = msgspec.json.Decoder(ReaderReading | InputEdge | InputStates)

RANDOM_FIRST_BYTE = 0x08
"""Of a 4-byte UID that a phone draws anew for each tap (ISO/IEC 14443-3, 6.5.4)."""


class Teller:
    """Turns messages into fields. Credentials are numbered as they come, and remembered in memory only, so that a
    person sees whether it was the same one again."""

    def __init__(self) -> None:
        self._numbers: dict[bytes, int] = {}

    def fields(self, message: ToGateway) -> dict[str, Any]:
        """A message as the fields of its JSON line. Bodies that are not known are told by their size alone."""
        match message:
            case Hello():
                return {
                    "message": "hello", "driver": message.driver, "version": message.version,
                    "kind": message.kind.value, "contract": message.contract,
                }  # fmt: skip
            case State():
                told: dict[str, Any] = {"message": "state", "state": message.state.value}
                if message.problem is not None:
                    told["problem"] = msgspec.to_builtins(message.problem)
                return told | ({"detail": message.detail} if message.detail else {})
            case Alive():
                return {"message": "alive"}
            case Reading():
                return {"message": "reading", "mono_ns": message.mono_ns, **self._reading(message.body)}
            case Step():
                return {"message": "step", "id": message.id, "call": message.call}
            case Reply():
                problem = msgspec.to_builtins(message.problem) if message.problem is not None else None
                return {"message": "reply", "id": message.id, "problem": problem}

    def _reading(self, body: msgspec.Raw) -> dict[str, Any]:
        try:
            reading = decode_body(body, _readings)
        except BadMessage:
            return {"reading": "unknown", "bytes": len(bytes(body))}
        match reading:
            case Card():
                random = len(reading.uid) == 4 and reading.uid[0] == RANDOM_FIRST_BYTE
                return {
                    "reading": "card", "number": self._number(b"card\0" + reading.uid), "uid_bytes": len(reading.uid),
                    "random_uid": random, "ndef_bytes": len(reading.ndef), **_proof(reading.proof),
                }  # fmt: skip
            case Code():
                number = self._number(b"code\0" + reading.data)
                return {
                    "reading": "code", "number": number, "symbology": reading.symbology, "bytes": len(reading.data),
                }  # fmt: skip
            case Recognised():
                return {"reading": "recognised", "kind": reading.kind.value}
            case Several():
                return {"reading": "several"}
            case Beacon():
                number = self._number(b"beacon\0" + reading.id.encode())
                return {
                    "reading": "beacon", "number": number, "family": reading.id.split(":")[0][:16],
                    "event": reading.event.value, "rssi_dbm": reading.rssi_dbm,
                }  # fmt: skip
            case AccessCard():
                number = self._number(b"access_card\0" + bytes([reading.bits % 256]) + reading.number)
                return {"reading": "access_card", "number": number, "bits": reading.bits}
            case InputEdge():
                return {"reading": "input", "channel": reading.channel, "on": reading.on}
            case InputStates():
                return {"reading": "inputs", "on": list(reading.on)}
            case _:
                return {"reading": "unknown", "bytes": len(bytes(body))}

    def _number(self, credential: bytes) -> int:
        return self._numbers.setdefault(credential, len(self._numbers) + 1)


_PROOFS = {
    "": "",
    "desfire": ", genuine: application {application}, key version {key_version}",
    "desfire_failed": ", NOT genuine: application {application}, its key could not be proved",
}


def _proof(proof: Proof | None) -> dict[str, Any]:
    match proof:
        case DesfireProof(application=application, key_version=version, counter=counter):
            held = {"quota": counter.quota, "units": counter.value} if counter is not None else {}
            return {"proof": "desfire", "application": _application(application), "key_version": version, **held}
        case DesfireFailed(application=application):
            return {"proof": "desfire_failed", "application": _application(application)}
        case None:
            return {}


def _held(told: dict[str, Any]) -> str:
    """What a counter on the card says."""
    return f", {told['units']} of {told['quota']}" if "quota" in told else ""


def _application(said: bytes) -> str:
    """Of another length it is no application, and might be an id."""
    return said.hex().upper() if len(said) == APPLICATION_BYTES else "?"


def sentence(told: dict[str, Any]) -> str:
    """The fields of a message as one line for a person."""
    match told["message"]:
        case "hello":
            return f"driver {told['driver']} {told['version']}, a {told['kind']}, contract {told['contract']}"
        case "state":
            parts = [str(told["state"]).upper()]
            parts += [f"{key} {value}" for key, value in told.get("detail", {}).items()]
            if problem := told.get("problem"):
                parts += [f"{problem['code']}: {problem['cause']}", problem["advice"]]
            return ". ".join(parts) if told.get("problem") else ", ".join(parts)
        case "alive":
            return "the device has answered"
        case "reading":
            return _reading_sentence(told)
        case "played":
            return str(told["what"])
        case "step":
            return f"waits at durable point {told['id']} of call {told['call']}"
        case _:
            problem = told.get("problem")
            return f"reply {told['id']}: {problem['cause'] if problem else 'done'}"


def _reading_sentence(told: dict[str, Any]) -> str:
    match told["reading"]:
        case "card":
            nature = "random UID (a phone)" if told["random_uid"] else f"UID of {told['uid_bytes']} bytes"
            ndef = f"NDEF of {told['ndef_bytes']} bytes" if told["ndef_bytes"] else "no NDEF"
            return (
                f"card #{told['number']}, {nature}, {ndef}{_PROOFS[told.get('proof', '')].format(**told)}{_held(told)}"
            )
        case "code":
            return f"code #{told['number']}, {told['symbology']}, {told['bytes']} bytes"
        case "recognised":
            return f"{'a bank card' if told['kind'] == 'bank' else 'an identity card or passport'}, which is not read"
        case "several":
            return "several cards together, none of them was read"
        case "beacon":
            return f"beacon #{told['number']}, {told['family']}, {told['event']}, {told['rssi_dbm']} dBm"
        case "access_card":
            return f"card #{told['number']}, a number of {told['bits']} bits"
        case "input":
            return f"input {told['channel']} {'on' if told['on'] else 'off'}"
        case "inputs":
            active = ", ".join(str(channel) for channel, on in enumerate(told["on"]) if on) or "none"
            return f"inputs that are on: {active}"
        case _:
            return f"a reading of {told['bytes']} bytes that this program does not know"
