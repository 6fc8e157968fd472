"""Files with secrets of drivers: what is wrong is told with advice, what is in them never."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import secret_files
from drivers.ble import phones
from drivers.desfire.prover import KeyFault
from drivers.desfire.prover import read_keys as desfire_keys
from drivers.driver import DeviceError
from drivers.fiscal.clerks import _password as fiscal_password
from drivers.osdp.keys import read_key
from drivers.secret_files import ADVICE, Flaw, SecretFault, content
from drivers.sip2.driver import _password as sip2_password

SECRET = "00112233445566778899aabbccddeeff"
READERS: dict[str, Callable[[str], object]] = {
    "ble": lambda path: phones.read_keys(Path(path)),
    "desfire": lambda path: desfire_keys(path, {}),
    "fiscal": fiscal_password,
    "osdp": lambda path: read_key(path, 0),
    "sip2": sip2_password,
}
"""Every driver that reads a secret from a file."""


def written(path: Path, text: str = SECRET, mode: int = 0o600) -> str:
    path.write_text(text)
    path.chmod(mode)
    return str(path)


def refused(path: str, most: int = 64) -> SecretFault:
    with pytest.raises(SecretFault) as found:
        content(path, most)
    assert path in found.value.advice
    assert SECRET[:6] not in f"{found.value} {found.value.advice}"
    return found.value


def test_a_file_for_its_owner_alone_is_read(tmp_path: Path) -> None:
    assert content(written(tmp_path / "key", mode=0o400), 32) == SECRET.encode()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_a_file_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    fault = refused(written(tmp_path / "key", mode=mode))
    assert (fault.flaw, fault.why) == (Flaw.OPEN, "others may read it")
    assert "chmod 600" in fault.advice


def test_more_bytes_than_asked_for_are_refused(tmp_path: Path) -> None:
    assert refused(written(tmp_path / "key"), most=31).flaw is Flaw.CONTENT


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for path in (tmp_path, tmp_path / "pipe"):
        assert refused(str(path)).flaw is Flaw.NO_FILE
    assert refused(str(tmp_path / "none")).flaw is Flaw.UNREADABLE
    assert set(ADVICE) == set(Flaw)


@given(st.binary(max_size=80) | st.text("0123456789abcdefABCDEFx \n", max_size=40).map(str.encode))
def test_any_text_is_a_key_of_that_size_or_none(text: bytes) -> None:
    key = secret_files.key(text, 16)
    assert key is None or (len(key) == 16 and key.hex().encode() == text.strip().lower())


@pytest.mark.parametrize("driver", READERS)
def test_every_driver_refuses_a_pipe_and_an_open_file(tmp_path: Path, driver: str) -> None:
    """A pipe that was waited for would hang the driver before its first word about the device."""
    os.mkfifo(tmp_path / "pipe", 0o600)
    for path in (str(tmp_path / "pipe"), written(tmp_path / "key", mode=0o644), str(tmp_path / "none")):
        with pytest.raises((DeviceError, KeyFault)) as told:
            READERS[driver](path)
        shown = f"{told.value.problem}" if isinstance(told.value, DeviceError) else str(told.value)
        assert SECRET[:6] not in shown
