"""Therapy-response models: features, training, bundle, prediction."""
