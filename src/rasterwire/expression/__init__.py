"""Expressions: Earth Engine's graphs of function calls, from text to values.

A graph is evaluated in two steps. The first step computes values: numbers, lists, geometries, and
images with their bands, types, projections and properties. It reads pixels only for functions that
return them as values. The second step computes the pixels of an image from its tree of nodes, block by
block, on the grid of the request.
"""
