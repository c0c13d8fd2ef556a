"""From a request and an image to a plan: every decision, no pixel read."""

from rasterwire.plan.make import find_bands, make_plan
from rasterwire.plan.types import BandPlan, Ignored, Limits, RasterPlan, RenderPlan

__all__ = ["BandPlan", "Ignored", "Limits", "RasterPlan", "RenderPlan", "find_bands", "make_plan"]
