"""From a request and an image to a plan: every decision, no pixel read."""

from rasterwire.plan.make import find_bands, make_plan
from rasterwire.plan.types import EARTH_ENGINE_LIMITS, BandPlan, Ignored, Limits, RasterPlan, RenderPlan

__all__ = [
    "EARTH_ENGINE_LIMITS",
    "BandPlan",
    "Ignored",
    "Limits",
    "RasterPlan",
    "RenderPlan",
    "find_bands",
    "make_plan",
]
