"""A run in other formats, one a file; each is made of a trace and nothing else."""
