"""The size of every image."""

SIZE = 32  # pixels, in height and width
IMAGES = f"N 3 {SIZE} {SIZE}"  # the sizes of an array of images
