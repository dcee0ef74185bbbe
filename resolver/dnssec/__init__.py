"""Whether what came from outside is what its owner signed: pure, fail-closed."""
