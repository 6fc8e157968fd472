"""Access control readers on two wires (Wiegand), at the pins of a Pi."""
