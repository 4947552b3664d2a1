"""The commands of `ser`, a file each: `trace.py` is `ser trace`.

A file has a function `command`, whose docstring is its help and whose parameters are its options, and `EXAMPLE`, a line
that a user could type. One with commands of its own (`ser init system`) has `COMMANDS`, a mapping of names to
functions, in place of `command`. All of them are imported whenever `ser` starts, so what a command needs is imported
when it is called. Exit status: 0, as it should be; 1, the command worked and found something wrong; 2, bad input.
"""
