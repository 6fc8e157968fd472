"""Phones as keys: a phone changes its address every quarter of an hour, and who has its IRK knows it all the same.

Source: Bluetooth Core Specification 5.4, Vol 3 Part H, 2.2.2 (function ah) and Vol 6 Part B, 1.3.2.2 (resolvable
private addresses: the two most significant bits are 0b01, then 22 bits of prand, then the 24 bits ah(IRK, prand)).
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path

from drivers import secret_files
from drivers.ble.errors import Code, fault
from drivers.driver import DeviceError

MOST_KEYS = 1000
"""Phones of one place. Each new address is tried with all keys, 3 µs each."""
MOST_ADDRESSES = 4096
_LINE = re.compile(r"([a-z0-9][a-z0-9-]{0,31})\s*=\s*([0-9A-Fa-f]{32})")


def ah(irk: bytes) -> Callable[[bytes], bytes]:
    """The function `ah` of this IRK (16 bytes, most significant first): prand (3 bytes) to hash (3 bytes). Made once
    for each key: a cipher in ECB mode has no state between its blocks, and `ah` is one block of AES by definition."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    encrypt = Cipher(algorithms.AES(irk), modes.ECB()).encryptor().update  # noqa: S305 - see above
    return lambda prand: encrypt(bytes(13) + prand)[13:]


def octets(address: str) -> bytes | None:
    """The six bytes of an address as BlueZ writes it, most significant first."""
    try:
        found = bytes.fromhex(address.replace(":", ""))
    except ValueError:
        return None
    return found if len(found) == 6 else None


class Phones:
    """Resolves addresses. What an address turned out to be is kept, for the last `MOST_ADDRESSES` of them."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._hashes = {name: ah(irk) for name, irk in keys.items()}
        self._known: OrderedDict[str, str | None] = OrderedDict()

    def resolve(self, address: str) -> str | None:
        """The id `phone:NAME` behind a random address, None when it is nobody's that we know."""
        if address in self._known:
            self._known.move_to_end(address)
            return self._known[address]
        found = self._known[address] = self._find(address)
        if len(self._known) > MOST_ADDRESSES:
            self._known.popitem(last=False)
        return found

    def _find(self, address: str) -> str | None:
        six = octets(address)
        if six is None or six[0] >> 6 != 0b01:
            return None
        prand, hashed = six[:3], six[3:]
        return next((f"phone:{name}" for name, hash_of in self._hashes.items() if hash_of(prand) == hashed), None)


def read_keys(path: Path) -> dict[str, bytes]:
    """The IRKs of a file: a line each, `NAME = 32 hex digits`; empty lines and those that begin with # are left out.
    Raises `DeviceError`, which never holds what stands in the file."""
    try:
        text = secret_files.content(str(path), MOST_KEYS * 128)
    except secret_files.SecretFault as found:
        told = fault(Code.KEYS, path=path, why=found.why).problem
        raise DeviceError(secret_files.advised(told, found)) from found
    return parse_keys(text, path)


def parse_keys(text: bytes, path: Path) -> dict[str, bytes]:
    """The lines of a key file. Raises `DeviceError` with the number of the line that is not good."""
    keys: dict[str, bytes] = {}
    for number, raw in enumerate(text.decode("ascii", "replace").splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        found = _LINE.fullmatch(line)
        if found is None:
            raise fault(Code.KEYS, path=path, why=f"line {number} is not NAME = 32 hex digits")
        if found[1] in keys:
            raise fault(Code.KEYS, path=path, why=f"line {number} has a name that stands there already")
        keys[found[1]] = bytes.fromhex(found[2])
    if not 1 <= len(keys) <= MOST_KEYS:
        raise fault(Code.KEYS, path=path, why=f"it has {len(keys)} keys, not 1 to {MOST_KEYS}")
    return keys
