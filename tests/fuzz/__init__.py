"""Coverage-guided fuzzing of every parser that strangers' bytes reach: `make fuzz` (docs/faults.md, Any bytes).

The property tests beside each parser know what it means; here the only question is whether any bytes at all make it
crash, hang or swell. `targets.py` names the parsers; its test gives each its seeds and some noise in the ordinary run.
"""
