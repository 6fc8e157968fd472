"""Requests as clients really write them: defaults, numbers for words, fields that mean nothing here."""

from __future__ import annotations

import json

import pytest

from gateway.api.netfp import tree
from gateway.api.netfp.receipts import Refused, positive
from gateway.api.netfp.requests import read_amount, read_raw, read_receipt
from gateway.model.fiscal import Payment, Tender
from tests.api.netfp.receipts import RIGA, checked, item, work


def test_every_field_at_its_default_as_net_clients_write_them() -> None:
    sold = {
        "itemCode": 999, "type": "Sale", "text": "Catalogue", "taxGroup": 3, "department": 0, "quantity": 1.0,
        "unitPrice": 12.40, "amount": 0.0, "priceModifierValue": 0.0, "priceModifierType": "None",
    }  # fmt: skip
    said = {**sold, "type": "FooterComment", "taxGroup": 0, "unitPrice": 0, "text": "Thank you"}
    given = {
        "UniqueSaleNumber": "",
        "Operator": "",
        "Items": [sold, said],
        "Payments": [{"PaymentType": "Cash", "Amount": 12.4}],
    }
    assert checked(given).work == work(item(), {"type": "footer-comment", "text": "Thank you"})


def test_enumerations_as_numbers() -> None:
    given = item(type=0, priceModifierType=1, priceModifierValue=10)
    made = work(given, {"type": 4, "amount": 1}, payments=[{"paymentType": 8, "amount": 10.16}])
    assert made.tenders == (Tender(Payment.CARD, 1016),)


def test_what_means_nothing_here_is_passed_over_and_told() -> None:
    given = {"operator": "1", "operatorPassword": "1", "items": [item(quantiy=2, itemCode=7)]}
    request = read_receipt(tree.parse(json.dumps(given).encode()), RIGA)
    assert request.unused == ("operator", "operatorPassword", "items[0].quantiy")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", ""),
        ("{", ""),
        ('{"items": [}', ""),
        ("[]", "the body"),
        ("null", "the body"),
        ('{"items": {}}', "items"),
        ('{"items": [1]}', "items[0]"),
        ('{"items": [{"text": []}]}', "items[0].text"),
        ('{"items": [{"unitPrice": "4,60"}]}', "items[0].unitPrice"),
        ('{"items": [{"unitPrice": true}]}', "items[0].unitPrice"),
        ('{"items": [{"unitPrice": 1e999999999999}]}', "items[0].unitPrice"),
        ('{"items": [{"unitPrice": 12345678901234567890}]}', "items[0].unitPrice"),
        ('{"items": [{"quantity": 1}, {"type": "gift"}]}', "items[1].type"),
        ('{"items": [{"type": true}]}', "items[0].type"),
        ('{"items": [{"department": 1.5}]}', "items[0].department"),
        ('{"items": [{"text": "a", "Text": "b"}]}', "items[0].Text"),
        ('{"payments": [{"amount": NaN}]}', ""),
    ],
)
def test_what_is_no_request_is_told_with_its_path(text: str, where: str) -> None:
    with pytest.raises(tree.Malformed) as caught:
        checked(text)
    assert caught.value.where == where
    assert caught.value.code in ("E401", "E403")


def test_amounts_of_cash() -> None:
    amount, unused = read_amount(tree.parse(b'{"amount": 50.00, "operator": "1"}'))
    assert (positive(amount), unused) == (5000, ("operator",))
    for wrong in (0, -5, 0.005, 10**9):
        with pytest.raises(Refused) as caught:
            positive(read_amount(tree.parse(b'{"amount": %r}' % wrong))[0])
        assert (caught.value.code, caught.value.where) == ("E403", "amount")
    with pytest.raises(tree.Malformed):
        read_amount({})


def test_a_raw_request_has_a_command() -> None:
    assert read_raw({"rawRequest": "VT"}) == "VT"
    for wrong in ({}, {"rawRequest": ""}, {"rawRequest": None}):
        with pytest.raises(tree.Malformed):
            read_raw(wrong)
