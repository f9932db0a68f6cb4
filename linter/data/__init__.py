"""Training data: lists, images, HDF5 files, databases and mean files, read by sample.

Nothing here is written to, nothing is read whole that can be large, and only regular files and
directories that a linted file names are opened. Libraries for images and HDF5 are imported when a
file needs them; without them the rest is looked at all the same.
"""
