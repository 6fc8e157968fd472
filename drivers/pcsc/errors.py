"""What can go wrong between us, pcscd and a reader, as closed codes with a cause and an advice each."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from drivers.contract.core import Problem


class Code(StrEnum):
    """Problems of this driver."""

    NO_SERVICE = "no_service"
    DENIED = "denied"
    NO_READER = "no_reader"
    SEVERAL = "several"
    UNPLUGGED = "unplugged"
    BUSY = "busy"
    FAILED = "failed"
    KEY_FILE = "key_file"


TABLE: dict[Code, tuple[str, str]] = {
    Code.NO_SERVICE: (
        "pcscd does not run",
        "Install it (`apt install pcscd`) and start it: `systemctl enable --now pcscd.socket`",
    ),
    Code.DENIED: (
        "pcscd refuses this user",
        "Allow the gateway's user with a polkit rule for org.debian.pcsc-lite.access_pcsc and access_card",
    ),
    Code.NO_READER: (
        "pcscd knows no reader{wanted}; it knows {known}",
        "Plug the reader in, correct `reader`, or install the reader's driver (mostly `apt install libccid`)",
    ),
    Code.SEVERAL: (
        "pcscd knows several readers{wanted}: {known}",
        "Write so much of the name into `reader` that one is meant, best its serial number",
    ),
    Code.UNPLUGGED: (
        "the reader went away",
        "Plug it in again; if it keeps happening, use a shorter cable or a powered hub",
    ),
    Code.BUSY: (
        "another program keeps the card for itself",
        "Stop it (often scdaemon of GnuPG, or a signing program), or give it another reader",
    ),
    Code.FAILED: (
        "pcscd answers with error {number}",
        "Unplug the reader and plug it in again; `journalctl -u pcscd` says more",
    ),
    Code.KEY_FILE: (
        "the cards' keys cannot be used: {why}",
        "Give the gateway's user a file with mode 0600, one key a line in 32 hex digits; a name without `/` needs "
        "LoadCredential= in the unit",
    ),
}
"""Cause template and advice of each code."""


class ReaderFault(Exception):
    """The reader or pcscd, not a card, did not do what it should."""

    def __init__(
        self, code: Code, *, wanted: str = "", known: Sequence[str] = (), number: int = 0, why: str = ""
    ) -> None:
        super().__init__(code.value)
        cause, advice = TABLE[code]
        named = ", ".join(known) if known else "none"
        with_name = f" with {wanted!r} in the name" if wanted else ""
        told = cause.format(wanted=with_name, known=named, number=f"{number:#010x}", why=why)
        self.problem = Problem(code.value, told, advice)
