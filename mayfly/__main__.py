"""`python -m mayfly` is the command `mayfly`."""

from mayfly.entry_point import main

if __name__ == "__main__":
    main()
