"""What each parser takes, made by the other end where there is one."""

from __future__ import annotations

import base64

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from drivers.contract import codec, printer, reader
from drivers.contract.core import Reading, Stop
from drivers.contract.printer import Payment
from drivers.desfire.authenticate import Wanted, prove
from drivers.desfire.keys import FileKeys
from drivers.fiscal import operations as fiscal
from drivers.relay import modbus
from drivers.simulators import fiscal_v1, sip2
from drivers.simulators.desfire import Desfire
from drivers.simulators.fiscal_wire import Request
from drivers.simulators.wiegand import h10301
from gateway.model.bodies import CardAct, CardRequestBody
from gateway.model.entry import Stream
from gateway.model.identification import Credential, CredentialKind, Strength
from gateway.rules import read, sheet
from gateway.wire import chunks, messages, passes, registry
from gateway.wire.bundle import BundleKind
from gateway.wire.contents import RegistryContent, RegistryCredential, RegistryHolder, Standing
from gateway.wire.cose_keys import public_of
from gateway.wire.messages import Ack, Acks
from gateway.wire.trust import IssuerKey, TrustedIssuer, TrustList
from tests.rules.builders import document, rule
from tests.wire import test_bundle, test_envelope


def _answers(*pieces: bytes) -> bytes:
    """What a card says: a byte of length before each."""
    return b"".join(bytes([len(piece)]) + piece for piece in pieces)


_UID = bytes.fromhex("04A1B2C3D4E5019000")
_HOST = b"example.org/pass"
NDEF = b"\xd1\x01" + bytes([len(_HOST) + 1]) + b"U\x04" + _HOST
TYPE_4_CARD = bytes(20) + _answers(
    *(_UID, b"\x90\x00", b"\x90\x00", bytes.fromhex("000F20003B00340406E10401000000") + b"\x90\x00", b"\x90\x00"),
    *(len(NDEF).to_bytes(2, "big") + b"\x90\x00", NDEF + b"\x90\x00"),
)
TYPE_2_CARD = bytes.fromhex("3B8F8001804F0CA0000003060300030000000068") + _answers(
    *(_UID, bytes.fromhex("E1101200") + b"\x03" + bytes([len(NDEF)]) + NDEF[:10] + b"\x90\x00"),
    NDEF[10:] + b"\xfe" + bytes(15 - len(NDEF[10:])) + b"\x90\x00",
)
DESFIRE_UID, DESFIRE_WANTED = _UID[:7], Wanted(b"\x30\x42\xf5", 0, False, b"")


def _desfire() -> bytes:
    """A card that is genuine where the reader's random number is all zeros."""
    card = Desfire(DESFIRE_UID, DESFIRE_WANTED.application, {0: bytes(16)}, random=lambda size: b"\x11" * size)
    prove(card.apdu, DESFIRE_WANTED, FileKeys({0: bytes(16)}, bytes), DESFIRE_UID)
    return _answers(*(answer for _command, answer in card.log))


DESFIRE_CARD = _desfire()
_URL = b"place.example/?e=" + b"0" * 32 + b"&c=" + b"0" * 16
SUN = b"\xd1\x01" + bytes([len(_URL) + 1]) + b"U\x04" + _URL
_KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
_CLAIMS = passes.Claims(issuer="jelgava", pass_id=b"12345678", expires_s=2**31)
_ALL = msgspec.structs.replace(
    _CLAIMS, subject="s", entitlements=("c1",), once=True, persons=9, issued_s=1, phone=public_of(_KEY)
)
PASS = passes.issue(_KEY, _CLAIMS)
PROVED_PASS = passes.prove(passes.issue(_KEY, _ALL, key_id=b"k1"), _KEY, 2**30)
_ISSUER_KEY = IssuerKey(base64.b64encode(public_of(_KEY).spki()).decode("ascii"), "k1", 1, 2)
TRUST = msgspec.json.encode(TrustList((TrustedIssuer("s", "siauliai", (_ISSUER_KEY,), ("c1",), 9, 60),)))
PHONE = _answers(len(PASS).to_bytes(2, "big") + b"\x90\x00", PASS[:100] + b"\x90\x00", PASS[100:] + b"\x90\x00")
BANK_CARD = _answers(b"\x6a\x82", b"\x6f\x10" + bytes(16) + b"\x90\x00")
USB_DESCRIPTORS = bytes.fromhex("12010002000000404C05C306000101020301 0A0353004F004E005900 04035200 04033100")
PORT100_ANSWER = bytes.fromhex("0000FFFFFF 0400FC D7211101 F6 00")
TWO_CARDS = bytes.fromhex("02 01 0044 00 07 04A1B2C3D4E501 02 0004 20 04 08010203")
CARD_LINE = codec.encode(Reading(1, codec.raw(reader.Card(b"\x04\xaa\xbb\xcc", NDEF))))
CODE_LINE = codec.encode(Reading(1, codec.raw(reader.Code("QRCode", PASS))))
ACCESS_LINE = codec.encode(Reading(1, codec.raw(reader.AccessCard(24, b"\x0c\x87\x07"))))
PULSES = bytes(20 | int(bit) for bit in h10301(12, 34567)) + b"\xff" * 20
STOP_LINE = codec.encode(Stop())
PRINTER_ANSWERS = tuple(
    msgspec.json.encode(said)
    for said in (
        printer.Outcome("k1", printer.Result.PRINTED, "42", z_number="8", device_time="2026-11-27T10:02:41"),
        printer.PrintStep("k1", printer.PrintPoint.INTENT, printer.Baseline("41", "7", 1000, 2000, 0, "DT1")),
        printer.PrinterStatus(True, True, False, "42", ("paper_low",), "7", "2026-11-27T10:02:41", 500),
        printer.Description("f", "m", "x", payments=(printer.Payment.CASH,), rates={"A": 2100}),
        printer.RawAnswer(b"0,12"),
    )
)
COILS = modbus.frame(1, b"\x01\x01\x05")
FISCAL = fiscal_v1.answer(Request(0x20, 0x4A, b""), b"0,12,3", b"\x80" * 6)
_STATUS_V2 = bytes.fromhex("80 80 88 80 86 9A 80 80")
FISCAL_V2 = bytes.fromhex("01 30303339 2C 30303330") + b"0\t472\t\x04" + _STATUS_V2 + bytes.fromhex("05 30363C3B 03")
FISCAL_OPERATIONS: tuple[fiscal.Operation, ...] = (
    fiscal.ReadTransaction(), fiscal.Identify(), fiscal.ReadLast(), fiscal.ReadDay(), fiscal.ReadDay(1),
    fiscal.ReadCash(), fiscal.ReadClock(), fiscal.ReadRates(), fiscal.ReadSubtotal(), fiscal.Pay(Payment.CASH, 1),
    fiscal.Close(), fiscal.Cancel(), fiscal.PrintDay(z=True),
)  # fmt: skip
_STATUS_V1 = bytes.fromhex("80 80 88 80 86 9A")
FISCAL_V1_SAID = tuple(
    bytes([operation]) + _STATUS_V1 + told
    for operation, told in (
        (0, b"1,0002,+00001390,+00002000"),
        (1, b"FP-2000,1.00BG 23NOV18 1000,FFFF,00000000,DT000600,02000600"),
        (3, b"0,0,0,0,0,0,0,0,0017,0003"),
        (128 + 3, b"P,0,0,0,0,0,0,0,0,0017,0003"),
        (4, b"+00000001390,0,0,0,0,0,0,0"),
        (7, b"21.00,12.00,5.00,0.00,DT,DT,DT,DT"),
        (9, b"R0000680"),
    )
)
FISCAL_V2_SAID = tuple(
    bytes([operation]) + _STATUS_V2 + told
    for operation, told in (
        (0, b"0\t1\t473\t2\t13.20\t0.00\t"),
        (1, b"FP-700X,3.00 22Jul25 0923,FFFF,00000000,DT052093,02052093"),
        (6, b"0\t27-06-26 10:02:41 DST\t"),
        (7, b"0\t1\t21.00\t12.00\t" + b"100.00\t" * 6 + b"01-01-26\t"),
        (9, b"0\tR\t6.80\t"),
        (11, b"-111018\t"),
        (12, b"0\t58\t" + b"1.00\t" * 16),
    )
)
ZFP_DATA = bytes.fromhex("02 29 25 71 30 30 30 31 32 33 37 3D 0A")
ZFP_ACK = bytes.fromhex("06 21 33 32 32 30 0A")
ZFP_SAID = (
    b"\x04" + b"1;001;13.90;0;0;0;1;1;1;0;0;2;0.00;0;0;0;0;0;0;000124",
    b"\x08" + b";".join([b"0.00"] * 18),
    b"\x0a27-11-2026 10:02",
    b"\x0b 21.00%; 12.00%",
    b"\x8f=0",
)
LOGGED_IN = sip2.signed("941AY3")[:-1]
PATRON = sip2.signed(f"64Y{' ' * 13}000{sip2.stamp()}{'0' * 24}AOLIB|AAL1|BLY|CQY|AY4")[:-1]
CARD_REQUEST = msgspec.json.encode(
    CardRequestBody(
        request="ab" * 16,
        station="desk-1",
        act=CardAct.LINK,
        staff="Ilze",
        holder="h-1",
        credential=Credential(CredentialKind.PASS, Strength.GENUINE, "ab" * 32, "k1"),
        card=Credential(CredentialKind.CARD, Strength.WEAK, "cd" * 32, "k1"),
    )
)
RECEIPT = msgspec.json.encode({"lines": [{"id": "1", "text": "a", "category": "b", "unit_cents": 1}]})
RULES = document(rule(when={"windows": [{"from": "08:00", "until": "10:00"}]}, who={"any_of_groups": ["c1"]}))
SHEET = sheet.write(read.load(RULES))
BUNDLE = msgspec.json.encode(test_bundle.bundle())
MANIFEST = test_bundle.manifest()
assert BundleKind.RULES.encode() in MANIFEST
REGISTRY = registry.encode(
    RegistryContent(
        "k1",
        (RegistryHolder("h-1", ("c1",)),),
        (RegistryCredential(CredentialKind.CARD, "ab" * 32, "h-1", Standing.ACTIVE),),
    )
)
CHUNK = chunks.encode_chunk("0" * 64, 0, b"data")
WANT = messages.encode(chunks.WantChunks("0" * 64, (0, 1)))
ACK = messages.encode(Acks((Ack(Stream.RECEIPT, "a1" * 8, 7, ((2, 3),), (5,)),)))
BATCH = test_envelope.batch(test_envelope.entry(), test_envelope.entry(2))
HOLDERS = b"holder,entitlements,kind,id\nh-1,c1,card,04A1B2C3D4E501\n"
EVENTS = b"event: shown\nid: 1\ndata: {}\n\n"

BEACON_ID = b"ibeacon:f7826da6-4fa2-4e98-8024-bc5b71e0893e:1:7"
IBEACON = bytes.fromhex("0215f7826da64fa24e988024bc5b71e0893e00010007c5")
EDDYSTONE = bytes.fromhex("20000bb8158000000001000151800000")[:14]
PHONE_KEYS = b"anna-1 = ec0234a357c8ad05341010a60a397d9b\n"

NETFP_RECEIPTS = (
    b"""{"receiptNumber": "123", "receiptDateTime": "2026-11-23T10:02:41Z", "fiscalMemorySerialNumber": "02900001",
    "reason": "taxbase-reduction", "uniqueSaleNumber": "DT900001-ABC1-0000017", "operator": "1", "items": [
    {"text": "Ticket", "quantity": 2, "unitPrice": 5.00, "taxGroup": 1, "priceModifierType": "discount-percent",
    "priceModifierValue": 10}, {"type": "comment", "text": "City card"},
    {"Text": "Catalogue", "UnitPrice": "12.40", "TaxGroup": "TaxGroup3", "ItemCode": 999, "Type": 0},
    {"type": "discount-amount", "amount": 1.40}, {"type": "FooterComment", "text": "Thank you"}],
    "payments": [{"paymentType": "card", "amount": 10}, {"amount": 30}, {"paymentType": "change", "amount": -20}]}""",
    b"""{"receiptNumber": 7, "fiscalMemorySerialNumber": "1", "items": [
    {"text": "Tea", "unitPrice": 0.30000000000000004, "quantity": 0.3333333, "taxGroup": 8, "priceModifierType": 4,
    "priceModifierValue": 1e1}]}""",
)
NETFP_REST = b'{"amount": 50.00, "deviceDateTime": "2026-11-23T10:02:41+02:00", "rawRequest": "VT"}'
SLIP_PRINTED = b'{"result":"slip_printed","key":"k1"}'
