"""`smartplace rules`: rule documents before they are published, and what was decided by them. None needs a daemon."""

from __future__ import annotations

import click

from gateway.cli.lazy import LazyGroup, Verb

VERBS = {
    "evaluate": Verb("gateway.cli.rules_try:evaluate", "What rules give on a receipt, and every rule's why."),
    "explain": Verb("gateway.cli.rules_explain:explain", "Why a stored receipt or admission came to its amounts."),
    "test": Verb("gateway.cli.rules_try:test", "Run the examples that live inside."),
    "check": Verb("gateway.cli.rules_check:check", "Whether rules can be published, and what looks wrong in them."),
    "diff": Verb("gateway.cli.rules_diff:diff", "What another version of rules would change, and what it costs whom."),
    "export": Verb("gateway.cli.rules_sheet:export", "Write rules as a spreadsheet."),
    "import": Verb("gateway.cli.rules_sheet:import_", "Read rules from a spreadsheet."),
}


@click.group(cls=LazyGroup, verbs=VERBS)
def rules() -> None:
    """Try, check, compare rules, explain what they decided. FILE is a rule document or a folder of them."""
