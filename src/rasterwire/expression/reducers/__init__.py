"""Reducers: from many values to few, at each pixel, in one pass, in several passes, or of lists."""
