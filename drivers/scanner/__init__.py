"""Barcode scanners that send what they read: on a serial line, or typed as by a keyboard."""
