"""The numbers of a run, computed once for figures and claims alike."""
