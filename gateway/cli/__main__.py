"""`python -m gateway.cli`: the command, where it is not installed."""

from gateway.cli.main import main

if __name__ == "__main__":
    main()
