"""What nfcpy lets through about a reader, with its name: `OSError`, `termios.error` (no subclass of it), its own
exceptions, and the errors of parsing without checks. libusb's errors are no `OSError` either: see `usb.py`."""

from __future__ import annotations

import struct
import termios
from collections.abc import Iterator
from contextlib import contextmanager

import nfc.clf
import serial
from nfc.clf import pn532, rcs380

from drivers.nfc.errors import BY_ERRNO, Code, ReaderFault

UNCHECKED = (IndexError, KeyError, ValueError, TypeError, AttributeError, AssertionError, struct.error)
"""What nfcpy's parsers raise on bytes that they do not expect."""

OF_CHIPS = (pn532.Chipset.Error, rcs380.CommunicationError, rcs380.StatusError)

GONE = (OSError, termios.error, ReaderFault, *OF_CHIPS, *UNCHECKED)
"""What closing may come upon, whatever state the reader is in."""


@contextmanager
def faults() -> Iterator[None]:
    """Only `ReaderFault` comes out of a block."""
    try:
        yield
    except serial.SerialException as error:
        raise ReaderFault(BY_ERRNO.get(error.errno or 0, Code.UNPLUGGED)) from error
    except termios.error as error:
        raise ReaderFault(Code.UNPLUGGED) from error
    except OSError as error:
        raise ReaderFault(BY_ERRNO.get(error.errno or 0, Code.NO_ANSWER)) from error
    except (*OF_CHIPS, nfc.clf.Error, *UNCHECKED) as error:
        raise ReaderFault(Code.GARBLED) from error
