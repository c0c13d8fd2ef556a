"""Files of arrays with named dimensions: Zarr, and NetCDF on HDF5.

A file holds variables. Those that lie on a regular grid of y and x are served: each plane of y and x is a layer, and
the layers of one moment of time are the bands of an image. ``layers`` says which; ``grids`` says where they lie;
``zarr_store`` and ``hdf5_file`` read the variables; ``opened`` keeps files open; ``chunks`` reads pixels.
"""
