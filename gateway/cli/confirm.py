"""The one question that verbs ask: before what cannot be undone."""

from __future__ import annotations

import click

from gateway.model.errors import GatewayError


class NotConfirmed(GatewayError):
    """Nobody has said yes."""

    code = "not_confirmed"


def confirm(question: str) -> None:
    """Ask on stderr, and go on with a yes. Raises `NotConfirmed` for any other answer, and where none can come: in a
    script, whose stdin is closed."""
    try:
        if click.confirm(question, err=True):
            return
    except click.Abort:
        click.echo(err=True)  # The cursor stands behind the question.
    raise NotConfirmed("it was not answered with yes, so nothing was done", "Where nobody can answer: --yes")
