"""The pictures of the commands, drawn with matplotlib."""
