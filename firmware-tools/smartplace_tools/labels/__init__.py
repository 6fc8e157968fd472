"""Sheets of QR labels: table → checked labels → PDF → read back."""
