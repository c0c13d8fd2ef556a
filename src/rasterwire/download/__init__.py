"""The use case: resolve an image, plan, render, encode, keep."""

from rasterwire.download.renders import Render, Renders
from rasterwire.download.service import Downloads, Registered

__all__ = ["Downloads", "Registered", "Render", "Renders"]
