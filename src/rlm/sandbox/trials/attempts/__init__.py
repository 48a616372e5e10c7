"""The attempts, one module a family. Each is sent as source behind `prelude.py`: imports belong inside it."""
