"""Visualizations and histograms, between the wire and the values of the core."""

from rasterwire.download.histograms import BandHistogram
from rasterwire.plan.types import Picture, ShownBand
from rasterwire.request import Visualization
from rasterwire.v1 import catalog_service_pb2, download_pb2


def to_visualization(params: download_pb2.DownloadParams) -> Visualization | None:
    """Return what a message says of a picture, None where it says nothing."""
    if not params.HasField("visualization"):
        return None
    shown, stretch = params.visualization, params.visualization.stretch
    lower, upper = Visualization().percents
    return Visualization(
        bands=tuple(shown.bands),
        low=tuple(shown.min),
        high=tuple(shown.max),
        gamma=tuple(shown.gamma),
        palette=tuple(shown.palette),
        percents=(
            stretch.lower_percent if stretch.HasField("lower_percent") else lower,
            stretch.upper_percent if stretch.HasField("upper_percent") else upper,
        ),
        has_percents=shown.HasField("stretch"),
    )


def from_picture(picture: Picture | None) -> download_pb2.VisualizationPlan | None:
    """Return the message of a picture whose numbers are known."""
    if picture is None:
        return None
    table = picture.table
    colours = picture.palette or tuple(zip(table[0::3], table[1::3], table[2::3], strict=True))
    return download_pb2.VisualizationPlan(
        bands=[_shown_band(band) for band in picture.bands],
        palette=[bytes(colour).hex().upper() for colour in colours],
        reason=picture.reason,
    )


def _shown_band(band: ShownBand) -> download_pb2.ShownBand:
    low, high = band.spread
    return download_pb2.ShownBand(id=band.source.name, min=low, max=high, gamma=band.gamma, reason=band.reason)


def from_histogram(histogram: BandHistogram) -> catalog_service_pb2.BandHistogram:
    """Return the message of a histogram."""
    pixels = histogram.pixels
    low, high = histogram.limits or (None, None)
    return catalog_service_pb2.BandHistogram(
        id=histogram.name,
        min=low,
        max=high,
        percentiles=histogram.percentiles,
        counts=histogram.counts,
        valid_count=histogram.valid_count,
        pixel_count=pixels.pixel_count,
        overview=pixels.overview,
        is_exact=pixels.is_exact,
    )
