"""The pixel engine: trees of nodes, each of which computes a band on any grid."""
