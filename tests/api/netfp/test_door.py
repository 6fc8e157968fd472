"""Who may call: hosts, pages, clients with tokens, over TLS; and what is told of those who may not."""

from __future__ import annotations

import ssl
from pathlib import Path

import aiohttp
import pytest

from gateway.api.netfp.codes import OF_PROBLEMS, OF_REASONS
from gateway.api.netfp.files import NetfpFiles
from tests.api.netfp.conftest import ORIGIN, PRINTER, RECEIPT, Shop, code
from tests.support.certificate import certificate

TOKEN, ANOTHER = bytes(range(16)), bytes(16)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
async def test_our_own_names_are_ours(shop: Shop, host: str) -> None:
    assert PRINTER in await shop.get("/printers", headers={"Host": f"{host}:{shop.face.port}"})


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "localhost", ""])
async def test_another_host_is_refused(shop: Shop, host: str) -> None:
    headers = {"Host": host.format(port=shop.face.port)}
    assert code(await shop.post("receipt", RECEIPT, status=421, headers=headers)) == "E408"
    assert shop.security[0][0] == "foreign_host"
    assert not shop.outputs.jobs


async def test_a_page_from_elsewhere_prints_nothing(shop: Shop) -> None:
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        assert code(await shop.post("receipt", RECEIPT, status=403, headers=headers)) == "E408"
        assert code(await shop.get("/printers", status=403, headers=headers)) == "E408"
    assert not shop.outputs.jobs


async def test_a_form_of_a_page_prints_nothing(shop: Shop) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        for action in ("receipt", "zreport"):
            answer = await shop.post(action, '{"items": []}', status=415, headers={"Content-Type": kind})
            assert answer["ok"] is False
    assert not shop.outputs.jobs


async def test_the_pos_page_of_the_configuration_may_call(shop: Shop) -> None:
    asks = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST", "Access-Control-Request-Private-Network": "true"}
    async with shop.http.options(f"/printers/{PRINTER}/receipt", headers=asks) as may:
        assert may.status == 204
        assert may.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert "Content-Type" in may.headers["Access-Control-Allow-Headers"]
        assert may.headers["Access-Control-Allow-Private-Network"] == "true"
    async with shop.http.post(f"/printers/{PRINTER}/receipt", json=RECEIPT, headers={"Origin": ORIGIN}) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert (await answer.json())["ok"] is True


async def test_a_body_beyond_the_limit_is_refused(shop: Shop) -> None:
    assert (await shop.post("receipt", b" " * (256 * 1024 + 1), status=413))["ok"] is False


async def test_every_answer_is_json_and_not_kept(shop: Shop) -> None:
    async with shop.http.get("/printers") as answer:
        assert answer.headers["Content-Type"].startswith("application/json")
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Server"] == "smartplace"


# Tokens --------------------------------------------------------------------------------------------------


async def test_with_tokens_every_request_has_to_have_one(shop: Shop) -> None:
    await shop.close()
    await shop.open({"till-2": TOKEN, "bar": ANOTHER})
    for headers in ({}, {"Authorization": f"Bearer {'ff' * 16}"}, {"Authorization": f"Basic {TOKEN.hex()}"}):
        assert code(await shop.post("receipt", RECEIPT, status=401, headers=headers)) == "E408"
    assert await shop.get(f"/as/{'ff' * 16}/printers", status=401)
    assert ("not_a_client", "netfp", 1) in shop.security
    assert not shop.outputs.jobs


async def test_a_client_with_its_token_is_named_on_record(shop: Shop) -> None:
    await shop.close()
    await shop.open({"till-2": TOKEN, "bar": ANOTHER})
    assert (await shop.post("receipt", RECEIPT, headers={"Authorization": f"bearer {TOKEN.hex().upper()}"}))[
        "ok"
    ] is True
    assert (await shop.ask("POST", f"/as/{ANOTHER.hex()}/printers/{PRINTER}/receipt", RECEIPT))["ok"] is True
    bodies = shop.place.bodies(shop.place.kinds()[0])
    assert [body["client"] for body in bodies] == ["till-2", "bar"]


async def test_the_pos_page_can_read_that_its_token_is_missing(shop: Shop) -> None:
    await shop.close()
    await shop.open({"till-2": TOKEN})
    async with shop.http.get("/printers", headers={"Origin": ORIGIN}) as answer:
        assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN


async def test_no_token_is_ever_told(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    await shop.close()
    await shop.open({"till-2": TOKEN})
    await shop.get(f"/as/{'ee' * 16}/printers", status=401)
    await shop.get(f"/as/{TOKEN.hex()}/nothing", status=404)
    await shop.ask("POST", f"/as/{TOKEN.hex()}/printers/{PRINTER}/receipt", "{", status=400)
    said = caplog.text + repr(shop.security) + repr(NetfpFiles({"till-2": TOKEN})) + repr(shop.face._clients)
    assert TOKEN.hex() not in said
    assert "ee" * 16 not in said


async def test_over_tls(shop: Shop, tmp_path: Path) -> None:
    files = certificate(tmp_path, "localhost")
    await shop.close()
    shop.face = shop.make(NetfpFiles({"till-2": TOKEN}, files))
    await shop.face.start()
    trusted = ssl.create_default_context(cafile=str(files.certificate))
    shop.http = aiohttp.ClientSession(
        f"https://localhost:{shop.face.port}", connector=aiohttp.TCPConnector(ssl=trusted)
    )
    assert PRINTER in await shop.get("/printers", headers={"Authorization": f"Bearer {TOKEN.hex()}"})
    async with aiohttp.ClientSession() as plain:
        with pytest.raises(aiohttp.ClientError):
            await plain.get(f"http://127.0.0.1:{shop.face.port}/printers")
    assert PRINTER in await shop.get("/printers", headers={"Authorization": f"Bearer {TOKEN.hex()}"})


# Administration ------------------------------------------------------------------------------------------


async def test_the_servers_variables(shop: Shop) -> None:
    told = await shop.get("/service/vars")
    assert (told["autoDetect"], told["version"]) == (False, "1.1.0")
    assert await shop.get("/service/printers") == {PRINTER: {"uri": "unknown.smartplace://till-printer"}}
    assert await shop.get("/service/printersprops") == {}


@pytest.mark.parametrize(
    ("method", "name"),
    [
        ("GET", "detect"),
        ("GET", "stop"),
        ("GET", "toggleautodetect"),
        ("POST", "printers/configure"),
        ("POST", "webaccess"),
    ],
)
async def test_administration_is_the_configuration(shop: Shop, method: str, name: str) -> None:
    answer = await shop.ask(method, f"/service/{name}", {} if method == "POST" else None, status=423)
    assert (answer["ok"], code(answer)) == (False, "E404")
    assert (await shop.get("/service/nothing", status=404))["ok"] is False


# Tables --------------------------------------------------------------------------------------------------


def test_every_reason_and_every_sign_of_the_driver_has_its_code() -> None:
    from drivers.fiscal.errors import Reason
    from drivers.fiscal.families import Sign

    unknown_ends = {
        "cancel_not_confirmed", "doubt_at_payment", "doubt_at_close", "not_read_back", "device_not_told",
        "other_device", "other_receipt", "counters_differ", "x_has_no_trace", "number_not_read",
    }  # fmt: skip
    assert {str(reason) for reason in Reason} - set(OF_REASONS) - unknown_ends == set()
    told_as_info = {
        "syntax_error", "unknown_command", "not_allowed_now", "overflow", "receipt_open", "storno_receipt_open",
        "service_receipt_open", "rotated_receipt_open", "training_mode", "prices_without_cents",
    }  # fmt: skip
    assert {str(sign) for sign in Sign} - set(OF_PROBLEMS) - told_as_info == set()
