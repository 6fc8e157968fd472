"""The messages between a driver and the gateway: typed JSON, one object a line, over any byte stream.

`core` holds what every driver speaks, `codec` the lines, and one small file per kind of device what that
kind adds: `reader`, `relay`, `printer`, `library`, `keyboard`. Version 1 is described in docs/driver-contract.md.
"""
