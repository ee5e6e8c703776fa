"""The server process: the services put together, started, served, ended."""
