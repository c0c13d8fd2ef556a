"""A scene, made up, to try the service with."""
