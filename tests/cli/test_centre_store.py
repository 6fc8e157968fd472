"""Which store a verb works on: one that is not there is refused by all of them, and none is made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.centre.publisher import write_bundle
from gateway.centre.sign import build_bundle, generate_key, load_key
from gateway.cli.main import cli
from gateway.wire.bundle import BundleKind
from tests.cli.test_lots import NEEDS
from tests.support.postgres import postgres

CARDS = "kind,id\nbarcode,2900001234567\n"
ID = "0123456789abcdef"
VERBS = {
    "gateways": [],
    "events": [],
    "gaps": [],
    "unreached": [],
    "alarms": [],
    "commands": [],
    "command": ["bus-11", "pace", "--entries-per-s", "5"],
    "holders import": ["{people}", "--as", "anna", "--card-key", "{key}", "--card-key-id", "k1"],
    "holders export": [],
    "holders show": ["h-1"],
    "holders block": ["{cards}", "--as", "anna", "--card-key", "{key}"],
    "holders unblock": ["{cards}", "--as", "anna", "--card-key", "{key}"],
    "holders replace": ["{pairs}", "--as", "anna", "--card-key", "{key}"],
    "holders temporary": ["h-1", "{cards}", "--until", "2126-01-01", "--zone", "UTC", "--as", "anna"],
    "holders end": ["h-1", "--as", "anna"],
    "holders log": [],
    "registry": ["--rules", "{rules}", "--out", "{out}"],
    "blocks": ["--out", "{out}"],
    "lots add": ["--holder", "h-1", *NEEDS, "--expires", "never"],
    "lots import": ["{lots}", "--as", "anna", "--zone", "UTC"],
    "lots list": [],
    "quotas": [],
    "fence": ["bus-11", "--yes"],
    "reconcile": ["rides", "2026-11"],
}
FILES = {
    "people": "holder,kind,id\nh-1,barcode,2900001234567\n",
    "cards": CARDS,
    "pairs": "kind,id,new_kind,new_id\nbarcode,2900001234567,barcode,2900001234568\n",
    "lots": "holder,key,units,expires,id\nh-1,bought,1,never,a\n",
    "key": bytes(range(32)).hex(),
    "rules": '{"schema": 1, "rules": []}',
}


@pytest.fixture
def given(tmp_path: Path) -> dict[str, str]:
    """Names of files that the verbs are given."""
    folder = tmp_path / "given"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    return {name: str(folder / name) for name in (*FILES, "out")}


def tried(verb: str, given: dict[str, str], *where: str) -> tuple[int, str, str]:
    arguments = [argument.format(**given) for argument in VERBS[verb]]
    done = CliRunner().invoke(cli, ["centre", *verb.split(), *arguments, *where])
    return done.exit_code, done.stdout, done.stderr


@pytest.mark.parametrize("verb", VERBS)
def test_a_store_that_is_not_there_is_refused_and_not_made(verb: str, given: dict[str, str], tmp_path: Path) -> None:
    store = tmp_path / "fresh.db"
    said = f"error: {store}: there is no store here. `smartplace centre run` makes it\n"
    assert tried(verb, given, "--store", str(store)) == (4, "", said)
    assert [path.name for path in tmp_path.iterdir()] == ["given"]


def test_an_empty_database_of_postgresql_is_no_store_either(given: dict[str, str]) -> None:
    with postgres() as server, server.database() as url:
        for verb in VERBS:
            code, out, told = tried(verb, given, "--store", url)
            assert (code, out) == (4, "")
            assert "there is no store here. `smartplace centre run` makes it" in told


def test_nothing_is_published_into_a_store_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "city.pub").write_text(generate_key(tmp_path / "city.key"))
    bundle = build_bundle(BundleKind.RULES, 1, "jelgava", "*", b"{}", load_key(tmp_path / "city.key"), created_ms=1)
    write_bundle(tmp_path / "rules.bundle", bundle)
    settings = {"city": "jelgava", "store": "centre.db", "keys": ["city.pub"]}
    (tmp_path / "centre.json").write_text(json.dumps(settings))
    argv = ["centre", "publish", str(tmp_path / "rules.bundle"), "--config", str(tmp_path / "centre.json")]
    done = CliRunner().invoke(cli, argv)
    assert (done.exit_code, done.stdout) == (4, "")
    assert done.stderr.endswith("centre.db: there is no store here. `smartplace centre run` makes it\n")
    assert not (tmp_path / "centre.db").exists()


def test_no_verb_of_the_centre_is_forgotten_here() -> None:
    group = cli.get_command(None, "centre")  # type: ignore[arg-type]
    found = set()
    for name in group.list_commands(None):  # type: ignore[union-attr]
        verb = group.get_command(None, name)  # type: ignore[union-attr]
        below = verb.list_commands(None) if name in ("holders", "lots") else []
        found |= {f"{name} {one}" for one in below} or {name}
    assert found == {*VERBS, "run", "publish"}
