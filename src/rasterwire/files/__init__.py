"""Raster files: opening them, and reading the plain kind of TIFF without GDAL."""
