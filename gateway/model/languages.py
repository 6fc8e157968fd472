"""The languages in which people are spoken to: ISO 639-1 codes, in the order in which they are listed."""

LANGUAGES = ("lv", "lt", "en", "ru")
