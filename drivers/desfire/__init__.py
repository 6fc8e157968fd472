"""How a MIFARE DESFire card proves that it is genuine: shared by the drivers of readers, itself no driver."""
