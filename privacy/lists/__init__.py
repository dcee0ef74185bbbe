"""Lists of names that somebody else wrote: their formats, and the image that they are compiled into. Pure data; what is done with
a hit is decided in `resolver/policy/`."""
