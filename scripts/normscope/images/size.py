"""The size of images."""

SIZE = 32  # pixels, in height and width, where config key dataset.size is not given
IMAGES = "N 3 S S"  # the sizes of an array of images
