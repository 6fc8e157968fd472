"""From a reader's options to a question that it asks each card; the file of the keys is read here."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping

from drivers import secret_files
from drivers.contract.counter import Debit
from drivers.contract.desfire import Counter, CounterOptions, DesfireFailed, DesfireOptions, DesfireProof, Proof
from drivers.desfire.authenticate import Opened, Wanted, open_session
from drivers.desfire.debiting import Debiting
from drivers.desfire.keys import FileKeys, KeyStore, Random
from drivers.desfire.outcome import Failed, Outcome, Proved, Transmit
from drivers.desfire.value import Files, held

MAX_FILE = 4096
"""Bytes; a key with its version has less than 40."""

_LINE = re.compile(rb"(?:(\d{1,3})[ \t]+)?([0-9A-Fa-f]{32})")


class KeyFault(Exception):
    """The keys are not there as they should be. Its text says what is wrong and where, never a key."""


class Prover:
    """Asks cards for their proof. `failed` counts those that had the application and did not prove themselves."""

    def __init__(self, wanted: Wanted, keys: KeyStore, counter: CounterOptions | None = None) -> None:
        self._wanted, self._keys = wanted, keys
        self._counter = counter
        self._files = Files(counter.value_file, counter.names_file) if counter is not None else None
        self.failed = 0

    def __call__(self, transmit: Transmit, uid: bytes) -> Outcome:
        opened = open_session(transmit, self._wanted, self._keys, uid)
        if not isinstance(opened, Opened):
            return opened
        if self._files is None:
            return opened.proved
        return Proved(opened.proved.uid, opened.proved.key_version, held(transmit, opened.session, self._files))

    def debiting(self, call: Debit) -> Debiting | None:
        """What takes units off the counter that this call is about; None where this reader knows no such counter."""
        if self._counter is None or self._files is None or self._counter.quota != call.quota:
            return None
        return Debiting(self._wanted, self._keys, self._files, call)

    def report(self, outcome: Outcome, log: Callable[[str], None]) -> Proof | None:
        """The outcome as the contract has it; a failure's reason is for the log."""
        application = self._wanted.application
        match outcome:
            case Proved(uid=uid, key_version=version, held=counter):
                told = None
                if counter is not None and self._counter is not None:
                    told = Counter(self._counter.quota, counter.value, counter.names)
                return DesfireProof(uid, application, version, told)
            case Failed(why=why):
                self.failed += 1
                name = application.hex().upper()
                log(f"a card with application {name} did not prove itself: {why} ({self.failed} since the start)")
                return DesfireFailed(application)
            case None:
                return None


def prover(options: DesfireOptions, random: Random = os.urandom) -> Prover:
    """As the options say. Raises `KeyFault`."""
    wanted = Wanted(
        application=bytes.fromhex(options.application),
        key_number=options.key_number,
        diversified=options.diversified,
        system_id=options.system_id.encode("ascii"),
    )
    return Prover(wanted, FileKeys(read_keys(options.key_file, os.environ), random), options.counter)


def read_keys(name: str, environment: Mapping[str, str]) -> dict[int, bytes]:
    """Version = key, as written in a file: one key a line, 16 bytes in hex, its version (0 to 255) before it when there
    are several. A name without `/` is a file in systemd's directory of credentials. Raises `KeyFault`."""
    path, forbidden = name, secret_files.OTHERS
    if "/" not in name:
        folder = environment.get("CREDENTIALS_DIRECTORY")
        if folder is None:
            raise KeyFault(f"systemd has handed over no credentials, so none named {name}")
        # systemd gives its user access by an ACL where it can, and the mask of one shows as the group's bits (acl(5)).
        path, forbidden = os.path.join(folder, name), 0o007
    try:
        return parsed(secret_files.content(path, MAX_FILE, forbidden), path)
    except secret_files.SecretFault as fault:
        raise KeyFault(str(fault)) from fault


def parsed(content: bytes, path: str) -> dict[int, bytes]:
    """What such a file holds. Raises `KeyFault`, whose text never does."""
    lines = [line.strip() for line in content.splitlines() if line.strip()]
    found = [_LINE.fullmatch(line) for line in lines]
    parts = [(one[1], one[2]) for one in found if one is not None]
    if not parts or len(parts) < len(lines) or len(content) > MAX_FILE:
        raise KeyFault(f"in {path} are not keys of 16 bytes in hex")
    if len(parts) > 1 and any(version is None for version, _key in parts):
        raise KeyFault(f"in {path} are several keys, and not each with its version before it")
    keys = {int(version or b"0"): bytes.fromhex(key.decode("ascii")) for version, key in parts}
    if len(keys) < len(parts) or max(keys) > 255:
        raise KeyFault(f"in {path} a version is there twice, or is more than 255")
    return keys
