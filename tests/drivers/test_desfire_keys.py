"""The file that the keys are read from: what is in it, who may read it, where it is."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.contract.desfire import DesfireFailed, DesfireOptions, DesfireProof
from drivers.desfire.outcome import Failed, Proved, Why
from drivers.desfire.prover import KeyFault, parsed, prover, read_keys
from tests.drivers.desfire_cards import APPLICATION, MASTER, SYSTEM_ID, UID, genuine

KEY, OTHER = bytes(range(16)), bytes(range(16, 32))


def written(path: Path, text: str, mode: int = 0o600) -> str:
    path.write_text(text)
    path.chmod(mode)
    return str(path)


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        (KEY.hex(), {0: KEY}),
        (f"  {KEY.hex().upper()}\n\n", {0: KEY}),
        (f"7 {KEY.hex()}\r\n", {7: KEY}),
        (f"1 {KEY.hex()}\n255\t{OTHER.hex()}\n", {1: KEY, 255: OTHER}),
    ],
)
def test_keys_are_read_with_their_versions(tmp_path: Path, text: str, keys: dict[int, bytes]) -> None:
    assert read_keys(written(tmp_path / "keys", text), {}) == keys


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "not keys of 16 bytes in hex"),
        (KEY.hex()[:-1], "not keys of 16 bytes in hex"),
        (KEY.hex() + "00", "not keys of 16 bytes in hex"),
        (f"{KEY.hex()}\nand more", "not keys of 16 bytes in hex"),
        ((f"1 {KEY.hex()}\n" * 200), "more than 4096 bytes"),
        (f"{KEY.hex()}\n{OTHER.hex()}", "not each with its version"),
        (f"1 {KEY.hex()}\n1 {OTHER.hex()}", "there twice"),
        (f"256 {KEY.hex()}", "more than 255"),
    ],
)
def test_what_is_no_file_of_keys_is_refused_and_not_shown(tmp_path: Path, text: str, cause: str) -> None:
    with pytest.raises(KeyFault, match=cause) as refused:
        read_keys(written(tmp_path / "keys", text), {})
    assert KEY.hex()[:8] not in str(refused.value)


@given(st.binary(max_size=300))
def test_any_file_is_read_or_refused(content: bytes) -> None:
    try:
        keys = parsed(content, "keys")
    except KeyFault:
        return
    assert keys
    assert all(0 <= version <= 255 and len(key) == 16 for version, key in keys.items())


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(KeyFault, match="others may read"):
        read_keys(written(tmp_path / "keys", KEY.hex(), mode), {})


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(KeyFault, match="No such file"):
        read_keys(str(tmp_path / "keys"), {})
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(KeyFault, match="is no file"):
        read_keys(str(tmp_path / "pipe"), {})


@pytest.mark.parametrize("mode", [0o400, 0o440])
def test_a_name_is_one_of_systemds_credentials(tmp_path: Path, mode: int) -> None:
    """0440: how the mode of a file looks to which systemd has given its user access by an ACL."""
    written(tmp_path / "city-cards", KEY.hex(), mode)
    assert read_keys("city-cards", {"CREDENTIALS_DIRECTORY": str(tmp_path)}) == {0: KEY}


def test_without_credentials_it_says_so() -> None:
    with pytest.raises(KeyFault, match="no credentials, so none named city-cards"):
        read_keys("city-cards", {})


@pytest.mark.parametrize(
    "wrong",
    [
        {"key_file": "/k"},
        {"application": "3042F5"},
        {"application": "3042F", "key_file": "/k"},
        {"application": "3042F5\n", "key_file": "/k"},
        {"application": "3042F5", "key_file": "keys/city"},
        {"application": "3042F5", "key_file": "../city"},
        {"application": "3042F5", "key_file": "/k", "key_number": 14},
        {"application": "3042F5", "key_file": "/k", "system_id": "x" * 19},
        {"application": "3042F5", "key_file": "/k", "system_id": "Šiauliai"},
        {"application": "3042F5", "key_file": "/k", "key": KEY.hex()},
    ],
)
def test_options_that_cannot_work_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, DesfireOptions)


def test_what_is_reported_holds_no_key_and_the_log_no_card(tmp_path: Path) -> None:
    file = written(tmp_path / "keys", f"3 {MASTER.hex()}")
    options = DesfireOptions(
        application=APPLICATION.hex(), key_file=file, key_number=1, system_id=SYSTEM_ID.decode("ascii")
    )
    logged: list[str] = []
    ask = prover(options)
    outcome = ask(genuine().apdu, UID)
    assert outcome == Proved(UID, 3)
    assert ask.report(outcome, logged.append) == DesfireProof(UID, APPLICATION, 3)
    assert ask.report(None, logged.append) is None
    assert logged == []
    assert ask.report(Failed(Why.REFUSED), logged.append) == DesfireFailed(APPLICATION)
    told = "a card with application 3042F5 did not prove itself: it does not accept the key (1 since the start)"
    assert logged == [told]
