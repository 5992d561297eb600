"""From pictures and drawings to a data set of labelled images."""
