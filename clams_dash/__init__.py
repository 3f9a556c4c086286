"""CLAMS Dash: one data pool of MRI, clinical and laboratory findings in multiple sclerosis, made visible.

Research and demonstration software, not a medical device.
"""

__version__ = "0.1.0"
