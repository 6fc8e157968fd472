"""Tests mirror the tree: tests/drivers for drivers/, and so on."""
