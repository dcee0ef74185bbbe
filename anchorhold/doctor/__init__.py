"""`anchorhold doctor`: what is looked at from outside, as a client does, and what follows for devices."""
