"""Keys and signatures against the stock minisign program, both ways."""

from __future__ import annotations

import subprocess
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.centre.publisher import read_bundle, write_bundle
from gateway.centre.sign import SigningKey, build_bundle, generate_key, load_key, public_text, sign_manifest
from gateway.model.errors import ConfigurationError, InputRefused
from gateway.wire.bundle import BundleKind, SignedBundle, parse_public_key, verify
from tests.support.programs import require_program


def minisign(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    path = require_program("minisign", "minisign")
    return subprocess.run([path, *arguments], cwd=cwd, capture_output=True, text=True, timeout=30, check=False)


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    (tmp_path / "city.pub").write_text(generate_key(tmp_path / "city.key"))
    return load_key(tmp_path / "city.key")


def rules(key: SigningKey, content: bytes = b'{"schema":1,"rules":[]}') -> SignedBundle:
    return build_bundle(BundleKind.RULES, 7, "jelgava", "*", content, key, created_ms=1_795_424_400_000)


def test_stock_minisign_verifies_our_signature(tmp_path: Path, key: SigningKey) -> None:
    bundle = rules(key)
    (tmp_path / "manifest.json").write_bytes(bundle.manifest)
    (tmp_path / "manifest.json.minisig").write_text(bundle.signature)
    done = minisign("-V", "-p", "city.pub", "-m", "manifest.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "rules 7 for *" in done.stdout
    (tmp_path / "manifest.json").write_bytes(bundle.manifest + b" ")
    assert minisign("-V", "-p", "city.pub", "-m", "manifest.json", cwd=tmp_path).returncode != 0


def test_stock_minisign_signs_with_our_key_and_we_verify(tmp_path: Path, key: SigningKey) -> None:
    bundle = rules(key)
    (tmp_path / "m").write_bytes(bundle.manifest)
    done = minisign("-S", "-s", "city.key", "-m", "m", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    theirs = msgspec.structs.replace(bundle, signature=(tmp_path / "m.minisig").read_text())
    assert verify(theirs, (parse_public_key((tmp_path / "city.pub").read_text()),)).number == 7


def test_a_key_made_by_stock_minisign_is_one_of_ours(tmp_path: Path) -> None:
    done = minisign("-G", "-W", "-p", "their.pub", "-s", "their.key", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (tmp_path / "their.key").chmod(0o600)
    theirs = load_key(tmp_path / "their.key")
    public = (tmp_path / "their.pub").read_text()
    assert public_text(theirs).splitlines() == public.splitlines()
    assert verify(rules(theirs), (parse_public_key(public),)).number == 7


def test_the_secret_file_is_for_its_owner_alone(tmp_path: Path, key: SigningKey) -> None:
    path = tmp_path / "city.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert key.seed.hex() not in repr(key)
    path.chmod(0o640)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        load_key(path)


def test_a_key_is_never_overwritten(tmp_path: Path, key: SigningKey) -> None:
    before = (tmp_path / "city.key").read_bytes()
    with pytest.raises(ConfigurationError, match="Name a new file"):
        generate_key(tmp_path / "city.key")
    assert (tmp_path / "city.key").read_bytes() == before


@given(st.binary(max_size=300))
def test_a_file_that_is_no_key_is_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "no.key"
    path.write_bytes(data)
    path.chmod(0o600)
    with pytest.raises(ConfigurationError):
        load_key(path)


@pytest.mark.parametrize("at", [90, 110, 140, 160])
def test_a_damaged_key_is_refused(tmp_path: Path, key: SigningKey, at: int) -> None:
    path = tmp_path / "city.key"
    comment, line = path.read_text().splitlines()
    path.write_text(f"{comment}\n{line[:at]}{'B' if line[at] != 'B' else 'C'}{line[at + 1 :]}\n")
    with pytest.raises(ConfigurationError, match="damaged"):
        load_key(path)


def test_a_number_below_one_cannot_be_signed(key: SigningKey) -> None:
    with pytest.raises(InputRefused, match=">= 1"):
        build_bundle(BundleKind.RULES, 0, "jelgava", "*", b"", key, created_ms=0)


def test_a_trusted_comment_is_one_line(key: SigningKey) -> None:
    with pytest.raises(ValueError, match="one line"):
        sign_manifest(key, b"x", "a\nb")


def test_a_bundle_goes_through_a_file(tmp_path: Path, key: SigningKey) -> None:
    bundle = rules(key)
    write_bundle(tmp_path / "rules.bundle", bundle)
    assert read_bundle(tmp_path / "rules.bundle") == bundle


@given(st.binary(max_size=200))
def test_a_file_that_is_no_bundle_is_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "no.bundle"
    path.write_bytes(data)
    with pytest.raises(InputRefused):
        read_bundle(path)
