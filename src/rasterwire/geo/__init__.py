"""The place of pixels on earth: coordinate reference systems, grids, regions and the antimeridian."""
