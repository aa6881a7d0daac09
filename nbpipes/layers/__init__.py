"""Building blocks of the models: torch only, no other part of nbpipes."""
