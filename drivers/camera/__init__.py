"""Driver `camera`: QR passes and printed codes seen by a network or USB camera."""
