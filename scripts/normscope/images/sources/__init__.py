"""Where images may come from: the sources that a config may name, a module each.

Each has `read(settings)`, given config section dataset: the train and the test
pictures, and the names of the classes.
"""
