"""``python -m caffelint``."""

from .cli import main

if __name__ == "__main__":
    main()
