"""`python -m ardoise`: the `ardoise` command, for where its script is not on the path."""

from ardoise.cli.main import run

if __name__ == "__main__":
    run()
