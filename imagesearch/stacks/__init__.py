"""A stack as it is: its outputs, its file, how it stands, and that in words."""
