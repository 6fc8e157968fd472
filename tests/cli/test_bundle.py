"""`smartplace bundle`: built, signed and verified without a daemon; applied, shown and taken back with one."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from gateway.centre.publisher import read_bundle
from gateway.centre.sign import generate_key
from gateway.centre.store import Store
from gateway.wire.bundle import read_manifest
from tests.cli.conftest import Gateway, said, smartplace
from tests.support.clock import FakeClock
from tests.support.programs import require_program

RULES = Path(__file__).parents[2] / "config" / "bundles" / "demo-rules.json"
HOLDERS = "holder,entitlements,language,kind,id\nh-1,p1 x9,lv,card,04A2B3C4D5E680\nh-2,,,barcode,2900001234567\n"


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """An officer's folder: a key pair, the city's card key, holders."""
    (tmp_path / "city.pub").write_text(generate_key(tmp_path / "city.key"))
    (tmp_path / "card.hex").write_text(bytes(range(32)).hex())
    (tmp_path / "card.hex").chmod(0o600)
    (tmp_path / "holders.csv").write_text(HOLDERS)
    return tmp_path


def bundle(verb: str, *args: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = smartplace("bundle", verb, *args)
    assert done.returncode == code, done.stderr
    return done


def build(desk: Path, kind: str, *args: str | Path, target: str = "*") -> Path:
    file = desk / f"{kind}.bundle"
    bundle("build", kind, "--city", "jelgava", "--target", target, "--output", file, *args)
    return file


def card_key(desk: Path) -> tuple[str | Path, ...]:
    return "--card-key", desk / "card.hex", "--card-key-id", "k1"


def registry(desk: Path, *args: str | Path) -> Path:
    given = ("--rules", RULES, "--holders", desk / "holders.csv", *card_key(desk), *args)
    return build(desk, "registry", *given)


def told(*args: str | Path) -> dict[str, object]:
    found: dict[str, object] = json.loads(bundle("verify", "--json", *args).stdout)
    return found


def test_rules_are_built_signed_and_verified_also_by_stock_minisign(desk: Path) -> None:
    file = build(desk, "rules", "--rules", RULES, "--number", "7", "--expires", "2027-01-01", "--grace-days", "3")
    assert "nobody yet" in bundle("verify", file).stdout
    bundle("sign", file, "--key", desk / "city.key")
    found = told(file, "--key", desk / "city.pub")
    assert (found["kind"], found["number"], found["city"], found["target"]) == ("rules", 7, "jelgava", "*")
    assert (found["expires_ms"], found["grace_days"], found["holds"]) == (1798761600000, 3, "8 rules")
    signed = read_bundle(file)
    (desk / "m").write_bytes(signed.manifest)
    (desk / "m.minisig").write_text(signed.signature)
    minisign = require_program("minisign", "minisign")
    subprocess.run([minisign, "-V", "-p", desk / "city.pub", "-m", desk / "m"], check=True, capture_output=True)


def test_a_registry_holds_only_what_the_rules_use_and_no_clear_id(desk: Path) -> None:
    file = registry(desk)
    assert told(file)["holds"] == "2 holders, 2 credentials"
    content = read_bundle(file).content or b""
    assert b'"entitlements":["p1"]' in content
    for clear in (b"04a2b3", b"04A2B3", b"2900001234567", b"x9"):
        assert clear not in content


def test_a_delta_leads_from_the_bundle_before(desk: Path) -> None:
    base = registry(desk, "--number", "1").rename(desk / "one.bundle")
    (desk / "holders.csv").write_text(HOLDERS.replace("h-2,", "h-3,"))
    whole = registry(desk, "--number", "2").rename(desk / "two.bundle")
    delta = registry(desk, "--number", "2", "--base", base)
    manifest = read_manifest(read_bundle(delta).manifest)
    assert (manifest.base, manifest.result) == (1, read_manifest(read_bundle(whole).manifest).sha256)
    assert told(delta)["holds"] == "1 holders new or changed, 1 gone, 1 credentials"


@pytest.mark.parametrize("cards", ["kind,id\ncard,04A2B3C4D5E680\n", '[{"kind":"card","id":"04a2b3c4d5e680"}]'])
def test_blocked_cards_are_digests(desk: Path, cards: str) -> None:
    (desk / "cards").write_text(cards)
    file = build(desk, "blocks", "--cards", desk / "cards", *card_key(desk))
    assert told(file)["holds"] == "1 blocked cards"
    assert b"04a2b3" not in (read_bundle(file).content or b"").lower()


def test_keys_name_the_keys(desk: Path) -> None:
    (desk / "next.pub").write_text(generate_key(desk / "next.key"))
    file = build(desk, "keys", "--key", desk / "city.pub", "--key", desk / "next.pub")
    name = (desk / "next.pub").read_text().split()[5]
    assert name in str(told(file)["holds"])


def test_what_is_not_signed_by_a_given_key_is_5(desk: Path) -> None:
    (desk / "other.pub").write_text(generate_key(desk / "other.key"))
    file = build(desk, "rules", "--rules", RULES)
    assert (
        "it is not signed. Sign it: smartplace bundle sign"
        in bundle("verify", file, "--key", desk / "city.pub", code=5).stderr
    )
    bundle("sign", file, "--key", desk / "city.key")
    assert "signed by key" in bundle("verify", file, "--key", desk / "other.pub", code=5).stderr


def test_what_nobody_has_signed_is_not_published_and_says_how_it_is_signed(desk: Path) -> None:
    store = Store(desk / "centre.db", FakeClock())
    store.open()
    (desk / "centre.json").write_text(json.dumps({"city": "jelgava", "store": "centre.db", "keys": ["city.pub"]}))
    file = build(desk, "rules", "--rules", RULES)
    publish = ("centre", "publish", file, "--config", desk / "centre.json")
    done = smartplace(*publish)
    assert (done.returncode, done.stdout) == (5, "")
    assert said(done) == ["error: it is not signed. Sign it: smartplace bundle sign"]
    store.close()
    bundle("sign", file, "--key", desk / "city.key")
    assert smartplace(*publish).returncode == 0


@pytest.mark.parametrize(
    ("kind", "args", "code"),
    [
        ("rules", ("--rules", "/nowhere"), 9),
        ("rules", (), 9),
        ("rules", ("--rules", "holders.csv"), 9),
        ("keys", (), 9),
        ("keys", ("--key", "holders.csv"), 9),
        ("registry", ("--rules", str(RULES), "--holders", "holders.csv", "--card-key", "card.hex"), 9),
        ("blocks", ("--cards", "card.hex", "--card-key", "card.hex", "--card-key-id", "k1"), 5),
        ("weather", (), 2),
        ("rules", ("--number", "0"), 2),
    ],
)
def test_a_bad_file_or_option_writes_nothing(desk: Path, kind: str, args: tuple[str, ...], code: int) -> None:
    there = {name: str(desk / name) for name in ("holders.csv", "card.hex")}
    given = [there.get(arg, arg) for arg in args]
    bundle("build", kind, "--city", "jelgava", "--output", desk / "out", *given, code=code)
    assert not (desk / "out").exists()


def test_a_card_key_that_others_may_read_is_not_used(desk: Path) -> None:
    (desk / "card.hex").chmod(0o644)
    given = ("--rules", RULES, "--holders", desk / "holders.csv", *card_key(desk))
    done = bundle("build", "registry", "--city", "jelgava", "--output", desk / "out", *given, code=9)
    assert "chmod 600" in done.stderr


def test_a_file_that_is_no_bundle_is_refused(desk: Path) -> None:
    for verb, more in (("verify", ()), ("sign", ("--key", desk / "city.key"))):
        bundle(verb, desk / "holders.csv", *more, code=5)


# With a daemon -------------------------------------------------------------------------------------------


def signed(gateway: Gateway, kind: str, number: int, *args: str | Path) -> Path:
    keys = gateway.config.parent / "keys"
    file = gateway.config.parent / f"{kind}-{number}.bundle"
    common = ("--city", "jelgava", "--target", "gw-test", "--number", str(number), "--output", file)
    bundle("build", kind, *common, *args)
    bundle("sign", file, "--key", keys / "bundles.key")
    return file


def test_a_bundle_is_applied_shown_and_taken_back(gateway: Gateway, tmp_path: Path) -> None:
    start = 1_000
    for number in (start, start + 1):
        done = gateway.ask("bundle", "apply", "--json", str(signed(gateway, "rules", number, "--rules", RULES)))
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["number"] == number
    done = gateway.ask("bundle", "rollback", "rules")
    assert done.returncode == 0, done.stderr
    shown = json.loads(gateway.ask("bundle", "history", "--json").stdout)
    assert [(past["number"], past["how"]) for past in shown["history"] if past["kind"] == "rules"] == [
        (start, "rolled_back"),
        (start + 1, "applied"),
        (start, "applied"),
    ]
    people = gateway.ask("bundle", "history")
    assert "rolled_back" in people.stdout
    assert gateway.ask("bundle", "rollback", "rules").returncode == 4
    assert gateway.ask("bundle", "rollback", "keys").returncode == 5


def test_a_large_registry_is_handed_over_in_chunks(gateway: Gateway, tmp_path: Path) -> None:
    keys = gateway.config.parent / "keys"
    rows = [f"h-{n:05d},p1,lv,card,{(4 << 48) + n:014x}" for n in range(2_000)]
    (tmp_path / "holders.csv").write_text("holder,entitlements,language,kind,id\n" + "\n".join(rows))
    common = ("--rules", RULES, "--holders", tmp_path / "holders.csv", "--card-key", keys / "card.hex")
    file = signed(gateway, "registry", 5, *common, "--card-key-id", "k1")
    done = gateway.ask("bundle", "apply", "--json", str(file))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["chunks_sent"] >= 3
    assert "registry 5" in gateway.ask("status").stdout


def test_what_the_gateway_refuses_is_5_and_says_why(gateway: Gateway, tmp_path: Path) -> None:
    file = signed(gateway, "rules", 1, "--rules", RULES)
    os.remove(file)
    other = tmp_path / "other.key"
    generate_key(other)
    bundle("build", "rules", "--city", "jelgava", "--output", file, "--rules", RULES)
    bundle("sign", file, "--key", other)
    done = gateway.ask("bundle", "apply", str(file))
    assert done.returncode == 5
    assert "trusted here" in done.stderr


def test_a_file_that_is_not_there_is_9_and_says_what_to_do(tmp_path: Path) -> None:
    told = smartplace("bundle", "verify", tmp_path / "none")
    assert (told.returncode, told.stdout) == (9, "")
    assert (
        told.stderr
        == f"error: {tmp_path / 'none'}: cannot read: No such file or directory. Name a file that can be read\n"
    )


def test_a_city_that_no_gateway_could_have_is_a_wrong_command_line(tmp_path: Path) -> None:
    (tmp_path / "trust.json").write_text('{"issuers": []}')
    told = smartplace(
        "bundle", "build", "trust", "--city", "Jelgava", "--trust", tmp_path / "trust.json", "-o", tmp_path / "out"
    )
    assert told.returncode == 2
    assert "3 to 32 of a-z 0-9 -" in told.stderr
    assert not (tmp_path / "out").exists()
