"""The engine: pipelines, batching, events. It knows no task and no model."""
