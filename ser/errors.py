"""The one exception that means: the input is wrong, and here is how to mend it."""


class InputError(Exception):
    """Bad input. The message is one clear line that names the file, the value and the fix."""
