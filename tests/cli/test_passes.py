"""`smartplace pass`: from a new key to a verdict; keys for nobody else's eyes; the pass id is shown to nobody."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli.main import cli
from gateway.cli.passes_work import load_key
from gateway.wire import passes
from gateway.wire.cose_keys import from_base64, from_pem


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """An issuer's folder: a key of the issuer, one of a phone, a pass id."""
    for name, alg in (("issuer", "EdDSA"), ("phone", "ES256")):
        (tmp_path / f"{name}.pem").write_text(run("key", tmp_path / f"{name}.key", "--alg", alg).stdout)
    (tmp_path / "id.hex").write_text(b"secret-id".hex())
    return tmp_path


def run(*args: str | Path, code: int = 0, stdin: str = "") -> Result:
    done = CliRunner().invoke(cli, ["pass", *map(str, args)], input=stdin)
    assert done.exit_code == code, (done.output, done.stderr)
    return done


def issue(desk: Path, *args: str | Path) -> Path:
    file = desk / "pass.txt"
    given = ("--key", desk / "issuer.key", "--issuer", "jelgava", "--id-file", desk / "id.hex", *args)
    file.write_text(run("issue", *given).stdout)
    return file


def verdict(desk: Path, file: Path, *args: str | Path, code: int) -> str:
    done = run("verify", file, "--json", *args, code=code)
    return str(json.loads(done.stdout)["verdict"])


def trust(desk: Path, **more: object) -> Path:
    line = json.loads(run("key", desk / "unused.key", "--json").stdout)["trust_list_key"]
    assert from_base64(line)
    key = {"key": "".join((desk / "issuer.pem").read_text().splitlines()[1:-1]), "id": "2026"}
    issuer = {"issuer": "jelgava", "city": "siauliai", "keys": [key], **more}
    file = desk / "trust.json"
    file.write_text(json.dumps({"issuers": [issuer]}))
    return file


def test_a_key_is_for_its_owner_alone_and_never_overwritten(desk: Path) -> None:
    file = desk / "issuer.key"
    before = file.read_bytes()
    assert file.stat().st_mode & 0o777 == 0o600
    assert from_pem((desk / "issuer.pem").read_text()).alg.name == "EDDSA"
    assert from_pem((desk / "phone.pem").read_text()).alg.name == "ES256"
    assert "Name a new file" in run("key", file, code=9).stderr
    assert file.read_bytes() == before


def test_what_is_issued_is_what_a_gateway_reads(desk: Path) -> None:
    file = issue(
        desk, "--key-id", "2026", "--hours", "2", "--entitlement", "c1", "--persons", "12", "--once", "--subject", "s-1"
    )
    shown = passes.decode(file.read_bytes().strip())
    assert shown.message.is_signed_by(from_pem((desk / "issuer.pem").read_text()))
    assert shown.expires_ms - shown.issued_ms == 2 * 3600 * 1000
    assert (shown.message.key_id, shown.entitlements, shown.persons) == (b"2026", ("c1",), 12)
    assert (shown.once, shown.subject, shown.pass_id) == (True, "s-1", b"secret-id".hex())


def test_verify_explains_each_claim_and_shows_neither_id_nor_subject(desk: Path) -> None:
    file = issue(desk, "--entitlement", "c1", "--subject", "s-secret", "--phone", desk / "phone.pem")
    done = run("verify", file, "--key", desk / "issuer.pem", code=5)
    text = done.stdout + done.stderr
    for claim in ("issuer", "algorithm", "pass id", "subject", "issued", "expires", "entitlements", "persons", "phone"):
        assert re.search(rf"^{claim}  ", done.stdout, re.MULTILINE), claim
    for secret in ("secret-id", b"secret-id".hex(), "s-secret"):
        assert secret not in text
    assert "refused: stale_code" in done.stderr


def test_each_verdict_has_its_reason_and_its_exit_code(desk: Path) -> None:
    good, key = issue(desk, "--key-id", "2026"), ("--key", desk / "issuer.pem")
    assert verdict(desk, good, *key, code=0) == "good"
    assert verdict(desk, good, code=8) == "not_checked"
    assert verdict(desk, good, "--trust", trust(desk), code=0) == "good"
    assert verdict(desk, good, "--key", desk / "phone.pem", code=5) == "forged"
    assert verdict(desk, good, *key, "--at", "2031-01-01", code=5) == "expired"
    assert verdict(desk, good, *key, "--at", "2020-01-01T10:00", code=5) == "not_yet_valid"
    (desk / "unused.key").unlink()
    assert verdict(desk, good, "--trust", trust(desk, longest_s=60), code=5) == "beyond_trust"
    (desk / "unused.key").unlink()
    assert verdict(desk, good, "--trust", trust(desk, issuer="other"), code=5) == "unknown_issuer"
    old = issue(desk, "--key-id", "2025")
    assert verdict(desk, old, "--trust", desk / "trust.json", code=5) == "unknown_issuer"
    (desk / "unused.key").unlink()
    assert verdict(desk, old, "--trust", trust(desk), code=5) == "unknown_key"


def test_a_phones_proof_goes_through_a_pipe_and_grows_stale(desk: Path) -> None:
    file, key = issue(desk, "--phone", desk / "phone.pem"), ("--key", desk / "issuer.pem")
    proved = run("prove", "-", "--key", desk / "phone.key", stdin=file.read_text()).stdout
    assert run("verify", "-", *key, stdin=proved).exit_code == 0
    old = run("prove", file, "--key", desk / "phone.key", "--at", "2026-01-01").stdout
    assert "stale_code" in run("verify", "-", *key, stdin=old, code=5).stderr
    stranger = passes.prove(file.read_bytes().strip(), load_key(desk / "issuer.key"), int(time.time())).decode()
    assert "forged" in run("verify", "-", *key, stdin=stranger, code=5).stderr


def test_a_proof_that_no_gateway_would_take_is_not_made(desk: Path) -> None:
    bound = issue(desk, "--phone", desk / "phone.pem")
    assert "another phone" in run("prove", bound, "--key", desk / "issuer.key", code=5).stderr
    assert "no phone" in run("prove", issue(desk), "--key", desk / "phone.key", code=5).stderr


def test_a_pass_that_has_expired_already_is_issued_with_a_warning(desk: Path) -> None:
    args = ("--key", desk / "issuer.key", "--issuer", "jelgava", "--expires", "2026-01-01")
    done = run("issue", *args)
    assert done.stdout.startswith("SP1:")
    assert done.stderr == "warning: it has expired already: no gateway takes it\n"


def test_the_noted_row_blocks_the_pass(desk: Path) -> None:
    for _ in range(2):
        issue(desk, "--note", desk / "issued.csv")
    row = f"pass,{b'secret-id'.hex()},jelgava\n"
    assert (desk / "issued.csv").read_text() == "kind,id,issuer\n" + row + row
    assert (desk / "issued.csv").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        (("issue", "--key", "issuer.pem", "--issuer", "x"), 9, "chmod 600"),
        (("issue", "--key", "none", "--issuer", "x"), 9, "none: cannot be read"),
        (("issue", "--key", "bad.key", "--issuer", "x"), 9, "not a private key"),
        (("issue", "--key", "issuer.key", "--issuer", "x", "--persons", "100"), 2, "persons"),
        (("issue", "--key", "issuer.key", "--issuer", "x", "--entitlement", "A B"), 5, "not a code"),
        (("issue", "--key", "issuer.key", "--issuer", ""), 5, "iss and cti"),
        (("issue", "--key", "issuer.key", "--issuer", "x", "--id-file", "bad.key"), 9, "not hex"),
        (("issue", "--key", "issuer.key", "--issuer", "x", "--hours", "1", "--expires", "2027-01-01"), 5, "exclude"),
        (("issue", "--key", "issuer.key", "--issuer", "x", "--phone", "issuer.key"), 9, "not a PEM public key"),
        (("verify", "bad.key"), 5, "not a pass"),
        (("verify", "none"), 9, "cannot be read"),
        (("prove", "bad.key", "--key", "phone.key"), 5, "not a pass"),
    ],
)
def test_what_is_wrong_is_told_with_what_to_do(
    desk: Path, args: tuple[str, ...], code: int, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(desk)
    (desk / "issuer.pem").chmod(0o644)
    (desk / "bad.key").write_text("quite another thing")
    (desk / "bad.key").chmod(0o600)
    done = run(*args, code=code)
    assert told in done.stderr
    assert "quite another" not in done.output + done.stderr


def test_a_trust_list_becomes_a_bundle(desk: Path) -> None:
    """As an officer does it."""
    given = ("build", "trust", "--city", "jelgava", "--trust", trust(desk), "--output", desk / "trust.bundle")
    arguments = ["bundle", *map(str, given)]
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 0, done.stderr
    assert re.search(r"^holds +issuers jelgava of siauliai$", done.stdout, re.MULTILINE)
    (desk / "trust.json").write_text('{"issuers": [{}]}')
    done = CliRunner().invoke(cli, arguments)
    assert (done.exit_code, "trust.json: trust list" in done.stderr) == (9, True)
