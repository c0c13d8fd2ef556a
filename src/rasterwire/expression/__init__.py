"""Expressions: Earth Engine's graphs of function calls, from text to values.

A graph is evaluated twice. First to values: numbers, lists, geometries, and images that know their
bands, types, projections and properties, with no pixel read. The pixels of an image are a tree of
nodes, which are computed later, block by block, on whatever grid is asked for.
"""
