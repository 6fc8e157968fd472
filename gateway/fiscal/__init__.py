"""Printing on fiscal devices: one journal and one queue per device for all who print, and what stands on the paper
(docs/decisions/0036-printing-on-fiscal-devices.md)."""
