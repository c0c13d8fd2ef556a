"""MapServer's WCS as FastCGI behind lighttpd, two processes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.contender import Run
from benchmarks.processes import Tree, answers, free_port, server
from benchmarks.source import BANDS, Source
from benchmarks.web import Connection
from benchmarks.work import CRS, Kind, Part, Work

_RESAMPLINGS = {"near": "NEAREST", "bilinear": "BILINEAR", "average": "AVERAGE"}

# Raw modes are BYTE, INT16 and FLOAT32; the scene has no value above 32767.
_MAP = """MAP
  NAME "wcs"
  STATUS ON
  SIZE 400 300
  MAXSIZE 65536
  EXTENT {west} {south} {east} {north}
  UNITS METERS
  PROJECTION "init=epsg:{epsg}" END
  OUTPUTFORMAT
    NAME "GEOTIFF_16" DRIVER "GDAL/GTiff" MIMETYPE "image/tiff" IMAGEMODE INT16 EXTENSION "tif"
    FORMATOPTION "FILENAME=cut.tif"
  END
  WEB METADATA
    "wcs_label" "bench" "wcs_description" "bench" "wcs_enable_request" "*" "ows_enable_request" "*"
    "ows_onlineresource" "http://127.0.0.1:{port}/wcs?" "ows_srs" "EPSG:{epsg} EPSG:4326"
  END END
{layers}
END
"""

_LAYER = """  LAYER
    NAME "{band}" TYPE RASTER STATUS ON DATA "{path}"
    PROJECTION "init=epsg:{epsg}" END
    METADATA
      "wcs_label" "{band}" "wcs_rangeset_name" "bands" "wcs_rangeset_label" "bands"
      "wcs_formats" "GEOTIFF_16" "ows_extent" "{west} {south} {east} {north}"
    END
  END
"""

_LIGHTTPD = """server.document-root = "{scratch}"
server.port = {port}
server.bind = "127.0.0.1"
server.modules = ("mod_fastcgi")
server.max-keep-alive-requests = 30000
server.max-keep-alive-idle = 3600
server.errorlog = "{scratch}/lighttpd.log"
server.upload-dirs = ("{scratch}")
fastcgi.server = ("/wcs" => (("socket" => "{scratch}/ms.sock", "check-local" => "disable",
  "bin-path" => "{mapserv}", "min-procs" => 2, "max-procs" => 2,
  "bin-environment" => ("MS_MAPFILE" => "{scratch}/bench.map", "MS_MAP_NO_PATH" => "1", "GDAL_CACHEMAX" => "200",
                        "MAPSERVER_CONFIG_FILE" => "{scratch}/mapserver.conf"))))
"""

_CONFIG = """CONFIG
  ENV
    MS_MAPFILE "{scratch}/bench.map"
    MS_MAP_NO_PATH "1"
  END
  MAPS
    BENCH "{scratch}/bench.map"
  END
END
"""


class MapServer:
    """GetCoverage; the type of its pixels is int16."""

    name = "MapServer"
    family = "MapServer"

    def __init__(self, tree: Tree, port: int) -> None:
        self.tree: Tree | None = tree
        self.port = port
        self._connection = Connection(port)

    def offers(self, work: Work) -> bool:
        fits = work.kind is Kind.DEFLATE and work.resampling in _RESAMPLINGS
        return fits and not work.parts[0].grid.is_rotated

    def path(self, part: Part, resampling: str = "near", compressed: bool = True) -> str:
        """Return path and query for one grid."""
        grid = part.grid
        west, south, east, north = grid.bounds
        words = ["SERVICE=WCS", "VERSION=2.0.1", "REQUEST=GetCoverage", f"COVERAGEID={part.band}", "FORMAT=image/tiff"]
        words += [f"SUBSET=x({west!r},{east!r})", f"SUBSET=y({south!r},{north!r})"]
        words += [f"SCALESIZE=x({grid.width}),y({grid.height})", f"INTERPOLATION={_RESAMPLINGS[resampling]}"]
        if grid.crs != CRS:
            name = "http://www.opengis.net/def/crs/EPSG/0/" + grid.crs.removeprefix("EPSG:")
            words += [f"SUBSETTINGCRS={name}", f"OUTPUTCRS={name}"]
        if compressed:
            words += ["GEOTIFF:COMPRESSION=Deflate", "GEOTIFF:PREDICTOR=Horizontal", "GEOTIFF:TILING=true"]
            words += ["GEOTIFF:TILEWIDTH=256", "GEOTIFF:TILEHEIGHT=256"]
        return "/wcs?" + "&".join(words)

    def tell(self, work: Work) -> str:
        return f"GET http://127.0.0.1:{self.port}{self.path(work.parts[0], work.resampling)}"

    def run(self, work: Work, path: Path, nth: int) -> Run:
        return self._connection.fetch(self.path(work.parts[0], work.resampling), path)


@contextmanager
def mapserver(lighttpd: Path, mapserv: Path, source: Source, scratch: Path) -> Iterator[MapServer]:
    """Run MapServer over all bands."""
    port = free_port()
    west, south, east, north = source.placed("B02", 10, source.size, source.size).grid.bounds
    place = {"west": west, "south": south, "east": east, "north": north, "epsg": CRS.removeprefix("EPSG:")}
    layers = "".join(_LAYER.format(band=band, path=source.path(band), **place) for band in BANDS)
    (scratch / "bench.map").write_text(_MAP.format(port=port, layers=layers, **place))
    (scratch / "mapserver.conf").write_text(_CONFIG.format(scratch=scratch))
    (scratch / "lighttpd.conf").write_text(_LIGHTTPD.format(scratch=scratch, port=port, mapserv=mapserv))
    command = [str(lighttpd), "-D", "-f", str(scratch / "lighttpd.conf")]
    up = f"http://127.0.0.1:{port}/wcs?SERVICE=WCS&REQUEST=GetCapabilities&VERSION=2.0.1"
    with server(command, lambda: answers(up), scratch / "lighttpd.out") as tree:
        yield MapServer(tree, port)
