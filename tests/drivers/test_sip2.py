"""The sip2 driver as the gateway runs it, against a simulated server on loopback."""

from __future__ import annotations

import os
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from drivers.contract.core import Alive, DeviceState, Hello, Kind, Reply, State
from drivers.contract.library import Patron, PatronStanding, PatronStatus, PinWord
from drivers.driver import DeviceError
from drivers.simulators.sip2 import PatronRecord, Sip2Server
from drivers.sip2 import codec
from drivers.sip2.link import Link, connect
from drivers.sip2.options import Options
from gateway.devices.environment import environment
from tests.support.certificate import certificate
from tests.support.driver_process import DriverProcess

CARD = "L-0001"
PATRONS = {
    CARD: PatronRecord(pin="1234"),
    "L-0002": PatronRecord(flags="YY YY "),
    "L-0003": PatronRecord(flags="Y         Y"),
    "L-0004": PatronRecord(valid=False),
}

Start = Callable[..., DriverProcess]


@pytest.fixture
def server() -> Iterator[Sip2Server]:
    made = Sip2Server()
    made.patrons.update(PATRONS)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def start(server: Sip2Server, tmp_path: Path) -> Start:
    secret = tmp_path / "password"
    secret.touch(mode=0o600)
    secret.write_text("secret\n")
    given = {"user": "gw", "password": str(secret), "institution": "LIB", "location": "hall", "answer_ms": 1000}
    return lambda **more: DriverProcess("drivers.sip2", {"port": server.port, **given, **more})


@pytest.fixture
def driver(start: Start) -> Iterator[DriverProcess]:
    with start() as driver:
        driver.expect_state(DeviceState.READY)
        yield driver


def said(reply: Reply) -> Patron:
    assert reply.body is not None, reply.problem
    return msgspec.json.decode(reply.body, type=Patron)


def code(told: Reply | State) -> str:
    assert told.problem is not None, told
    return told.problem.code


def test_says_hello_then_ready_then_alive(start: Start, server: Sip2Server) -> None:
    with start() as driver:
        assert driver.expect(Hello) == Hello(1, "sip2", "1", Kind.LIBRARY)
        assert driver.expect_state(DeviceState.READY).detail["version"] == "2.00"
        driver.expect(Alive)
        assert driver.stop() == 0
    assert [line[:2] for line in server.heard] == [b"93", b"99"]


@pytest.mark.parametrize("how", ["information", "status"])
def test_each_card_has_one_word_and_nothing_else_leaves_the_driver(start: Start, how: str) -> None:
    with start(ask=how) as driver:
        driver.expect_state(DeviceState.READY)
        words = {card: said(driver.ask(PatronStatus(card))) for card in (*PATRONS, "L-0009")}
        told = "".join(repr(message) for message in driver.heard)
    standing = PatronStanding
    expected = (standing.VALID, standing.LOST, standing.BARRED, standing.UNKNOWN, standing.UNKNOWN)
    assert list(words.values()) == [Patron(word) for word in expected]
    for secret in ("Zane", "Lielā", "3.50", CARD, "secret"):
        assert secret not in told


def test_a_pin_counts_only_when_it_was_typed(driver: DriverProcess) -> None:
    assert said(driver.ask(PatronStatus(CARD, "1234"))).pin is PinWord.RIGHT
    assert said(driver.ask(PatronStatus(CARD, "4321"))).pin is PinWord.WRONG
    assert said(driver.ask(PatronStatus(CARD))).pin is PinWord.NOT_ASKED
    assert said(driver.ask(PatronStatus("L-0004", "1"))).pin is PinWord.WRONG
    # The simulated server calls an empty one right, as real ones do: it never gets there.
    assert code(driver.ask(PatronStatus(CARD, ""))) == "bad_call"


def test_each_patrons_session_is_ended(driver: DriverProcess, server: Sip2Server) -> None:
    driver.ask(PatronStatus(CARD))
    assert server.wait(lambda: server.ended == [CARD])


def test_the_time_that_the_library_is_told_is_the_places(server: Sip2Server, tmp_path: Path) -> None:
    theirs = environment({**os.environ, "TZ": "UTC"}, "Pacific/Auckland")
    with DriverProcess("drivers.sip2", {"port": server.port, "ask": "status"}, environment=theirs) as driver:
        driver.expect_state(DeviceState.READY)
        driver.ask(PatronStatus(CARD))
    [asked] = [line for line in server.heard if line[:2] == b"23"]
    told = datetime.strptime(asked[5:23].decode(), "%Y%m%d    %H%M%S")  # noqa: DTZ007  the protocol's local time
    there = datetime.now(ZoneInfo("Pacific/Auckland")).replace(tzinfo=None)
    assert abs((there - told).total_seconds()) < 60


def test_a_card_that_would_write_fields_of_its_own_is_refused(driver: DriverProcess, server: Sip2Server) -> None:
    assert code(driver.ask(PatronStatus("L|AD1234"))) == "bad_barcode"
    assert server.asked["63"] == 0


def test_an_answer_that_came_garbled_is_asked_for_again(start: Start, server: Sip2Server) -> None:
    with start() as driver:
        driver.expect_state(DeviceState.READY)
        for fault in ("resend", "checksum_once"):
            server.fault = fault
            assert said(driver.ask(PatronStatus(CARD))).standing is PatronStanding.VALID
        assert (server.asked["63"], server.asked["97"]) == (3, 1)
        server.fault = "checksum"
        assert code(driver.ask(PatronStatus(CARD))) == "garbled"


@pytest.mark.parametrize(("fault", "expected"), [("hang", "silent"), ("garbage", "wrong_answer")])
def test_a_server_that_answers_wrongly_is_left_and_comes_back(
    driver: DriverProcess, server: Sip2Server, fault: str, expected: str
) -> None:
    server.fault = fault
    assert code(driver.ask(PatronStatus(CARD))) == expected
    assert code(driver.expect_state(DeviceState.LOST)) == expected
    server.fault = ""
    driver.expect_state(DeviceState.READY)
    assert said(driver.ask(PatronStatus(CARD))).standing is PatronStanding.VALID


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("hang", "silent"),
        ("drop", "closed"),
        ("garbage", "wrong_answer"),
        ("sequence", "wrong_answer"),
        ("other", "wrong_answer"),
        ("cut", "wrong_answer"),
        ("flood", "wrong_answer"),
        ("checksum", "garbled"),
    ],
)
def test_each_way_of_answering_wrongly_has_its_own_problem(server: Sip2Server, fault: str, expected: str) -> None:
    link = connect(Options(port=server.port))
    assert link.ask(codec.status(), b"98", 5.0).code == b"98"
    server.fault = fault
    with pytest.raises(DeviceError) as refused:
        link.ask(codec.status(), b"98", 0.1 if fault == "hang" else 5.0)
    assert refused.value.problem.code == expected
    link.close()


def test_an_answer_about_another_patron_is_none(driver: DriverProcess, server: Sip2Server) -> None:
    server.fault = "other_patron"
    assert code(driver.ask(PatronStatus(CARD))) == "wrong_answer"


def test_a_server_that_is_gone_is_told_once_and_found_again(driver: DriverProcess, server: Sip2Server) -> None:
    server.stop()
    assert code(driver.ask(PatronStatus(CARD))) == "closed"
    driver.expect_state(DeviceState.LOST)
    assert code(driver.ask(PatronStatus(CARD))) in ("closed", "no_server")
    server.start()
    driver.expect_state(DeviceState.READY)


def check_until(link: Link, until: float) -> None:
    while time.monotonic() < until:
        link.check()


def test_a_connection_that_was_cut_is_noticed_before_anybody_asks(driver: DriverProcess, server: Sip2Server) -> None:
    """Servers cut what is idle: the next visitor's question must not be what finds it out."""
    link = connect(Options(port=server.port))
    assert link.ask(codec.status(), b"98", 5.0).code == b"98"
    link.check()
    server.drop()
    until = time.monotonic() + 10
    with pytest.raises(DeviceError) as told:
        check_until(link, until)
    assert told.value.problem.code == "closed"
    link.close()
    assert code(driver.expect_state(DeviceState.LOST)) == "closed"
    driver.expect_state(DeviceState.READY)
    assert said(driver.ask(PatronStatus(CARD))).standing is PatronStanding.VALID


def test_whatever_answers_at_host_and_port_now_is_the_library_s_system(
    driver: DriverProcess, server: Sip2Server
) -> None:
    """A server that was moved to another machine under its name: nothing of the old connection is of use."""
    server.stop()
    assert code(driver.expect_state(DeviceState.LOST)) in ("closed", "no_server")
    moved = Sip2Server(server.port)
    moved.patrons.update(PATRONS)
    moved.start()
    try:
        driver.expect_state(DeviceState.READY)
        assert said(driver.ask(PatronStatus(CARD))).standing is PatronStanding.VALID
        assert [line[:2] for line in moved.heard[:2]] == [b"93", b"99"]
    finally:
        moved.stop()


def test_a_server_that_does_not_say_whether_a_card_is_valid_is_no_reason_to_believe_it(
    driver: DriverProcess, server: Sip2Server
) -> None:
    server.fault = "no_valid"
    assert code(driver.ask(PatronStatus(CARD))) == "not_told"


def test_a_library_that_is_off_line_is_not_ready(start: Start, server: Sip2Server) -> None:
    server.fault = "offline"
    with start() as driver:
        assert code(driver.expect_state(DeviceState.LOST)) == "offline"


def test_no_time_left_is_no_question(driver: DriverProcess, server: Sip2Server) -> None:
    assert code(driver.ask(PatronStatus(CARD), deadline_ms=0)) == "too_late"
    assert server.asked["63"] == 0


def test_the_password_comes_from_a_file_that_nobody_else_reads(start: Start, tmp_path: Path) -> None:
    secret = tmp_path / "other"
    for text, mode in (("secret", 0o644), ("", 0o600), ("a|b", 0o600)):
        secret.write_text(text)
        secret.chmod(mode)
        with start(password=str(secret)) as driver:
            assert code(driver.expect_state(DeviceState.LOST)) == "password_file"
    secret.write_text("wrong")
    with start(password=str(secret)) as driver:
        assert code(driver.expect_state(DeviceState.LOST)) == "no_login"


def test_tls_is_verified(server: Sip2Server, start: Start, tmp_path: Path) -> None:
    files = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    behind_tls = Sip2Server(tls=context)
    behind_tls.patrons.update(PATRONS)
    behind_tls.start()
    try:
        with start(port=behind_tls.port, tls=True, ca=str(files.certificate)) as driver:
            driver.expect_state(DeviceState.READY)
            assert said(driver.ask(PatronStatus(CARD))).standing is PatronStanding.VALID
            behind_tls.drop()
            assert code(driver.expect_state(DeviceState.LOST)) == "closed"
        with start(port=behind_tls.port, tls=True) as driver:
            assert code(driver.expect_state(DeviceState.LOST)) == "not_trusted"
    finally:
        behind_tls.stop()


@pytest.mark.parametrize(
    ("options", "named"),
    [({"host": "sip.library.example"}, "tls"), ({"user": "gw"}, "password"), ({"institution": "a|b"}, "institution")],
)
def test_what_would_be_unsafe_is_no_configuration(options: dict[str, Any], named: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=named):
        msgspec.convert(options, Options)


def test_elsewhere_is_for_tls_or_a_network_that_somebody_vouches_for() -> None:
    for more in ({"tls": True}, {"trusted_network": True}):
        msgspec.convert({"host": "sip.library.example", **more}, Options)


def test_nobody_at_the_port(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with start(port=port) as driver:
        assert code(driver.expect_state(DeviceState.LOST)) == "no_server"
