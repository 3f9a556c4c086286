"""Synthetic patients: courses and phantom MRI."""
