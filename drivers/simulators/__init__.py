"""The other end of the wire for each driver: what the hardware would answer, byte for byte.

Each is a class for tests (runs in a thread) and a program for the demo and for people
(`python -m drivers.simulators.NAME`), steered by JSON lines: see `control`.
"""
