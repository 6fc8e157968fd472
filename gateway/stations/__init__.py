"""Where people are served: desk, gate, till. One file each; what they share is in `services`."""
