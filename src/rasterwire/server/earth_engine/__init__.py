"""Earth Engine's REST API, for its own clients."""
