"""Runs on disk: results that survive whatever ends the process. It knows no pipeline and no model."""
