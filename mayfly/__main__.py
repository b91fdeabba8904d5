"""`python -m mayfly` is the command `mayfly`."""

from mayfly.app import main

if __name__ == "__main__":
    main()
