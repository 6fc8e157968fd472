"""The problems of the sip2 driver: closed codes, what was seen, what to do."""

from __future__ import annotations

from enum import StrEnum

from drivers.contract.core import Problem


class Code(StrEnum):
    """Every problem that this driver can report."""

    PASSWORD_FILE = "password_file"
    NO_SERVER = "no_server"
    NOT_TRUSTED = "not_trusted"
    NO_LOGIN = "no_login"
    OFFLINE = "offline"
    SILENT = "silent"
    CLOSED = "closed"
    GARBLED = "garbled"
    WRONG_ANSWER = "wrong_answer"
    NOT_TOLD = "not_told"
    BAD_BARCODE = "bad_barcode"
    TOO_LATE = "too_late"


TABLE: dict[Code, tuple[str, str]] = {
    Code.PASSWORD_FILE: (
        "the password's file cannot be used: {why}",
        "Put the password alone into it, mode 0600, owned by the gateway's user",
    ),
    Code.NO_SERVER: (
        "no SIP2 server at {where}: {why}",
        "Check `host` and `port`, and that the library's system has its SIP2 server on",
    ),
    Code.NOT_TRUSTED: (
        "the certificate of {where} is not trusted: {why}",
        "Name the library's own authority in `ca`; `host` has to be the name in the certificate",
    ),
    Code.NO_LOGIN: (
        "{where} refuses the login",
        "Check `user` and the password's file with who runs the library's system",
    ),
    Code.OFFLINE: (
        "{where} says that the library's system is off line",
        "Wait: the library's own business; cards go by the city's registry meanwhile",
    ),
    Code.SILENT: (
        "{where} did not answer in time",
        "Look at the library's system and the network; cards go by the city's registry meanwhile",
    ),
    Code.CLOSED: (
        "{where} closed the connection: {why}",
        "If it keeps happening: another station may use the same login, or the server wants one",
    ),
    Code.GARBLED: (
        "{where} answered with a wrong checksum, asked again too",
        "Compare `error_detection` with the server's setting",
    ),
    Code.WRONG_ANSWER: (
        "{where} answered something else: {why}",
        "Check that it is a SIP2 server of version 2.00; compare `error_detection` and `ask` with its settings",
    ),
    Code.NOT_TOLD: (
        "{where} does not say whether a patron is valid",
        "Set `ask` to the other one of `information` and `status`, or have the server send field BL",
    ),
    Code.BAD_BARCODE: (
        "this code cannot be asked about: it holds a character that SIP2 uses itself",
        "It is no library card",
    ),
    Code.TOO_LATE: (
        "there was no time left to ask",
        "Ask again",
    ),
}
"""Cause template and advice of each code."""


def problem(code: Code, where: str = "", why: object = "") -> Problem:
    """The problem of this code with this server, for people. `why` never holds a card's number."""
    cause, advice = TABLE[code]
    return Problem(code.value, cause.format(where=where, why=why), advice)
