"""Who is it? Credential → holder: registry cache, cards that prove themselves, signed passes. All offline."""
