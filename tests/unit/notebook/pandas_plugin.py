"""A pytest plugin that registers the accessor before pandas' own tests run."""

from nbpipes.notebook.accessor import register

register()
