"""Printers of slips that speak ESC/POS: texts and QR codes that are no receipt."""
