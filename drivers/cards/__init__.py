"""What is asked of a contactless card that takes commands, whichever reader it lies on. Pure: no reader in here."""
