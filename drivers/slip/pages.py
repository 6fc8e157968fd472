"""What of encoding slips can be said without the library that does it, and how that is loaded."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

from drivers.driver import DeviceError
from drivers.slip.errors import Code, problem
from drivers.slip.options import Options

if TYPE_CHECKING:
    from drivers.slip.encoding import Encoder

LONGEST = 200
"""Lines of a slip: some 80 cm of paper."""
_VARIABLES = ("ESCPOS_CAPABILITIES_FILE", "ESCPOS_CAPABILITIES_PICKLE_DIR")
"""By which the library can be led to read a table of models, and a pickle, from anywhere."""


def encoder(options: Options) -> Encoder:
    """The encoder for these options. Raises `DeviceError` when the library is missing, or has no such model."""
    before = tempfile.tempdir
    try:
        # Each import of the library leaves a folder with its table of models behind (3.1, capabilities.py): it goes
        # with this one.
        with tempfile.TemporaryDirectory(prefix="sp-slip-") as folder:
            tempfile.tempdir = folder
            for name in _VARIABLES:
                os.environ.pop(name, None)
            from drivers.slip.encoding import Encoder
    except (ImportError, OSError) as error:
        raise DeviceError(problem(Code.NO_LIBRARY, why=error)) from error
    finally:
        tempfile.tempdir = before
    return Encoder(options)
