"""Lists: where they come from, how they are kept, and what an operator may do with them. The `lists` cell and its commands."""
