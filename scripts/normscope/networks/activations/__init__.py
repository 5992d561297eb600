"""The activations that a config may name, a module each, imported by that name.

Each has `build()`. A layer with a method `derivatives(x)`, the first and the second
derivative at each entry of x, works entry by entry; a second derivative of None is 0.
"""
