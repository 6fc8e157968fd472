"""What readers of access control systems hand on, whatever the wire: numbers of cards as bits. No driver."""
