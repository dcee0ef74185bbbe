"""What is remembered of answers: `packets` in front, `answers` in the resolver."""
