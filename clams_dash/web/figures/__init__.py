"""Case to plotly figure: pure functions."""
