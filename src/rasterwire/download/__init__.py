"""The use case: resolve an image, plan, render, encode, keep."""

from rasterwire.download.fair_share import FairPool, FairSlots
from rasterwire.download.renders import Render, Renders, is_small
from rasterwire.download.service import Downloads, Registered

__all__ = ["Downloads", "FairPool", "FairSlots", "Registered", "Render", "Renders", "is_small"]
