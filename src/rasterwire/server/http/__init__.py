"""The service's own HTTP door: requests as JSON, and the bytes of downloads."""
