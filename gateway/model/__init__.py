"""The project's words as types (docs/words.md). Imports nothing of ours; pure values, no I/O."""
