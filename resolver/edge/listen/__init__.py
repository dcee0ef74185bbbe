"""Where clients come in: one file a kind of socket."""
