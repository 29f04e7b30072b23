"""Shapes and their sizes."""
