"""Driver for contactless cards at a PN532 module on a serial line (HSU): cards, and the NDEF they show."""
