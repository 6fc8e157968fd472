"""A bundle's content made ready beside the one in force, and tried: nothing counts yet, nothing is lost if it fails.

The self-test asks what a person would: do the rules compile, are the cards found that are in the registry, did it not
shrink or grow beyond reason? Everything here is slow and runs in a thread of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import msgspec

from gateway.identity.registry import Cache
from gateway.model.errors import InputRefused
from gateway.rules.document import RulesContent
from gateway.rules.engine import RuleSet
from gateway.rules.index import compile as compile_rules
from gateway.rules.read import load
from gateway.wire.bundle import BundleKind, Manifest
from gateway.wire.contents import MAX_DELTA, RegistryDelta, decode

PROBES = 100
"""Credentials of a new registry that must be found as a tap would find them."""
EXAMPLES = 300
"""Of a rule document that are tried: a second on a small box."""
EXAMPLE_ADVICE = (
    "Run `smartplace rules test` at the centre: when it fails, too, correct the rules or the examples and publish them "
    "anew; when it passes, this gateway has another version of the program than the centre"
)
SMALL = 50
"""What has fewer rules or holders may change as it likes."""
FOLD = 4
"""The new one may have a quarter to four times of what the one in force has, unless the manifest says more."""

Pieces = Callable[[], Iterator[bytes]]
"""A content's bytes, as often as they are asked for."""


def check_pieces(manifest: Manifest, pieces: Iterable[bytes]) -> None:
    """Whether fetched content is the one that was signed. Raises `InputRefused` (`bundle_content`)."""
    whole, size = hashlib.sha256(), 0
    for piece in pieces:
        whole.update(piece)
        size += len(piece)
    if size != manifest.size or whole.hexdigest() != manifest.sha256:
        raise InputRefused("the content is not the one that was signed", code="bundle_content")


def stage_rules(cache: Cache, manifest: Manifest, pieces: Pieces, in_force: int) -> RuleSet:
    """Compile, try and keep rules; `in_force` is how many count now. Raises `InputRefused`."""
    content = b"".join(pieces())
    document = load(content)
    rules = compile_rules(document, manifest.number)
    _check_size(manifest, "rules", in_force, len(rules))
    _try_examples(document, rules)
    cache.staging.put_content(BundleKind.RULES.value, manifest.number, content)
    return rules


def compile_document(content: bytes, number: int) -> RuleSet:
    """Raises `InputRefused` for a document that is none or makes no sense."""
    return compile_rules(load(content), number)


def stage_registry(cache: Cache, manifest: Manifest, pieces: Pieces, key_id: str) -> None:
    """Stage a whole registry or a delta, and try it. Raises `InputRefused`; `bundle_base` when the whole is needed."""
    number = manifest.number
    if not manifest.base:
        found = cache.stage_registry(number, pieces(), key_id)
        if found != manifest.sha256:
            cache.unstage(number)
            raise InputRefused("the registry is not in its canonical form", code="bundle_content")
    elif manifest.base != cache.number:
        what = f"a delta from registry {manifest.base}, and {cache.number or 'none'} is in force"
        raise InputRefused(what, code="bundle_base")
    else:
        if manifest.size > MAX_DELTA:
            raise InputRefused(f"a delta of {manifest.size} bytes", "Publish the whole registry", code="bundle_base")
        delta = decode(b"".join(pieces()), RegistryDelta, "registry delta")
        cache.stage_delta(number, delta, manifest.base, key_id, manifest.result)
    try:
        if not cache.probe(number, cache.sample(number, PROBES)):
            raise InputRefused("self-test: cards of the registry are not found in it", code="bundle_self_test")
        _check_size(manifest, "holders", cache.size_of(cache.number), cache.size_of(number))
    except InputRefused:
        cache.unstage(number)
        raise


def _try_examples(document: RulesContent, rules: RuleSet) -> None:
    """What the author expects of the rules has to come out here, too."""
    if not document.examples:
        return
    from gateway.rules import examples  # Ten modules that answer authors: not worth memory where nobody asks.

    for outcome in islice(examples.run(document, rules), EXAMPLES):
        if outcome.differences:
            what = f"self-test: example {outcome.number + 1} ({outcome.what[:80]}): {outcome.differences[0]}"
            raise InputRefused(what, EXAMPLE_ADVICE, code="bundle_self_test")


def _check_size(manifest: Manifest, of: str, old: int, new: int) -> None:
    if not manifest.resized and old >= SMALL and not old <= new * FOLD <= old * FOLD * FOLD:
        raise InputRefused(
            f"self-test: {new} {of} where {old} are in force",
            "Sign it with `resized` when that is meant",
            code="bundle_self_test",
        )


class RulesInForce(msgspec.Struct, frozen=True):
    """Compiled rules and when they stop counting (ms since 1970, 0 for never)."""

    rules: RuleSet
    expires_ms: int
