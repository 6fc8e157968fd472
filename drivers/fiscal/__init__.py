"""Fiscal printers (Datecs v1, group A): one receipt per key, or an honest word that it is not known.

`datecs_v1` and `datecs_v1_data` are the pure codec, `families` the devices as tables, `plan` what can be
refused before a byte is printed, `receipt` the pure course of one receipt, `link` and `serial_port` the
wire, `driver` the shell that ties them to the contract.
"""
