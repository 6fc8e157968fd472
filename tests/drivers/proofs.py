"""What a genuine card's message proves, verified as the city would, from the standard alone."""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

from drivers.simulators.card_crypto import diversify

UID = bytes.fromhex("04DE5F1EACC040")
META_KEY, MASTER_KEY = bytes(range(16)), bytes(range(16, 32))


def proved_counter(ndef: bytes) -> int:
    """The counter in a SUN message of the card with `UID` and these keys (AN12196, 3.4)."""
    query = ndef[5:].decode().split("?", 1)[1]
    fields = dict(part.split("=") for part in query.split("&"))
    decryptor = Cipher(algorithms.AES(META_KEY), modes.CBC(bytes(16))).decryptor()
    picc = decryptor.update(bytes.fromhex(fields["e"])) + decryptor.finalize()
    assert picc[:8] == b"\xc7" + UID
    session = _cmac(diversify(MASTER_KEY, UID), bytes.fromhex("3CC300010080") + picc[1:11])
    assert _cmac(session, b"")[1::2] == bytes.fromhex(fields["c"])
    return int.from_bytes(picc[8:11], "little")


def _cmac(key: bytes, message: bytes) -> bytes:
    mac = CMAC(algorithms.AES(key))
    mac.update(message)
    return mac.finalize()
