"""A cell that ends as soon as it is started, for tests of the supervisor's back-off."""

import os

if __name__ == "__main__":
    os._exit(7)
