"""`python -m anchorhold`: the command line."""

from anchorhold.cli import main

if __name__ == "__main__":
    main()
