"""Names of what is measured of outputs, in files, figures and claims alike."""

MOMENTS = ("mean", "variance", "third_moment")
