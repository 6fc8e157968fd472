"""`smartplace …`: one file per verb group; what is heavy is imported inside the command that needs it."""
