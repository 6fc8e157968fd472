"""The wedge driver's own options."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to type, what may be typed, and how fast.

    `number`: a library card holds letters, digits and hyphens. A code that somebody printed at home may hold anything,
    and what is typed with an Enter behind it into a program is a command to that program.
    """

    port: Annotated[
        str,
        Meta(
            pattern=r"^/[A-Za-z0-9_./:,+=@-]+$(?!\n)",
            description="/dev/uinput; or a pipe, which gets the records that the kernel would get",
        ),
    ] = "/dev/uinput"
    allowed: Annotated[
        Literal["number", "printable"],
        Meta(description="What may be typed: letters, digits and hyphens, 32 at most; or all of printable ASCII"),
    ] = "number"
    end: Annotated[Literal["enter", "tab", "none"], Meta(description="The key that ends a code")] = "enter"
    key_ms: Annotated[
        int, Meta(ge=1, le=100, description="Milliseconds between two strokes (a key down, a key up)")
    ] = 4
