"""One module a generated page; each has ``page()``, which returns the page's Markdown."""
