"""The tests of the stand-ins."""
