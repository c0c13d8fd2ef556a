"""Where pixels lie: coordinate reference systems, grids, regions, and what happens at the antimeridian."""
