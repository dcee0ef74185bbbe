"""The keeper cell of a program that was made before every scenario (see `launch.py`)."""

from anchorhold import __about__

__about__.BUILT = "1970-01-02"

from anchorhold.cells.keeper import main  # noqa: E402 # it reads the date above

if __name__ == "__main__":
    main()
