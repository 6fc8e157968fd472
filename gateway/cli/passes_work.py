"""What `smartplace pass` does, apart from the command line: files in, passes and explanations out."""

from __future__ import annotations

import base64
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.cli.exits import BadFile
from gateway.identity.issuers import Issuer, Issuers
from gateway.identity.passes import WINDOW_S, not_good, not_signed
from gateway.model.errors import InputRefused
from gateway.model.identification import Refusal
from gateway.wire import cose_keys, passes, trust
from gateway.wire.cose_keys import Alg, PrivateKey, PublicKey

Told = dict[str, Any]
NAMES = {Alg.EDDSA: "EdDSA", Alg.ES256: "ES256"}
MEANS = {
    Refusal.UNKNOWN_ISSUER: "The trust list does not name its issuer",
    Refusal.UNKNOWN_KEY: "Its issuer has no key of this id that counts at this time",
    Refusal.FORGED: "No key fits the signature, or another phone has proved it",
    Refusal.EXPIRED: "It has expired: issue a new one",
    Refusal.NOT_YET_VALID: "It is of the future: wait, or correct the issuer's clock",
    Refusal.BEYOND_TRUST: "It is for more persons, or for longer, than its issuer may issue one",
    Refusal.STALE_CODE: f"It lacks its phone's proof, or that is more than {WINDOW_S} s off: smartplace pass prove",
}
"""Of the reasons that a gateway gives, those that a pass has in itself."""


def make_key(file: Path, alg: str) -> PublicKey:
    """Write a new private key. Raises `BadFile` when the file is there already: a key is never overwritten."""
    private: PrivateKey = Ed25519PrivateKey.generate() if alg == "EdDSA" else generate_private_key(SECP256R1())
    shape = serialization.PrivateFormat.PKCS8
    raw = private.private_bytes(serialization.Encoding.PEM, shape, serialization.NoEncryption())
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise BadFile(f"cannot make the key file: {error.strerror}", "Name a new file", where=str(file)) from error
    with os.fdopen(handle, "wb") as out:
        out.write(raw)
        out.flush()
        os.fsync(out.fileno())
    return cose_keys.public_of(private)


def line_of(public: PublicKey) -> str:
    """A key as trust lists have it."""
    return base64.b64encode(public.spki()).decode("ascii")


def load_key(file: Path) -> PrivateKey:
    """A private key. Raises `BadFile`, also when others may read it; the message never shows it."""
    raw = _read(file)
    if file.stat().st_mode & 0o077:
        raise BadFile("others may read this key", f"chmod 600 {file}", where=str(file))
    try:
        key = serialization.load_pem_private_key(raw, None)
    except (ValueError, TypeError):
        # Without its cause: it may quote what the file holds.
        raise BadFile("not a private key in PEM", "Make one: smartplace pass key", where=str(file)) from None
    if isinstance(key, Ed25519PrivateKey) or (
        isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1)
    ):
        return key
    raise BadFile("a key of another kind", "Make one: smartplace pass key", where=str(file))


def issue(given: Told, now_s: int) -> bytes:
    """A pass as the command line asks for it. Raises `BadFile` or `InputRefused`."""
    key = load_key(given["key_file"])
    if given["hours"] is not None and given["expires"] is not None:
        raise InputRefused("--hours and --expires exclude each other", "Give one of them")
    expires: datetime | None = given["expires"]
    lives_s = round((given["hours"] or 24) * 3600)
    pass_id = _pass_id(given["id_file"])
    claims = passes.Claims(
        issuer=given["issuer"],
        pass_id=pass_id,
        issued_s=now_s,
        expires_s=_utc(expires) if expires is not None else now_s + lives_s,
        not_before_s=_utc(given["not_before"]) if given["not_before"] is not None else 0,
        subject=given["subject"],
        entitlements=tuple(given["entitlements"]) or None,
        once=given["once"],
        persons=given["persons"],
        phone=_public(given["phone_file"]) if given["phone_file"] is not None else None,
    )
    text = passes.issue(key, claims, key_id=given["key_id"].encode())
    if given["note_file"] is not None:
        _note(given["note_file"], claims)
    return text


def prove(file: Path, key_file: Path, at_s: int) -> bytes:
    """The pass with a proof of its phone. Raises `InputRefused` for a key whose proof no gateway would take."""
    text, key = _text(file), load_key(key_file)
    phone = passes.decode(text).phone
    if phone is None:
        raise InputRefused("the pass is bound to no phone", "It counts without a proof: show it as it is")
    if phone.spki() != cose_keys.public_of(key).spki():
        raise InputRefused("the pass is bound to another phone", "Give the key whose public half it was issued with")
    return passes.prove(text, key, at_s)


def verify(file: Path, key_files: tuple[Path, ...], trust_file: Path | None, at_s: int) -> Told:
    """Each claim with what it means, and the verdict: `good`, `not_checked`, or the reason of a refusal."""
    shown = passes.decode(_text(file))
    if key_files and trust_file is not None:
        raise InputRefused("--key and --trust exclude each other", "Give one of them")
    issuer: Issuer | None
    verdict = "not_checked"
    city = ""
    if key_files:
        issuer = Issuer(shown.issuer, tuple(trust.KnownKey(_public(one)) for one in key_files))
        verdict = _verdict(shown, issuer, at_s)
    elif trust_file is not None:
        issuer = Issuers({}, _trust(trust_file)).find(shown.issuer)
        city = issuer.city if issuer is not None else ""
        verdict = _verdict(shown, issuer, at_s)
    told: Told = {"verdict": verdict, "city": city, "claims": _explained(shown, at_s)}
    if verdict in list(Refusal):
        told["means"] = MEANS[Refusal(verdict)]
    return told


def _verdict(shown: passes.Pass, issuer: Issuer | None, at_s: int) -> str:
    if issuer is None:
        return Refusal.UNKNOWN_ISSUER.value
    refusal = not_signed(shown, issuer, at_s * 1000) or not_good(shown, issuer, at_s * 1000, sure=True)
    return refusal.value if refusal is not None else "good"


def _explained(shown: passes.Pass, at_s: int) -> list[dict[str, str]]:
    message = shown.message
    key_id = message.key_id.decode("ascii", "backslashreplace")
    codes = "none" if shown.entitlements is None else " ".join(shown.entitlements) or "an empty list"
    rows = [
        ("issuer", shown.issuer, "whose key has signed it"),
        (
            "algorithm",
            NAMES[message.alg],
            f"with the key {key_id!r}" if key_id else "names no key: all of its are tried",
        ),
        ("pass id", f"{len(shown.pass_id) // 2} bytes", "not shown; blocks and one-time use go by it"),
        ("subject", "named" if shown.subject else "none", _SUBJECT[bool(shown.subject)]),
        ("issued", _when(shown.issued_ms), "not taken more than 5 minutes before"),
        ("valid from", _when(shown.not_before_ms), _from_now(shown.not_before_ms, at_s)),
        ("expires", _when(shown.expires_ms), _from_now(shown.expires_ms, at_s)),
        ("entitlements", codes, _CODES[shown.entitlements is None]),
        ("persons", str(shown.persons), "how many it lets in"),
        ("use", "once" if shown.once else "again and again", "the first one uses it up" if shown.once else ""),
    ]
    if shown.phone is not None:
        what = f"bound to a phone's key, counts only with a proof of at most {WINDOW_S} s"
        rows.append(("phone", NAMES[shown.phone.alg], what))
    if message.proof is not None:
        holds = "by that phone" if shown.proof_holds else "not by the phone that it is bound to"
        rows.append(
            ("proof", _when(message.proof.at_s * 1000), f"{holds}; {_from_now(message.proof.at_s * 1000, at_s)}")
        )
    return [{"claim": claim, "says": says, "means": means} for claim, says, means in rows]


_SUBJECT = {
    True: "not shown; quotas count for it over all its passes",
    False: "quotas count for each pass by itself",
}
_CODES = {
    True: "the registry has to know it",
    False: "counts as far as the trust list lets its issuer say so, and as the rules' partners translate it",
}


def _text(file: Path) -> bytes:
    raw = sys.stdin.buffer.read(2 * passes.MAX_TEXT) if str(file) == "-" else _read(file)
    return raw.strip()


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise BadFile(f"cannot be read: {error.strerror}", where=str(file)) from error


def _public(file: Path) -> PublicKey:
    try:
        return cose_keys.from_pem(_read(file).decode("ascii"))
    except (UnicodeDecodeError, InputRefused) as error:
        what = error.what if isinstance(error, InputRefused) else "not a PEM public key"
        raise BadFile(what, "Give an Ed25519 or P-256 public key in PEM", where=str(file)) from error


def _trust(file: Path) -> trust.TrustList:
    try:
        return trust.read(_read(file))
    except InputRefused as error:
        raise BadFile(error.what, "See docs/passes.md", where=str(file)) from error


def _pass_id(file: Path | None) -> bytes:
    if file is None:
        return os.urandom(8)
    try:
        return bytes.fromhex(_read(file).decode("ascii"))
    except ValueError:
        raise BadFile("not hex", "Write 1 to 32 bytes in hex", where=str(file)) from None


def _note(file: Path, claims: passes.Claims) -> None:
    """The row by which `bundle build blocks --cards` blocks it."""
    new = not file.exists()
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(("kind,id,issuer\n" if new else "") + f"pass,{claims.pass_id.hex()},{claims.issuer}\n")
    except OSError as error:
        raise BadFile(f"cannot write: {error.strerror}", where=str(file)) from error


def _utc(at: datetime) -> int:
    return int(at.replace(tzinfo=UTC).timestamp())


def _when(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if 0 < ms < 2**47 else "-"


def _from_now(ms: int, at_s: int) -> str:
    from gateway.cli.output import duration

    if not ms:
        return "at any time"
    seconds = ms // 1000 - at_s
    return f"in {duration(seconds)}" if seconds > 0 else f"{duration(-seconds)} ago"
