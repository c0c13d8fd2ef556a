"""A demonstration: a generated scene, a server and five downloads."""
