"""The server process: services assembled into one application, started, served, ended."""
