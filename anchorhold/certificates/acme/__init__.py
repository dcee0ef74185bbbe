"""A certificate of a public authority, by ACME (RFC 8555): imported by the one run that needs it, and by nobody else."""
