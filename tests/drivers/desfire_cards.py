"""What tests of DESFire cards share: one city's application and keys, and recorded conversations."""

from __future__ import annotations

from pathlib import Path

from drivers.desfire.authenticate import Wanted
from drivers.desfire.keys import FileKeys
from drivers.simulators.desfire import Desfire, card_key

DATA = Path(__file__).parents[1] / "data" / "desfire"

APPLICATION, SYSTEM_ID, NUMBER = bytes.fromhex("3042F5"), b"JELGAVA", 1
MASTER, ONE_KEY = bytes(range(0x40, 0x50)), bytes(range(0x70, 0x80))
QUOTA, VALUE_FILE, NAMES_FILE = "rides-card", 3, 4
UID = bytes.fromhex("04A1B2C3D4E5F7")

DIVERSIFIED = Wanted(APPLICATION, NUMBER, True, SYSTEM_ID)
ONE_FOR_ALL = Wanted(APPLICATION, NUMBER, False, b"")


def keys(*versions: int, key: bytes = MASTER) -> FileKeys:
    from os import urandom

    return FileKeys(dict.fromkeys(versions or (0,), key), urandom)


def genuine(uid: bytes = UID, version: int = 0) -> Desfire:
    """A card of the city with a key of its own."""
    return Desfire(uid, APPLICATION, {NUMBER: card_key(MASTER, uid, APPLICATION, SYSTEM_ID)}, key_version=version)


def with_counter(value: int, uid: bytes = UID, names: bytes = bytes(32)) -> Desfire:
    """A card of the city that holds a counter of its holder's own."""
    key = card_key(MASTER, uid, APPLICATION, SYSTEM_ID)
    return Desfire(uid, APPLICATION, {NUMBER: key}, values={VALUE_FILE: value}, data={NAMES_FILE: names})


def with_the_one_key(uid: bytes = UID, random_uid: bool = False) -> Desfire:
    """A card of a city that has the same key in all its cards."""
    return Desfire(uid, APPLICATION, {NUMBER: ONE_KEY}, random_uid=random_uid)


class Conversation:
    """A recorded one: its facts by name, and the native commands with their answers (status first)."""

    def __init__(self, name: str) -> None:
        self.facts: dict[str, bytes] = {}
        said: list[tuple[str, bytes]] = []
        for line in (DATA / name).read_text("ascii").splitlines():
            match line.split():
                case []:
                    continue
                case ["#", *_]:
                    continue
                case [">" | "<" as who, *parts]:
                    said.append((who, bytes.fromhex("".join(parts))))
                case [fact, value]:
                    self.facts[fact] = bytes.fromhex(value)
        assert [who for who, _ in said] == [">", "<"] * (len(said) // 2), name
        self.pairs = list(zip((frame for _, frame in said[::2]), (frame for _, frame in said[1::2]), strict=True))


def wrapped(command: bytes) -> bytes:
    """A native command in an ISO/IEC 7816-4 frame."""
    data = command[1:]
    return b"\x90" + command[:1] + b"\0\0" + (bytes([len(data)]) + data if data else b"") + b"\0"


def options(
    folder: Path, key: bytes = MASTER, mode: int = 0o600, *, diversified: bool = True, counter: bool = False
) -> dict[str, object]:
    """A reader's options of such a city, with the key's file in this folder."""
    file = folder / "keys"
    file.write_text(key.hex())
    file.chmod(mode)
    told: dict[str, object] = {"application": APPLICATION.hex(), "key_file": str(file), "key_number": NUMBER}
    if counter:
        told["counter"] = {"quota": QUOTA, "value_file": VALUE_FILE, "names_file": NAMES_FILE}
    return told | ({"system_id": SYSTEM_ID.decode("ascii")} if diversified else {"diversified": False})
