"""Cryptography of the simulated cards: a card's own key (NXP AN10922), and PICC data and MAC of SUN (NXP AN12196)."""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC


def aes_cmac(key: bytes, message: bytes) -> bytes:
    """AES-CMAC (RFC 4493)."""
    mac = CMAC(algorithms.AES(key))
    mac.update(message)
    return mac.finalize()


def diversify(master: bytes, uid: bytes) -> bytes:
    """The file key (SDMFileReadKey) of the card with this UID: NXP AN10922 section 2.2, AES-128.

    D = 01 || UID (7 bytes, ISO 14443-3 order) || 53 55 4E ("SUN"), 11 bytes, then 80 00 .. 00 up to **32**
    bytes: AN10922 always works on two blocks. The key is the CBC-MAC (zero IV) under `master` of D with its
    last 16 bytes XORed with CMAC's second subkey K2. A plain RFC 4493 CMAC of the 11 bytes is another value.
    """
    data = b"\x01" + uid + b"SUN"
    return an10922(master, data)


def an10922(master: bytes, data: bytes) -> bytes:
    """AN10922's AES-128 CMAC over `data` (div constant included, at most 32 bytes) padded to 32 bytes."""
    if not 0 < len(data) <= 32:
        raise ValueError("AN10922 takes 1 to 32 bytes, the div constant included")
    k1 = doubled(encrypted(master, bytes(16)))
    padded = data if len(data) == 32 else (data + b"\x80").ljust(32, b"\0")
    last = xored(padded[16:], k1 if len(data) == 32 else doubled(k1))
    return encrypted(master, xored(encrypted(master, padded[:16]), last))


def picc_data(meta_key: bytes, uid: bytes, counter: int, padding: bytes) -> bytes:
    """Encrypted PICC data (AN12196 section 3.4.2): AES-CBC, zero IV, of C7 || UID || counter LE || random."""
    clear = b"\xc7" + uid + counter.to_bytes(3, "little") + padding
    encryptor = Cipher(algorithms.AES(meta_key), modes.CBC(bytes(16))).encryptor()
    return encryptor.update(clear) + encryptor.finalize()


def sdm_mac(file_key: bytes, uid: bytes, counter: int) -> bytes:
    """SDM MAC (AN12196 section 3.4.4) over no input: odd bytes of a CMAC under the session key from SV2."""
    session = aes_cmac(file_key, bytes.fromhex("3CC300010080") + uid + counter.to_bytes(3, "little"))
    return aes_cmac(session, b"")[1::2]


def encrypted(key: bytes, block: bytes) -> bytes:
    """One block under AES."""
    return _ecb(key).encryptor().update(block)


def decrypted(key: bytes, block: bytes) -> bytes:
    """The other way."""
    return _ecb(key).decryptor().update(block)


def doubled(block: bytes) -> bytes:
    """How CMAC makes its subkeys (SP 800-38B, 6.1)."""
    shifted = int.from_bytes(block, "big") << 1
    return ((shifted & (1 << 128) - 1) ^ (0x87 if shifted >> 128 else 0)).to_bytes(16, "big")


def xored(left: bytes, right: bytes) -> bytes:
    """Two values of one length. Raises `ValueError` when they are not."""
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


def _ecb(key: bytes) -> Cipher[modes.ECB]:
    return Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305 (CBC and CMAC are spelt out around it)
