"""From items to tensors: knows files and formats, never models."""
