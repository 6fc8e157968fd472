"""Field tools around the Smart Place Gateway. Imports nothing of the gateway or its drivers."""
