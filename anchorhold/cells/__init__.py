"""One module per cell: take descriptors, enter the sandbox, build values, run."""
