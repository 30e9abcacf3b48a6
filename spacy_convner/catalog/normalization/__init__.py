"""What an utterance and a catalog name are turned into before they are compared."""
