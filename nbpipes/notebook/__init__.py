"""The notebook side: `%%pipe` and what it needs."""
