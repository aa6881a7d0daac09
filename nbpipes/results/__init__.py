"""Results: plain dicts and lists that remember their task and input, and so can draw themselves."""

from nbpipes.results.records import Record, Records, annotate, annotate_batch

__all__ = ["Record", "Records", "annotate", "annotate_batch"]
