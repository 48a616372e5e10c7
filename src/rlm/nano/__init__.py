"""The model in the box: its weights."""
