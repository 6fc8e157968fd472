"""What a keyboard of ours does: types a code into the program that has the focus, as a scanner would have."""

from __future__ import annotations

from typing import Annotated

import msgspec

Text = Annotated[str, msgspec.Meta(pattern=r"^[\x20-\x7e]{1,128}$(?!\n)")]


class Type(msgspec.Struct, frozen=True, tag="type", tag_field="call"):
    """Type this, and the key that ends it (an option of the driver). The end comes last: what was broken off is not
    sent off. Answered by `Typed`. `repr` hides the text."""

    text: Text

    def __repr__(self) -> str:
        return f"Type({len(self.text)} characters)"


class Typed(msgspec.Struct, frozen=True, tag="typed", tag_field="result"):
    """All of it was given to the system. Which program took it, nobody tells."""


KeyboardCall = Type
KeyboardResult = Typed
