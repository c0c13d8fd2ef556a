"""The use case: resolve an image, plan, render, encode, keep."""

from rasterwire.download.fair_share import Room, Turns
from rasterwire.download.renders import Render, Renders, is_small
from rasterwire.download.service import Downloads, Registered

__all__ = ["Downloads", "Registered", "Render", "Renders", "Room", "Turns", "is_small"]
