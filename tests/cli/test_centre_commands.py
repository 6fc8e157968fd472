"""`smartplace centre command` and `commands`: kept in the store, sent by whoever runs, done by a gateway, and told."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import click
import msgspec
import pytest

from gateway.centre.query import Query
from gateway.centre.rows import Became
from gateway.centre.store import Store
from gateway.cli.centre_commands import COLOURS
from gateway.cli.centre_commands import command as command_group
from gateway.model.entry import EntryKind
from gateway.wire.commands import Act
from gateway.wire.messages import State
from tests.centre.chains import EPOCH
from tests.centre.programs import worker
from tests.centre.scripted import eventually
from tests.cli.conftest import Running, said, smartplace, write_config
from tests.support.broker import mosquitto
from tests.support.clock import FakeClock
from tests.support.postgres import Postgres, postgres

HERE = "gw-test"
"""The gateway that `write_config` describes."""
ID = "c0" * 16
LATER = ("--expires", "2126-01-01")


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A store without anything in it, not made yet."""
    if request.param == "sqlite":
        yield str(tmp_path / "centre.db")
        return
    with request.getfixturevalue("server").database() as url:
        yield url


@pytest.fixture
def heard_of(store: str) -> str:
    """The same store, which has heard of one gateway."""
    made = Store(store, FakeClock())
    made.open()
    made.hear([(HERE, msgspec.convert({"online": True, "session": "s1", "epoch": EPOCH}, State))])
    made.close()
    return store


def command(store: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return smartplace("centre", "command", HERE, *arguments, "--store", store)


def given(store: str, *arguments: str) -> str:
    """The id of a command that was given."""
    done = command(store, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def told(store: str, *arguments: str) -> list[dict[str, Any]]:
    done = smartplace("centre", "commands", *arguments, "--json", "--store", store)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["schema"] == 1
    return list(document["commands"])


# To a gateway and back -----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_commands_reach_a_gateway_are_done_once_and_what_became_of_them_is_told(store: str, tmp_path: Path) -> None:
    def rows() -> dict[str, dict[str, Any]]:
        return {row["id"]: row for row in told(store, "--gateway", HERE)}

    def wait_for(right: Callable[[Query], bool]) -> None:
        query = Query(store)
        eventually(lambda: right(query))

    def is_online(query: Query) -> bool:
        return any(row.online for row in query.gateways(HERE))

    config = write_config(tmp_path / "etc")
    with mosquitto() as broker, worker(broker, store, tmp_path):
        config.write_text(config.read_text().replace("port = 9\n", f"port = {broker.port}\n"))
        with Running("run", "--config", config) as process:
            process.until("ready: http://")
            wait_for(is_online)
            epoch = Query(store).gateways(HERE)[0].epoch
            wait_for(lambda query: bool(query.events(HERE)))

            pace = given(store, "pace", "--entries-per-s", "20", "--id", ID, *LATER)
            assert pace == ID
            wait_for(lambda query: query.commands()[0].outcome is not None)
            assert given(store, "pace", "--entries-per-s", "20", "--id", ID, *LATER) == ID
            again = given(store, "resend", "--stream", "audit", "--epoch", epoch, "--first", "1", "--last", "2")
            nowhere = given(store, "resend", "--stream", "audit", "--epoch", "0" * 32, "--first", "1", "--last", "2")
            fresh = given(store, "new_epoch", "--epoch", epoch, "--reason", "a copy of its card was seen")
            wait_for(lambda query: all(row.outcome is not None for row in query.commands()))
            done = rows()
            assert list(done) == [pace, again, nowhere, fresh], "oldest first, and the repetition is no command"
            assert {key: row["became"] for key, row in done.items()} == {
                pace: "done",
                again: "done",
                nowhere: "refused",
                fresh: "done",
            }
            # Behind it, on a machine whose clock nothing vouches for: that its expiry was not checked.
            assert done[pace]["detail"].startswith("20 backlog entries a second until the next start")
            assert done[pace]["act"] == {"do": "pace", "entries_per_s": 20}
            assert done[nowhere]["detail"] == f"epoch {'0' * 32} is not here"
            wait_for(lambda query: query.gateways(HERE)[0].epoch != epoch)
            process.process.terminate()
            assert process.end() == 0, process.err

        wait_for(lambda query: not is_online(query))
        missed = given(store, "pace", "--entries-per-s", "7")
        wait_for(lambda query: query.commands(limit=1)[0].sent_ms is not None)
        assert rows()[missed]["became"] == "sent"
        with Running("run", "--config", config) as process:
            process.until("ready: http://")
            wait_for(lambda query: query.commands(limit=1)[0].outcome is not None)
            wait_for(lambda query: len(query.events(HERE, kind=EntryKind.COMMAND)) >= 5)
        assert rows()[missed]["became"] == "done"
        recorded = [json.loads(bytes(row.body or b"")) for row in Query(store).events(HERE, kind=EntryKind.COMMAND)]
        assert sorted(body["command"] for body in recorded) == sorted([pace, again, nowhere, fresh, missed])
    shown = smartplace("centre", "commands", "--store", store).stdout.splitlines()
    assert shown[0].split() == ["id", "gateway", "given", "command", "detail"]
    assert re.fullmatch(rf"{ID}  {HERE}  .{{19}}  pace entries_per_s=20 +done +20 backlog entries .*", shown[1])
    assert f"new_epoch epoch={epoch} reason=a copy of its card was seen" in shown[4]


# The store -----------------------------------------------------------------------------------------------


def test_a_command_has_a_new_id_and_waits_in_the_store(heard_of: str) -> None:
    done = command(heard_of, "pace", "--entries-per-s", "20")
    assert re.fullmatch(r"[0-9a-f]{32}\n", done.stdout)
    assert said(done) == ["kept, to be sent with the next beat of a worker"]
    assert given(heard_of, "pace", "--entries-per-s", "20") != done.stdout.strip()
    first, second = told(heard_of)
    assert (first["id"], first["became"], first["sent_ms"], first["expires_ms"]) == (
        done.stdout.strip(),
        "waiting",
        None,
        0,
    )
    assert [row["id"] for row in told(heard_of, "--limit", "1")] == [second["id"]]
    assert told(heard_of, "--gateway", "school-1") == []


def test_the_same_id_is_the_same_command_and_never_another(heard_of: str) -> None:
    whole = ("pace", "--entries-per-s", "20", "--id", ID, *LATER)
    shown = [json.loads(command(heard_of, *whole, "--json").stdout) for _ in range(2)]
    assert [one.pop("new") for one in shown] == [True, False]
    assert shown[0] == shown[1]
    assert (shown[0]["id"], shown[0]["gateway"], shown[0]["expires_ms"]) == (ID, HERE, 4_922_899_200_000)
    for other in (("--entries-per-s", "21", *LATER), ("--entries-per-s", "20")):
        done = command(heard_of, "pace", *other, "--id", ID)
        assert (done.returncode, done.stdout) == (5, "")
        assert said(done) == [f"error: command {ID} is another one. Give it a new id"]
    assert len(told(heard_of)) == 1


def test_a_command_that_has_expired_already_is_not_kept(heard_of: str) -> None:
    done = command(heard_of, "pace", "--entries-per-s", "20", "--expires", "2026-01-01")
    assert (done.returncode, done.stdout) == (5, "")
    assert "would expire before it is sent" in done.stderr
    assert told(heard_of) == []


def test_a_gateway_that_was_never_heard_of_gets_no_command(heard_of: str) -> None:
    argv = ("centre", "command", "gw-tset", "pace", "--entries-per-s", "20", "--store", heard_of)
    done = smartplace(*argv)
    assert (done.returncode, done.stdout) == (4, "")
    (line,) = said(done)
    assert line.startswith("error: gw-tset: no gateway of this id was ever heard of. ")
    assert told(heard_of) == []


# The command line ----------------------------------------------------------------------------------------

RANGE = ("--first", "1", "--last", "2")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "say what it is to do: new_epoch, pace, resend"),
        (("resned",), "Did you mean 'resend'?"),
        (("pace",), "Missing option '--entries-per-s'"),
        (("pace", "--entries-per-s", "0"), "1<=x<=100000"),
        (("pace", "--entries-per-s", "fast"), "'fast' is not a valid integer"),
        (("pace", "--entries-per-s", "1", "--epoch", EPOCH), "No such option"),
        (("pace", "--entries-per-s", "1", "--id", "mine"), "16 to 64 hex digits"),
        (("pace", "--entries-per-s", "1", "--expires", "soon"), "'soon' is no time"),
        (("resend", "--stream", "receipt", "--epoch", "ABCDEF12", *RANGE), "8 to 64 hex digits"),
        (("resend", "--stream", "receipts", "--epoch", EPOCH, *RANGE), "'receipts' is not one of"),
        (("resend", "--stream", "receipt", "--epoch", EPOCH, "--first", "0", "--last", "2"), "1<=x<=2147483647"),
        (("resend", "--stream", "receipt", "--epoch", EPOCH, "--first", "3", "--last", "2"), "--first 3 is behind"),
        (("new_epoch",), "Missing option '--epoch'"),
        (("new_epoch", "--epoch", EPOCH, "--reason", "x" * 301), "at most 300 characters"),
    ],
)
def test_a_wrong_command_line_is_told_before_the_store_is_asked(arguments: tuple[str, ...], why: str) -> None:
    store = ("--store", "/nowhere") if len(arguments) > 1 else ()
    done = smartplace("centre", "command", HERE, *arguments, *store)
    assert (done.returncode, done.stdout) == (2, "")
    assert why in done.stderr


def test_a_gateways_id_is_looked_at() -> None:
    done = smartplace("centre", "command", "Museum_1", "pace", "--entries-per-s", "1", "--store", "/nowhere")
    assert done.returncode == 2
    assert "3 to 32 of a-z, 0-9 and -" in done.stderr


def test_every_kind_that_the_wire_knows_can_be_given_with_every_field() -> None:
    kinds = {str(act.__struct_config__.tag): set(act.__struct_fields__) for act in get_args(Act)}
    common = {"command_id", "expires", "as_json", "config", "store", "password_file"}
    assert isinstance(command_group, click.Group)
    assert {
        name: {str(option.name) for option in verb.params} - common for name, verb in command_group.commands.items()
    } == kinds


def test_everything_that_a_command_can_become_has_its_colour() -> None:
    assert set(COLOURS) == set(Became)
