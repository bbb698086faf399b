"""What is wrong with a data set before any model sees it: copies, leaks, drift, blank images."""
