"""Reducers: the table of kinds, and the engines that run them at each pixel, within regions and over lists."""
