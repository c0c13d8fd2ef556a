"""The process: gRPC front, HTTP front, conversion, status codes, settings, composition root."""
