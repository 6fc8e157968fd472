"""Contactless cards at a PC/SC reader, through pcscd."""
