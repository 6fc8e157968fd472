"""Every error of ours has an exit code; every other error keeps its trace."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from gateway.cli.exits import BadFile, Exit, NotAllowed, Unreachable, exit_of
from gateway.cli.lazy import LazyGroup, Root, Verb
from gateway.model.errors import (
    ConfigurationError,
    Conflict,
    DeadlineMissed,
    GatewayError,
    InputRefused,
    LedgerError,
    NotFound,
    NotReady,
)

CODES = [
    (GatewayError, 1), (LedgerError, 1), (Unreachable, 3), (NotFound, 4), (InputRefused, 5), (Conflict, 5),
    (NotAllowed, 5), (NotReady, 6), (DeadlineMissed, 7), (ConfigurationError, 9), (BadFile, 9),
]  # fmt: skip


def program(error: BaseException) -> click.Group:
    @click.command()
    def fails() -> None:
        raise error

    root = Root(name="smartplace")
    root.add_command(fails)
    return root


@pytest.mark.parametrize(("kind", "code"), CODES)
def test_an_error_of_ours_is_one_line_and_its_code(kind: type[GatewayError], code: int) -> None:
    done = CliRunner().invoke(program(kind("it broke", "Mend it", where="here")), ["fails"])
    assert done.exit_code == code == exit_of(kind("x"))
    assert done.stderr == "error: here: it broke. Mend it\n"
    assert done.stdout == ""


def test_every_class_of_the_error_tree_is_in_the_table() -> None:
    assert {kind for kind, _ in CODES} >= {GatewayError, *subclasses_of_the_model()}


def test_any_other_error_is_a_bug_and_keeps_its_trace() -> None:
    done = CliRunner().invoke(program(ZeroDivisionError("ours")), ["fails"])
    assert isinstance(done.exception, ZeroDivisionError)


def test_ctrl_c_is_130() -> None:
    done = CliRunner().invoke(program(KeyboardInterrupt()), ["fails"])
    assert done.exit_code == 130


def test_a_text_from_outside_cannot_steer_the_terminal() -> None:
    done = CliRunner().invoke(program(GatewayError("evil\x1b]0;title\x07\nerror: fake")), ["fails"])
    assert done.stderr == "error: evil?]0;title? error: fake\n"


def test_a_missing_package_says_how_to_install_it() -> None:
    group = Root(name="smartplace", verbs={"tools": Verb("no_such_package.main:tools", "Tools.", "Install it")})
    done = CliRunner().invoke(group, ["tools", "labels"])
    assert done.exit_code == Exit.NOT_FOUND
    assert done.stderr == "error: smartplace tools: it is not installed. Install it\n"


def test_a_fault_inside_a_package_that_is_there_is_seen() -> None:
    verb = Verb("tests.cli.imports_what_is_missing:tools", "Tools.", "Install it")
    done = CliRunner().invoke(LazyGroup(name="x", verbs={"tools": verb}), ["tools"])
    assert isinstance(done.exception, ModuleNotFoundError)
    assert done.exception.name == "no_such_library"


def subclasses_of_the_model() -> set[type[GatewayError]]:
    return {kind for kind in GatewayError.__subclasses__() if kind.__module__ == "gateway.model.errors"}
