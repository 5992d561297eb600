"""The norms that a config may name, a module each, imported by that name.

Each has `build(channels)`. None has a learnable scale or shift.
"""
