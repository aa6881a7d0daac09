"""Files of a model, local or on the Hub, as raw objects."""
