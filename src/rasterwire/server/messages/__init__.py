"""Between messages of the wire and values of the core."""
