"""Live views: the widgets that a notebook shows in place of the static HTML while there is a kernel."""
