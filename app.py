"""Serve CLAMS Dash with its defaults: ``python app.py`` is ``clams serve``."""

from clams_dash.cli import main

if __name__ == "__main__":
    main(["serve"])
