"""How a client's receipt is paid, and what it gives back."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.api.netfp import requests
from gateway.api.netfp.receipts import Checked, Refused
from gateway.api.netfp.requests import read_clock
from gateway.model.fiscal import Payment, PrinterDescription, Reversal, ReversalReason, Tender
from tests.api.netfp.receipts import RIGA, checked, item, original, refusal, work

# Payments ------------------------------------------------------------------------------------------------


def test_without_payments_all_is_cash() -> None:
    for given in ({"items": [item()]}, {"items": [item()], "payments": []}, {"items": [item()], "payments": None}):
        assert checked(given).work.tenders == (Tender(Payment.CASH, 1240),)


def test_payments_have_to_be_the_total() -> None:
    def paid(*amounts: tuple[str, float]) -> list[dict[str, Any]]:
        return [{"paymentType": means, "amount": amount} for means, amount in amounts]

    assert work(item(), payments=paid(("card", 10), ("cash", 2.4))).tenders == (
        Tender(Payment.CARD, 1000),
        Tender(Payment.CASH, 240),
    )
    assert work(item(), payments=paid(("cash", 20), ("change", -7.6))).tenders == (Tender(Payment.CASH, 2000),)
    assert work(item(), payments=paid(("check", 12.4), ("cash", 0))).tenders == (Tender(Payment.CHEQUE, 1240),)
    for wrong in (paid(("cash", 12.39)), paid(("cash", 20)), paid(("cash", 20), ("change", -7))):
        assert refusal(item(), payments=wrong) == ("E403", "payments")
    assert refusal(item(), payments=paid(("cash", 0.005))) == ("E403", "payments[0].amount")
    assert refusal(item(), payments=paid(("cash", -1))) == ("E403", "payments[0].amount")
    assert refusal(item(), payments=paid(("cash", 12.4), ("change", 1))) == ("E403", "payments[1].amount")
    assert refusal(item(), payments=paid(("card", 20), ("change", -7.6))) == ("E406", "payments")
    assert refusal(item(), payments=paid(*[("cash", 1.24)] * 10)) == ("E406", "payments")


def test_a_means_that_the_device_lacks_is_refused_with_those_that_it_has() -> None:
    for means in ("coupons", "gold", ""):
        assert refusal(item(), payments=[{"paymentType": means, "amount": 12.4}]) == ("E406", "payments[0].paymentType")
    with pytest.raises(Refused, match="cash, check, card"):
        checked({"items": [item()], "payments": [{"paymentType": "bank", "amount": 12.4}]})
    assert checked({"items": [item()], "payments": [{"paymentType": "bank", "amount": 12.4}]}, None).work.tenders == (
        Tender(Payment.BANK, 1240),
    )


def test_every_means_of_the_documents_is_one_of_ours() -> None:
    everything = PrinterDescription("x", "y", "z", payments=tuple(Payment))
    for word, means in requests.PAYMENTS.items():
        paid = {"items": [item()], "payments": [{"paymentType": word, "amount": 12.4}]}
        assert checked(paid, everything).work.tenders == (Tender(means, 1240),)


# Reversals -----------------------------------------------------------------------------------------------


def reversal(**fields: Any) -> Checked:
    original = {
        "receiptNumber": "0000123",
        "receiptDateTime": "2026-11-23T10:02:41",
        "fiscalMemorySerialNumber": "02900001",
        "reason": "refund",
    }
    return checked({**original, "items": [item()], **fields}, reversal=True)


def test_a_reversal_names_its_original_and_is_paid_back_in_cash() -> None:
    made = reversal()
    assert made.work.reversal == Reversal("0000123", ReversalReason.REFUND, "2026-11-23T10:02:41", "02900001")
    assert made.work.tenders == (Tender(Payment.CASH, 1240),)
    assert made.messages == ()
    given = reversal(payments=[{"paymentType": "card", "amount": 1}])
    assert given.work == made.work
    assert [message.code for message in given.messages] == ["W302"]


def test_the_reasons_in_their_old_spelling_too() -> None:
    for word, reason in (
        ("tax-base-reduction", "tax_base"),
        ("taxbase-reduction", "tax_base"),
        ("operator-error", "error"),
    ):
        assert original(reversal(reason=word)).reason == reason


@pytest.mark.parametrize("missing", ["receiptNumber", "fiscalMemorySerialNumber"])
def test_a_reversal_without_its_original_is_refused(missing: str) -> None:
    with pytest.raises(Refused) as caught:
        reversal(**{missing: ""})
    assert (caught.value.code, caught.value.where) == ("E405", missing)


@pytest.mark.parametrize(
    ("written", "device_time"),
    [
        ("2026-11-23T10:02:41.123", "2026-11-23T10:02:41"),
        ("2026-11-23 10:02:41", "2026-11-23T10:02:41"),
        ("2026-11-23T08:02:41.000Z", "2026-11-23T10:02:41"),
        ("2026-11-23T09:02:41+01:00", "2026-11-23T10:02:41"),
        ("0001-01-01T00:00:00", ""),
        (None, ""),
    ],
)
def test_a_moment_is_the_devices_local_time(written: str | None, device_time: str) -> None:
    assert original(reversal(receiptDateTime=written)).device_time == device_time
    assert read_clock({"deviceDateTime": written}, RIGA) == device_time
