"""MS rules over the records of a case: pure functions, no Dash, no SQL."""
