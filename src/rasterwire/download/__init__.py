"""The use case: resolve an image, plan, render, encode, keep."""

from rasterwire.download.fair_share import FairPool, FairSlots
from rasterwire.download.meter import NO_METER, Meter
from rasterwire.download.render import Render
from rasterwire.download.render_sizes import is_small
from rasterwire.download.renders import Renders
from rasterwire.download.service import Downloads, Registered

__all__ = ["NO_METER", "Downloads", "FairPool", "FairSlots", "Meter", "Registered", "Render", "Renders", "is_small"]
