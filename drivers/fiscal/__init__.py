"""Fiscal printers: one receipt per key, read back from the device after every doubt.

Pure: `dialect` (what every family can be asked), `families` and `*_family` (devices as tables), `datecs_*` and `zfp_*`
(frames and dialects), `plan`, `tenders` and `sendable` (what is refused before a byte is sent), `moves`, `receipt`,
`settle`, `counters`, `report` and `finish` (the courses), `watch`, `slips`, `text`.
On a line: `link`, `wire` (one device), `works` (courses walked on it), `ports`, `serial_port`, `tcp_port`, `lock`.
`driver` and `service` are the shell that ties them to the contract.
"""
