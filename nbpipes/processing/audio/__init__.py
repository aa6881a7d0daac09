"""Sound: reading it from whatever a user has, and making what models take of it."""
