"""Driver for contactless cards at a PN532 on a serial line or a reader on USB: cards, and the NDEF they show."""
