"""The command line from a clone: `python cli.py --help`. Installed, it is the command `imapdb`."""

from imapdb.cli import main

if __name__ == "__main__":
    main()
