"""One module per screen or panel: layout and register."""
