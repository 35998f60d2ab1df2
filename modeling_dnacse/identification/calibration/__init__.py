"""How probable it is that a name of `identify` is right, from the library's own records."""
