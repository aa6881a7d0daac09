"""Static HTML for results: what a notebook shows before, after and without any front-end code."""

from nbpipes.display.render import page, render

__all__ = ["page", "render"]
