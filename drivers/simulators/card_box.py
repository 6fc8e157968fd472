"""A box of simulated cards, from a JSON file: cards by name, made when first taken out.

{"anna": {"type": "ntag424", "uid": "04A1..", "meta_key": "..", "master_key": ".."},
 "old":  {"type": "type2", "uid": "04B1..", "ndef_uri": "example.org/x"},
 "thief": {"type": "replay", "of": "anna"},
 "visa": {"type": "bank", "uid": "04C1.."}, "passport": {"type": "identity", "uid": "08010203", "hidden": true},
 "phone": {"type": "phone", "text": "SP1:..", "pays": true},
 "berta": {"type": "desfire", "uid": "04C1..", "application": "3042F5", "key_number": 1, "master_key": ".."},
 "copy": {"type": "desfire_clone", "of": "berta"}}
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import msgspec

from drivers.simulators.card_crypto import diversify
from drivers.simulators.cards import Card, Ntag424, Type2Tag, uri_message
from drivers.simulators.desfire import Desfire, card_key
from drivers.simulators.foreign_cards import BankCard, IdentityCard, Phone

Hex7 = Annotated[str, msgspec.Meta(pattern="^[0-9A-Fa-f]{14}$")]
HexUid = Annotated[str, msgspec.Meta(pattern="^([0-9A-Fa-f]{8}|[0-9A-Fa-f]{14}|[0-9A-Fa-f]{20})$")]
Key = Annotated[str, msgspec.Meta(pattern="^[0-9A-Fa-f]{32}$")]


class Type2(msgspec.Struct, frozen=True, tag="type2", forbid_unknown_fields=True):
    """A weak card; `ndef_uri` goes without its `https://`."""

    uid: Hex7
    ndef_uri: str | None = None


class Ntag(msgspec.Struct, frozen=True, tag="ntag424", forbid_unknown_fields=True):
    """A genuine card: its file key is made from `master_key` by `card_crypto.diversify`."""

    uid: Hex7
    meta_key: Key
    master_key: Key
    counter: Annotated[int, msgspec.Meta(ge=0, lt=1 << 24)] = 0


class Replay(msgspec.Struct, frozen=True, tag="replay", forbid_unknown_fields=True):
    """A weak copy of the genuine card `of`: the message of its last tap, for ever."""

    of: str


class Bank(msgspec.Struct, frozen=True, tag="bank", forbid_unknown_fields=True):
    """A payment card."""

    uid: HexUid


class Identification(msgspec.Struct, frozen=True, tag="identity", forbid_unknown_fields=True):
    """A passport or identity card; `hidden`: it shows its applications only after PACE."""

    uid: HexUid
    hidden: bool = False


class Handset(msgspec.Struct, frozen=True, tag="phone", forbid_unknown_fields=True):
    """A phone; `text` is the pass that it hands over, `pays` whether it is a bank card too."""

    text: str = ""
    pays: bool = False


class DesfireCard(msgspec.Struct, frozen=True, tag="desfire", forbid_unknown_fields=True):
    """A genuine DESFire card: its key is made from `master_key`, or is that key when it is not `diversified`."""

    uid: Hex7
    application: Annotated[str, msgspec.Meta(pattern="^[0-9A-Fa-f]{6}$")]
    master_key: Key
    key_number: Annotated[int, msgspec.Meta(ge=0, le=13)] = 0
    key_version: Annotated[int, msgspec.Meta(ge=0, le=255)] = 0
    diversified: bool = True
    system_id: str = ""
    random_uid: bool = False
    counter: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)] | None = None
    """Units in its value file 3; the names of its debits are in file 4."""


class DesfireClone(msgspec.Struct, frozen=True, tag="desfire_clone", forbid_unknown_fields=True):
    """A card with UID and application of the genuine card `of`, and keys that are not its."""

    of: str


Described = Type2 | Ntag | Replay | Bank | Identification | Handset | DesfireCard | DesfireClone

_decoder = msgspec.json.Decoder(dict[str, Described])
_counters = msgspec.json.Decoder(dict[str, int])


class CardBox:
    """Raises `OSError` or `ValueError` when the file is not one of cards, `ValueError` for an unknown name.

    With a `counters` file the genuine cards go on counting where they were, as real ones do.
    """

    def __init__(self, cards: Path, counters: Path | None = None) -> None:
        self._described = _decoder.decode(cards.read_bytes())
        self._counters = counters
        self._kept: dict[str, int] = {}
        if counters is not None and counters.exists():
            self._kept = _counters.decode(counters.read_bytes())
        self._made: dict[str, Card] = {}

    def names(self) -> list[str]:
        return sorted(self._described)

    def card(self, name: str) -> Card:
        """The card of this name, always the same one."""
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def keep_counters(self) -> None:
        """Write the counters that have changed since the last time."""
        now = {name: card.counter for name, card in self._made.items() if isinstance(card, Ntag424)}
        if self._counters is None or now.items() <= self._kept.items():
            return
        self._kept |= now
        temporary = self._counters.with_suffix(".new")
        temporary.write_text(json.dumps(self._kept))
        temporary.replace(self._counters)

    def _make(self, name: str) -> Card:
        match self._described.get(name):
            case Type2(uid=uid, ndef_uri=uri):
                return Type2Tag(bytes.fromhex(uid), b"" if uri is None else uri_message(uri))
            case Ntag(uid=text, meta_key=meta, master_key=master, counter=counter):
                uid7 = bytes.fromhex(text)
                file_key = diversify(bytes.fromhex(master), uid7)
                return Ntag424(uid7, bytes.fromhex(meta), file_key, self._kept.get(name, counter))
            case Replay(of=original):
                match self.card(original) if original != name else None:
                    case Ntag424() as genuine:
                        return genuine.clone()
                    case _:
                        raise ValueError(f"{name} copies {original}, which is no ntag424 of this file")
            case Bank(uid=text):
                return BankCard(bytes.fromhex(text))
            case Identification(uid=text, hidden=hidden):
                return IdentityCard(bytes.fromhex(text), hidden=hidden)
            case Handset(text=text, pays=pays):
                return Phone(text.encode(), pays=pays)
            case DesfireCard() as described:
                return _desfire(described)
            case DesfireClone(of=original):
                match self.card(original) if original != name else None:
                    case Desfire() as genuine_desfire:
                        return genuine_desfire.clone()
                    case _:
                        raise ValueError(f"{name} copies {original}, which is no desfire of this file")
            case None:
                raise ValueError(f"no card {name}; there are {', '.join(self.names())}")


def _desfire(described: DesfireCard) -> Desfire:
    uid, application, key = (
        bytes.fromhex(text) for text in (described.uid, described.application, described.master_key)
    )
    if described.diversified:
        key = card_key(key, uid, application, described.system_id.encode("ascii"))
    keys = {described.key_number: key}
    held = described.counter
    return Desfire(
        uid,
        application,
        keys,
        values={3: held} if held is not None else {},
        data={4: bytes(32)} if held is not None else {},
        key_version=described.key_version,
        random_uid=described.random_uid,
    )
