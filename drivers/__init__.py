"""Programs that speak to hardware. They know the contract and nothing of the gateway."""
