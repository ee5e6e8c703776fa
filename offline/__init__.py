"""Stand-ins for parts of Pulumi that cannot be had everywhere: its command line, and Google's provider plugin."""
