"""From a request and an image to a plan: every decision is made here, and no pixel is read."""

from rasterwire.plan.make import make_plan, pick_bands
from rasterwire.plan.types import (
    EARTH_ENGINE_LIMITS,
    NAMED_SCENES,
    BandPlan,
    Ignored,
    Limits,
    Note,
    RasterPlan,
    RenderPlan,
)

__all__ = [
    "EARTH_ENGINE_LIMITS",
    "NAMED_SCENES",
    "BandPlan",
    "Ignored",
    "Limits",
    "Note",
    "RasterPlan",
    "RenderPlan",
    "make_plan",
    "pick_bands",
]
