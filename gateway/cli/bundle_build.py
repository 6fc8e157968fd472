"""What `smartplace bundle` does, apart from the command line: files in, bundles out."""

from __future__ import annotations

import base64
import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.centre import holders, publisher
from gateway.centre.publisher import write_bundle
from gateway.centre.sign import load_key, make_manifest, sign_bundle
from gateway.cli.client import Client
from gateway.cli.exits import BadFile
from gateway.cli.output import counted
from gateway.cli.rules_files import load_rules, read
from gateway.model.errors import GatewayError, InputRefused
from gateway.rules import examples
from gateway.rules.blank import blank_faults
from gateway.rules.document import RulesContent
from gateway.rules.folder import Document
from gateway.rules.index import compile as compile_rules
from gateway.rules.read import load
from gateway.wire import registry, trust
from gateway.wire.bundle import (
    MAX_WHOLE,
    BundleKind,
    Manifest,
    SignedBundle,
    check_content,
    open_manifest,
    parse_public_key,
    read_manifest,
)
from gateway.wire.chunks import CHUNK_BYTES
from gateway.wire.contents import Blocks, KeySet, RegistryContent, RegistryDelta, decode

Told = dict[str, Any]
DAY_MS = 86_400_000


def build(kind: str, output: Path, given: Told) -> Told:
    """Write a bundle without a signature. Raises `BadFile`, `InputRefused`, `ExamplesFail`."""
    import msgspec

    what = BundleKind(kind)
    base, result = 0, ""
    match what:
        case BundleKind.RULES:
            whole, document = load_rules(_file(given, "rules_file"))
            _refuse_blanks(whole, document)
            _try_examples(whole, document)
            content = whole.raw
        case BundleKind.KEYS:
            if not given["key_files"]:
                raise BadFile("no keys", "Give --key, each public key that may sign from then on")
            keys = KeySet(tuple(_public(file).line for file in given["key_files"]))
            keys.parsed()
            content = msgspec.json.encode(keys)
        case BundleKind.BLOCKS:
            if given["content_file"] is not None:
                blocked = decode(_bytes(given, "content_file"), Blocks, str(given["content_file"]))
            else:
                cards = holders.read_cards(_bytes(given, "cards_file"))
                blocked = holders.build_blocks(cards, _card_key(given), given["card_key_id"])
            content = msgspec.json.encode(blocked)
        case BundleKind.TRUST:
            content = _bytes(given, "trust_file")
            try:
                trust.read(content)
            except InputRefused as error:
                raise BadFile(error.what, "See docs/passes.md", where=str(given["trust_file"])) from error
        case BundleKind.REGISTRY:
            content, base, result = _registry(given)
    now_s = int(time.time())
    expires: datetime | None = given["expires"]
    manifest = make_manifest(
        what,
        given["number"] or now_s,
        given["city"],
        given["target"],
        content,
        created_ms=now_s * 1000,
        expires_ms=int(expires.replace(tzinfo=UTC).timestamp()) * 1000 if expires else 0,
        grace_ms=given["grace_days"] * DAY_MS,
        base=base,
        result=result,
        resized=given["resized"],
    )
    _write(output, SignedBundle(manifest, "", content))
    return _told(read_manifest(manifest), content, "nobody yet")


class ExamplesFail(GatewayError):
    """Rules do not do what their own examples say."""

    code = "examples_fail"


def _refuse_blanks(whole: Document, document: RulesContent) -> None:
    """Raises `BadFile` for a text that says nothing to anybody."""
    if (fault := next(blank_faults(document), None)) is not None:
        raise BadFile(fault.said, fault.advice, where=str(whole.place(fault.path)))


def _try_examples(whole: Document, document: RulesContent) -> None:
    """All of them: each gateway tries them as well, and would refuse the bundle. Raises `ExamplesFail`."""
    rules = compile_rules(document, 0)
    failed = [one for one in examples.run(document, rules) if one.differences]
    if failed:
        first = failed[0]
        more = f", and {len(failed) - 1} more fail" if len(failed) > 1 else ""
        raise ExamplesFail(
            f"this example fails ({first.what[:80]}): {first.differences[0]}{more}",
            "Correct the rules or the examples; `smartplace rules test` tells all differences",
            where=str(whole.place(f"$.examples[{first.number}]")),
        )


def sign(file: Path, key_file: Path, output: Path) -> Told:
    """Sign what is in a file, as it is."""
    key, draft = load_key(key_file), read_bundle(file)
    manifest = read_manifest(draft.manifest)
    content = draft.content or b""
    check_content(manifest, content)
    _write(output, sign_bundle(key, draft.manifest, content))
    return _told(manifest, content, key.name)


def read_bundle(file: Path) -> SignedBundle:
    """A bundle from its file. Raises `BadFile` for one that cannot be read, `InputRefused` for one that is none."""
    try:
        return publisher.read_bundle(file)
    except InputRefused as error:
        if isinstance(error.__cause__, OSError):
            raise BadFile(error.what, "Name a file that can be read", where=str(file)) from error
        raise


def describe(file: Path, key_files: tuple[Path, ...]) -> Told:
    """What a bundle is. Raises `InputRefused` when it is not whole, or not signed by one of these keys."""
    bundle = read_bundle(file)
    trusted = tuple(_public(key) for key in key_files)
    if trusted:
        manifest = open_manifest(bundle, trusted)
        signer = "one of the keys that were given"
    else:
        manifest = read_manifest(bundle.manifest)
        signer = "not checked: no --key was given" if bundle.signature else "nobody yet"
    content = bundle.content or b""
    check_content(manifest, content)
    return _told(manifest, content, signer)


def hand_over(daemon: Client, file: Path, patience_s: float) -> Told:
    """Give a bundle to the gateway on this machine, in chunks when it is large."""
    bundle = read_bundle(file)
    manifest = read_manifest(bundle.manifest)
    content = bundle.content or b""
    whole = manifest.size <= MAX_WHOLE
    announced: Told = {"manifest": _base64(bundle.manifest), "signature": bundle.signature}
    if whole:
        announced["content"] = _base64(content)
    missing = daemon.post("/v1/bundles", json.dumps(announced).encode(), answer_s=patience_s)["missing"]
    sent = 0
    while missing:
        index = missing[0]
        data = _base64(content[index * CHUNK_BYTES : (index + 1) * CHUNK_BYTES])
        chunk = json.dumps({"sha256": manifest.sha256, "index": index, "data": data}).encode()
        missing = daemon.post("/v1/bundles/chunks", chunk, answer_s=patience_s)["missing"]
        sent += 1
        if sent > 2 * len(content) // CHUNK_BYTES + 2:
            raise InputRefused("the gateway asks for the same again and again", "See its log")
    now = daemon.get("/v1/bundles")["now"]
    number = next((state["number"] for state in now["in_force"] if state["kind"] == manifest.kind), 0)
    if number != manifest.number:
        why = now.get("refused", "")
        raise InputRefused(
            f"{manifest.kind} {manifest.number} is not in force, {number or 'none'} is. {why}".strip(),
            "See: smartplace bundle history",
            code="bundle_not_applied",
        )
    return {"kind": manifest.kind.value, "number": number, "in_force": True, "chunks_sent": sent}


def _registry(given: Told) -> tuple[bytes, int, str]:
    """Content, base and result of a registry or a delta."""
    import msgspec

    new = _whole_registry(given)
    content = registry.encode(new)
    if given["base_file"] is None:
        return content, 0, ""
    earlier = read_bundle(given["base_file"])
    of = read_manifest(earlier.manifest)
    if of.kind is not BundleKind.REGISTRY or of.base:
        raise BadFile("not a whole registry", "Give the bundle that is in force", where=str(given["base_file"]))
    delta = registry.difference(registry.decode(earlier.content or b""), new)
    return msgspec.json.encode(delta), of.number, registry.name((content,))


def _whole_registry(given: Told) -> RegistryContent:
    if given["content_file"] is not None:
        return registry.decode(_bytes(given, "content_file"))
    rules = load_rules(_file(given, "rules_file"))[1]
    data = _bytes(given, "holders_file")
    if data.lstrip()[:1] == b"[":
        people = holders.read_json(data)
    else:
        try:
            people = holders.read_csv(data.decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise BadFile("not UTF-8", where=str(given["holders_file"])) from error
    return holders.build_registry(people, _card_key(given), given["card_key_id"], holders.asked_by(rules))


def _told(manifest: Manifest, content: bytes, signer: str) -> Told:
    told: Told = {
        "kind": manifest.kind.value,
        "number": manifest.number,
        "city": manifest.city,
        "target": manifest.target,
        "signed_by": signer,
        "created_ms": manifest.created_ms,
        "expires_ms": manifest.expires_ms,
        "grace_days": manifest.grace_ms // DAY_MS,
        "size": manifest.size,
        "sha256": manifest.sha256,
        "holds": _holds(manifest, content),
    }
    if manifest.base:
        told["base"] = manifest.base
    return told


def _holds(manifest: Manifest, content: bytes) -> str:
    match manifest.kind:
        case BundleKind.RULES:
            return counted(len(load(content).rules), "rule")
        case BundleKind.KEYS:
            keys = decode(content, KeySet, "keys").parsed()
            return "keys " + ", ".join(key.name for key in keys)
        case BundleKind.BLOCKS:
            return f"{len(decode(content, Blocks, 'blocks').digests)} blocked cards"
        case BundleKind.TRUST:
            issuers = trust.read(content).issuers
            return "issuers " + (", ".join(f"{one.issuer} of {one.city}" for one in issuers) or "none")
        case BundleKind.REGISTRY if manifest.base:
            delta = decode(content, RegistryDelta, "registry delta")
            changed, gone = len(delta.holders), len(delta.gone_holders)
            cards = len(delta.credentials) + len(delta.gone_credentials)
            return f"{changed} holders new or changed, {gone} gone, {cards} credentials"
        case BundleKind.REGISTRY:
            whole = registry.decode(content)
            return f"{len(whole.holders)} holders, {len(whole.credentials)} credentials"


def _file(given: Told, name: str) -> Path:
    file: Path | None = given[name]
    if file is None:
        raise BadFile("a file is missing", f"Give --{name.removesuffix('_file').replace('_', '-')}")
    return file


def _bytes(given: Told, name: str) -> bytes:
    return read(_file(given, name))


def _card_key(given: Told) -> bytes:
    if not given["card_key_id"]:
        raise BadFile("the card key has no id", "Give --card-key-id, as the gateways have it")
    text = _bytes(given, "card_key_file")
    file: Path = given["card_key_file"]
    if file.stat().st_mode & 0o077:
        raise BadFile("others may read this key", f"chmod 600 {file}", where=str(file))
    try:
        return bytes.fromhex(text.decode("ascii"))
    except (UnicodeDecodeError, ValueError):
        raise BadFile("not hex", "Write the key in hex", where=str(file)) from None


def _public(file: Path) -> Any:
    try:
        return parse_public_key(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, InputRefused) as error:
        raise BadFile(f"not a minisign public key: {error}", where=str(file)) from error


def _write(output: Path, bundle: SignedBundle) -> None:
    """Whole or not at all: an officer must not sign or send half a file."""
    partial = output.with_name(f"{output.name}.part")
    try:
        write_bundle(partial, bundle)
        os.replace(partial, output)
    except OSError as error:
        raise BadFile(f"cannot write: {error.strerror}", where=str(output)) from error


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")
