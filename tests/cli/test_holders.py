"""`smartplace centre holders|registry|blocks` as an officer runs it, on both databases; no clear card id anywhere."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gateway.centre.publisher import read_bundle
from gateway.centre.sign import generate_key
from gateway.centre.store import Store
from gateway.cli.holders_common import Progress
from gateway.cli.main import cli
from tests.cli.conftest import ARGV, environment, smartplace
from tests.support.clock import FakeClock
from tests.support.postgres import postgres

UID = "04A2B3C4D5E680"
CLEAR = ("04a2b3c4d5e680", "04:a2:b3:c4:d5:e6:80", "2900001234567", "p-77-canary", "04ffffff", "2900007654321")
"""Every clear id that these tests use, in lower case."""
PEOPLE = """holder,entitlements,language,kind,id,issuer,standing,from,until
h-1,pupil[2026-09-01..2027-05-31] resident,lv,card,04:A2:B3:C4:D5:E6:80,,,,
h-1,pupil[2026-09-01..2027-05-31] resident,lv,pass,P-77-canary,jelgava,,,
h-2,senior,,barcode,2900001234567,,,,
"""
RULES: dict[str, Any] = {
    "schema": 1,
    "rules": [
        {
            "id": "pupils",
            "version": 1,
            "title": {"en": "Pupils"},
            "legal_basis": "Council 1/2026",
            "give": {"kind": "percent", "basis_points": 5000},
            "payers": [{"party": "city", "form": "discount", "rest": True}],
            "who": {"any_of_groups": ["pupil"]},
        }
    ],
}


class Office:
    """A folder with a store, a key and files; remembers all that was ever said."""

    def __init__(self, folder: Path, store: str) -> None:
        self.folder = folder
        self.store = store
        self.said = ""
        self.file("card.key", bytes(range(32)).hex())

    def file(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        return path

    def run(self, *arguments: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
        argv = [*ARGV, "centre", *map(str, arguments), "--store", self.store]
        done = subprocess.run(
            argv, input=stdin, capture_output=True, text=True, timeout=120, env=environment(), check=False
        )
        self.said += done.stdout + done.stderr
        return done

    def did(self, *arguments: str | Path, stdin: str = "", keyed: bool = True) -> dict[str, Any]:
        """A change by Anna, and what was changed."""
        key = ("--card-key", str(self.folder / "card.key")) if keyed else ()
        done = self.run("holders", *arguments, "--as", "Anna", *key, "--json", stdin=stdin)
        assert done.returncode == 0, done.stderr
        document: dict[str, Any] = json.loads(done.stdout)
        assert document["schema"] == 1
        return document

    def told(self, *arguments: str | Path) -> dict[str, Any]:
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        document: dict[str, Any] = json.loads(done.stdout)
        return document


@pytest.fixture(params=["sqlite", "postgresql"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    """Holders were imported already."""
    if request.param == "sqlite":
        yield opened(Office(tmp_path, str(tmp_path / "centre.db")))
        return
    with postgres() as server, server.database() as url:
        yield opened(Office(tmp_path, url))


@pytest.fixture
def town(tmp_path: Path) -> Office:
    return opened(Office(tmp_path, str(tmp_path / "centre.db")))


def opened(office: Office) -> Office:
    store = Store(office.store, FakeClock())
    store.open()
    store.close()
    people = office.file("people.csv", PEOPLE)
    done = office.did("import", people, "--card-key-id", "k1", "--zone", "Europe/Riga")
    assert done["changes"] == {"added": 2, "card added": 3}
    assert (done["holders"], done["cards"]) == (2, 3)
    people.unlink()
    return office


@pytest.mark.timeout(180)  # some twenty processes
def test_a_day_at_the_office(office: Office) -> None:
    card = f"kind,id\ncard,{UID}\n"
    assert office.did("block", "-", stdin=card)["changes"] == {"card blocked": 1}
    assert office.did("block", "-", stdin=card)["operation"] == 0
    assert office.did("unblock", "-", stdin=card)["changes"] == {"card unblocked": 1}
    change = office.file("change.csv", f"kind,id,new_kind,new_id\ncard,{UID},card,04FFFFFF\n")
    assert office.did("replace", change)["changes"] == {"card replaced": 1, "card added": 1}
    change.unlink()
    lent = ("temporary", "h-2", "-", "--until", "2099-01-01", "--zone", "Europe/Riga")
    assert office.did(*lent, stdin='[{"kind":"barcode","id":"2900007654321"}]')["changes"] == {"card added": 1}
    assert office.did("block", "--holder", "h-2", keyed=False)["changes"] == {"card blocked": 2}
    assert office.did("end", "h-2", keyed=False)["changes"] == {"ended": 1, "card ended": 2}

    shown = office.run("holders", "show", "h-1").stdout
    assert "pupil" in shown
    assert "replaced" in shown
    assert office.run("holders", "show", "h-9").returncode == 4
    log = office.told("holders", "log", "--holder", "h-1")["log"]
    assert [row["what"] for row in log][:3] == ["card added", "card replaced", "card unblocked"]
    assert {row["officer"] for row in log} == {"Anna"}
    operations = office.told("holders", "log", "--operations")["operations"]
    assert [row["verb"] for row in operations] == ["end", "block", "temporary", "replace", "unblock", "block", "import"]
    assert "replace" in office.run("holders", "log").stdout

    rules = office.file("rules.json", json.dumps(RULES))
    made = office.told("registry", "--rules", rules, "--out", office.folder / "r", "--at", "2026-12-01")
    assert (made["holders"], made["credentials"], made["key_id"], made["until_ms"]) == (1, 3, "k1", 1_811_797_200_000)
    header, holder, *credentials = (office.folder / "r").read_text().splitlines()
    assert json.loads(header) == {"key_id": "k1", "holders": 1, "credentials": 3}
    assert json.loads(holder) == {"id": "h-1", "entitlements": ["pupil"], "language": "lv"}
    assert sum('"standing":"blocked"' in line for line in credentials) == 1
    assert (office.folder / "r").stat().st_mode & 0o777 == 0o600
    listed = office.told("blocks", "--out", office.folder / "b")
    assert (listed["blocked"], listed["left_out"]) == (3, 0)
    assert len(json.loads((office.folder / "b").read_text())["digests"]) == 3
    assert office.told("blocks", "--out", office.folder / "b", "--since", "2099-01-01")["blocked"] == 0

    export = office.folder / "export.csv"
    assert office.run("holders", "export", "--out", export).returncode == 0
    assert office.did("import", export, keyed=False)["operation"] == 0
    assert office.run("holders", "export").stdout == export.read_text()
    no_clear_id(office)


@pytest.mark.timeout(120)
def test_residence_and_birth_come_in_are_shown_and_go_where_they_are_asked_for(office: Office) -> None:
    said = "holder,residence,born\nh-1,jelgava,2012-02-29\nh-2,siauliai,1946-11-24\n"
    assert office.did("import", "-", "--delta", stdin=said, keyed=False)["changes"] == {"changed": 2}
    shown = office.run("holders", "show", "h-2").stdout
    assert "residence siauliai\nborn 1946-11-24\n" in shown
    holder = office.told("holders", "show", "h-2")["holder"]
    assert (holder["residence"], holder["born"]) == ("siauliai", "1946-11-24")
    for who, told in (
        ({"residence": ["jelgava"]}, {"residence": "jelgava"}),
        ({"age": {"until": 18}}, {"born": "2012-02-29"}),
        ({"any_of_groups": ["resident"]}, {"entitlements": ["resident"]}),
    ):
        rules = office.file("rules.json", json.dumps({"schema": 1, "rules": [{**RULES["rules"][0], "who": who}]}))
        office.told("registry", "--rules", rules, "--out", office.folder / "r")
        line = (office.folder / "r").read_text().splitlines()[1]
        assert {name: value for name, value in json.loads(line).items() if name != "language"} == {"id": "h-1", **told}
    office.run("holders", "log", "--json")
    log = office.run("holders", "log").stdout + office.run("holders", "log", "--operations").stdout
    assert "changed" in log
    for value in ("jelgava", "siauliai", "2012-02", "1946"):
        assert value not in log


def no_clear_id(office: Office) -> None:
    """In no file of the folder, no output, nor in any row of the store (an export has them all)."""
    office.run("holders", "export", "--json")
    everything = {"what was said": office.said.encode()}
    everything |= {str(path): path.read_bytes() for path in office.folder.iterdir() if path.is_file()}
    assert len(everything) > 3
    for name, content in everything.items():
        for clear in CLEAR:
            assert clear.encode() not in content.lower(), f"{clear} in {name}"
        for raw in (bytes.fromhex(CLEAR[0]), bytes.fromhex("04ffffff")):
            assert raw not in content, name


HEADLESS = f"{UID},h-1\n04FFFFFF,h-2\n"
BAD: list[tuple[list[str], str, int, str]] = [
    (["import", "-"], HEADLESS, 9, "row 1"),
    (["import", "-"], f"holder,kind,id,standing\nh-1,card,{UID},2900007654321\n", 9, "row 2"),
    (["import", "-"], f"holder,kind,id\nh-1,card,{UID}x\n", 9, "row 2"),
    (["import", "-"], f'[{{"holder":"h-1","{UID}":1}}]', 9, "item 1"),
    (["import", "-", "--delta"], f"holder,kind,id\nh-3,card,{UID}\n", 5, "another holder"),
    (["import", "-"], "holder\nh-1\n", 5, "--most-ended"),
    (["import", "-", "--card-key-id", "k2"], "holder\nh-1\n", 5, "k1"),
    (["import", "-", "--delta"], "holder,born\nh-1,\nh-2,1880-12-31\n", 9, "row 3: born: before 1881"),
    (["import", "-", "--delta"], "holder,born\nh-1,2199-01-01\n", 9, "row 2: born: in the future"),
    (["import", "-", "--delta"], "holder,residence\nh-1,Jelgava\n", 9, "row 2: wrong, unknown or missing: residence"),
    (["block", "-"], "kind,id\ncard,04FFFFFF\n", 4, "row 2"),
    (["block", "-"], "kind,id\n04FFFFFF,card\n", 9, "row 2"),
    (["block", UID], "", 9, "cannot be read"),  # an id where a file belongs
    (["unblock", "-"], f"kind\n{UID}\n", 9, "row 2"),
    (["replace", "-"], f"kind,id,new_kind,new_id\ncard,{UID},barcode,2900001234567\n", 5, "row 2"),
    (["replace", "-"], f"kind,id\ncard,{UID}\n", 9, "row 2"),
    (["temporary", "h-9", "-", "--until", "2099-01-01T00:00+00:00"], "kind,id\nbarcode,2900007654321\n", 4, "holder"),
    (["temporary", "h-1", "-", "--until", "2099-01-01"], "kind,id\nbarcode,2900007654321\n", 2, "--zone"),
    (["temporary", "h-1", "-", "--until", "2000-01-01T00:00Z"], "kind,id\nbarcode,2900007654321\n", 5, "--until"),
]


def test_what_is_refused_is_one_line_without_any_id(town: Office) -> None:
    """In this process: sixteen of their own would take a slow machine a minute."""
    before = town.run("holders", "export").stdout
    given = ("--as", "Anna", "--card-key", str(town.folder / "card.key"), "--store", town.store)
    for arguments, stdin, code, said in BAD:
        done = CliRunner().invoke(cli, ["centre", "holders", *arguments, *given], input=stdin)
        town.said += done.output
        assert (done.exit_code, done.stdout) == (code, ""), (arguments, done)
        assert said in done.stderr, (arguments, done.stderr)
        assert isinstance(done.exception, SystemExit)
        if code != 2:
            assert done.stderr.count("\n") == 1
    assert town.run("holders", "export").stdout == before
    no_clear_id(town)


def test_without_the_key_a_clear_id_is_refused_and_so_is_an_open_key_file(town: Office) -> None:
    text = f"kind,id\ncard,{UID}\n"
    done = town.run("holders", "block", "-", "--as", "Anna", stdin=text)
    assert (done.returncode, "--card-key" in done.stderr) == (9, True)
    (town.folder / "card.key").chmod(0o644)
    key = ("--card-key", town.folder / "card.key")
    done = town.run("holders", "block", "-", "--as", "Anna", *key, stdin=text)
    assert (done.returncode, "chmod 600" in done.stderr) == (9, True)


def test_a_file_with_card_ids_that_others_may_read_is_told(town: Office) -> None:
    file = town.file("cards.csv", f"kind,id\ncard,{UID}\n")
    file.chmod(0o644)
    done = town.run("holders", "block", file, "--as", "Anna", "--card-key", town.folder / "card.key")
    assert done.returncode == 0
    assert "chmod 600" in done.stderr


def test_more_blocked_cards_than_a_list_holds_are_told(town: Office) -> None:
    many = "holder,kind,id,standing,blocked_ms\n" + "".join(f"h-1,barcode,{n},blocked,{n}\n" for n in range(1, 903))
    town.did("import", "-", "--delta", stdin=many)
    done = town.run("blocks", "--out", town.folder / "b", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["blocked"], told["left_out"], told["left_out_until_ms"]) == (8, 900, 2, 2)


def test_what_the_store_knows_becomes_a_bundle(town: Office) -> None:
    town.did("block", "-", stdin=f"kind,id\ncard,{UID}\n")
    rules = town.file("rules.json", json.dumps(RULES))
    (town.folder / "city.pub").write_text(generate_key(town.folder / "city.key"))
    town.told("registry", "--rules", rules, "--out", town.folder / "registry")
    town.told("blocks", "--out", town.folder / "blocks")
    holds = {"registry": "2 holders, 3 credentials", "blocks": "1 blocked cards"}
    for kind, what in holds.items():
        file = town.folder / f"{kind}.bundle"
        for arguments in (
            ("build", kind, "--city", "jelgava", "--content", town.folder / kind, "--output", file),
            ("sign", file, "--key", town.folder / "city.key"),
            ("verify", file, "--key", town.folder / "city.pub", "--json"),
        ):
            done = smartplace("bundle", *arguments)
            assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["holds"] == what
        assert (read_bundle(file).content or b"") == (town.folder / kind).read_bytes()


def test_content_that_is_none_makes_no_bundle(town: Office) -> None:
    for kind in ("registry", "blocks"):
        broken = town.file("broken", '{"nothing": 1}')
        told = smartplace(
            "bundle", "build", kind, "--city", "jelgava", "--content", broken, "--output", town.folder / "none"
        )
        assert told.returncode == 5
        assert not (town.folder / "none").exists()


def test_progress_is_told_once_in_a_while(capsys: pytest.CaptureFixture[str]) -> None:
    at = iter([0.0, 1.0, 2.5, 3.0, 5.0])
    progress = Progress(lambda: next(at))
    for done in (1000, 2000, 3000, 4000):
        progress("rows read", done)
    assert capsys.readouterr().err.splitlines() == ["rows read: 2000", "rows read: 4000"]


def test_a_rule_document_that_is_none(town: Office) -> None:
    rules = town.file("rules.json", '{"schema": 1, "rules": [{"id": "x"}]}')
    done = town.run("registry", "--rules", rules, "--out", town.folder / "r")
    assert (done.returncode, "rules.json" in done.stderr) == (9, True)
    assert not (town.folder / "r").exists()


def test_a_file_that_cannot_be_written(town: Office) -> None:
    done = town.run("holders", "export", "--out", town.folder / "nowhere" / "x")
    assert (done.returncode, done.stderr.count("\n")) == (9, 1)
    assert "nowhere" in done.stderr
