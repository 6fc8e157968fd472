"""What the figures are compared with: small programs of their own, as plain as the job allows."""
