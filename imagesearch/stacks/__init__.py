"""A stack: its outputs, its settings file, its current status, and reports of them for people and scripts."""
