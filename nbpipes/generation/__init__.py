"""Writing text token by token, with any model that offers to be a decoder."""
