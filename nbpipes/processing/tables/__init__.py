"""Tables for models: their cells as texts, the numbers and dates in them, and the tokens that TAPAS and TAPEX read."""
