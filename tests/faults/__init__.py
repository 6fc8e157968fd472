"""The fault suite: nothing that was told as recorded is lost, nothing is done twice. `python -m tests.faults`."""
