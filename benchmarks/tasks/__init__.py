"""One file a task: what it asks, how it is scored and what of it is shown."""
