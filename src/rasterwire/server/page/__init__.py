"""The page to look with, which a browser loads: it stands on the public doors alone."""
