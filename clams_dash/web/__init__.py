"""The Dash application: the only layer that knows Dash."""
