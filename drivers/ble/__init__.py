"""Bluetooth LE beacons and phones heard by BlueZ, and a beacon of the place's own."""
