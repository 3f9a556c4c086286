"""Safety: what has to be checked before and on a drug, what is due or breached, and who may be given it.

All of it rules over the record, apart from any model. Every text tells the reader to check the current label.
"""
