"""Printed pages: what a case shows, as a letter in PDF. Knows no Dash and no SQL."""
