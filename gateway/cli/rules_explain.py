"""`smartplace rules explain`: a decision that stands in the ledger, in words, and computed again."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.common import LEDGER, as_json, config_option, state_folder
from gateway.cli.exits import Exit
from gateway.cli.output import document, talk
from gateway.cli.rules_files import load_rules
from gateway.model.errors import InputRefused, NotFound
from gateway.model.languages import LANGUAGES

if TYPE_CHECKING:
    from gateway.rules.engine import RuleSet

_ENTRY = re.compile(r"^(?:(?P<gateway>[a-z0-9-]{3,32})/(?P<epoch>[0-9a-f]{16})/)?(?:receipt/)?(?P<seq>[0-9]{1,15})$")
KINDS = ("receipt", "admission")


@click.command()
@click.argument("entry")
@click.option("--rules", "rules_file", type=click.Path(path_type=Path), help="The rules that were in force then.")
@click.option(
    "--language", type=click.Choice(LANGUAGES), default="en", show_default=True, help="Of titles and messages."
)
@as_json
@config_option
def explain(entry: str, rules_file: Path | None, language: str, as_json: bool, config: Path) -> None:
    """Why ENTRY came to its amounts: a receipt or an admission, by its id (gw-1/0123456789abcdef/receipt/7) or by its
    number in the present epoch (7).

    With the rules of its bundle (those in force here, or --rules) it is computed again: exit code 1 when that gives
    anything else than what is stored.
    """
    import msgspec

    from gateway.model.gate_bodies import AdmissionBody
    from gateway.model.till_bodies import ReceiptBody
    from gateway.rules.evaluation import told
    from gateway.rules.explain import explain as in_words
    from gateway.rules.question import ask
    from gateway.rules.replay import replay

    folder = state_folder(config)
    kind, raw = _stored(folder, entry)
    body: ReceiptBody | AdmissionBody
    if kind == "receipt":
        body = msgspec.json.decode(raw, type=ReceiptBody)
    else:
        body = msgspec.json.decode(raw, type=AdmissionBody)
    decision, asked = body.decision, body.asked
    if asked is None:
        raise NotFound("it does not say what it rested on", "It was made by an older program", where=entry)
    rule_set = _rules(folder, rules_file, decision.bundle)
    same: bool | None = None
    if rule_set is None:
        evaluation = told(None, ask(body.receipt, asked), decision, (language,))
    else:
        replayed = replay(rule_set, body.receipt, decision, asked, (language, "en"))
        same, evaluation = replayed.same, replayed.evaluation
    if as_json:
        document(entry=entry, kind=kind, same=same, evaluation=msgspec.to_builtins(evaluation))
    else:
        click.echo(in_words(evaluation, city=asked.city))
    if same is None:
        talk(f"rules bundle {decision.bundle} is not here: not computed again; give it with --rules")
    elif not same:
        talk(f"these rules give something else than what was decided by rules bundle {decision.bundle}")
        raise SystemExit(Exit.FAILED)


def _stored(folder: Path, entry: str) -> tuple[str, bytes]:
    found = _ENTRY.match(entry)
    if found is None:
        raise InputRefused(f"{entry!r} is no entry", "Such as 7, or gw-1/0123456789abcdef/receipt/7", where="ENTRY")
    from gateway.ledger import schema
    from gateway.ledger.files import Names

    names = Names(folder / LEDGER)
    for path in (folder / LEDGER, *names.all_older()):
        db = schema.connect(path, read_only=True)
        try:
            meta = dict(db.execute("SELECT key, value FROM meta").fetchall())
            if found["epoch"] is None or (meta["gateway"], meta["epoch"]) == (found["gateway"], found["epoch"]):
                row = db.execute("SELECT kind, body FROM receipt WHERE seq=?", (int(found["seq"]),)).fetchone()
                return _readable(row, entry)
        finally:
            db.close()
    raise NotFound(f"no epoch {found['gateway']}/{found['epoch']} here", "See `smartplace ledger stats`", where=entry)


def _readable(row: Any, entry: str) -> tuple[str, bytes]:
    if row is None:
        raise NotFound("there is no such entry", "It may be at the centre only by now", where=entry)
    kind, body = row
    if body is None:
        raise NotFound("it was forgotten", "Its header and digest are all that is left", where=entry)
    if kind not in KINDS:
        raise NotFound(f"it is of kind {kind}, which holds no decision", "A receipt or an admission does", where=entry)
    return kind, bytes(body)


def _rules(folder: Path, file: Path | None, number: int) -> RuleSet | None:
    """The rules with this number: from the file, or from those that are here."""
    from gateway.rules.index import compile as compile_rules
    from gateway.rules.read import load

    if file is not None:
        return compile_rules(load_rules(file)[1], number)
    content = _content(folder / "cache.db", number)
    return compile_rules(load(content), number) if content is not None else None


def _content(cache: Path, number: int) -> bytes | None:
    import sqlite3

    if not cache.exists():
        return None
    db = sqlite3.connect(f"file:{cache}?mode=ro", uri=True)
    try:
        row = db.execute("SELECT content FROM content WHERE kind='rules' AND number=?", (number,)).fetchone()
    except sqlite3.DatabaseError:
        return None
    finally:
        db.close()
    return None if row is None else bytes(row[0])
