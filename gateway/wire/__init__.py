"""What gateway and centre say to each other: topics, events, acks, state, signed bundles. No I/O."""
