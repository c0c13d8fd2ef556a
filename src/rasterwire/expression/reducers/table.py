"""The table of reducers: for each kind, the engines that run it, its outputs, and whether weights count."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from rasterwire.request import Resampling


class PixelEngine(Enum):
    """An engine that reduces bands or images at each pixel."""

    ACCUMULATOR = "takes one input after another, in per_pixel"
    RANK = "sorts all inputs at each pixel, in nodes.rank"


class RegionEngine(Enum):
    """An engine that reduces the pixels of a region, block by block."""

    TALLY = "keeps a few numbers, in streaming"
    VALUE_TABLE = "counts the different values, in value_table"
    PARTS = "runs each part of the reducer by its own engine, in definitions"


class ListEngine(Enum):
    """An engine that reduces lists, and columns of properties."""

    OBJECTS = "takes any values, in of_lists"
    NUMBERS = "takes numbers, by the engine for regions"
    PARTS = "runs each part of the reducer by its own engine, in definitions"


class ResultType(Enum):
    """The pixel type of a result, from the types of the inputs."""

    BOOLEAN = "0 or 1"
    COUNT = "a whole number up to the number of inputs"
    JOINT = "the smallest type that holds all inputs"
    WIDE = "the float type that holds all inputs"


@dataclass(frozen=True, slots=True)
class ReducerKind:
    """A row of the table.

    Attributes:
        at_pixels: engine at each pixel and in neighbourhoods; None refuses.
        in_regions: engine within regions; None refuses.
        over_lists: engine over lists; None refuses.
        outputs: names of the results; () where parameters or parts name them.
        result_type: of pixels; None where no engine runs at pixels.
        is_weighted: whether a pixel that lies partly within a region counts by its share.
        is_valid_without_inputs: whether a pixel has a result where all inputs are masked.
        takes_passes: whether the value table can find the result in several passes, without all values in memory.
        resampling: that computes coarser pixels for ``Image.reduceResolution``; None refuses.
    """

    at_pixels: PixelEngine | None
    in_regions: RegionEngine | None
    over_lists: ListEngine | None
    outputs: tuple[str, ...] = ()
    result_type: ResultType | None = None
    is_weighted: bool = False
    is_valid_without_inputs: bool = False
    takes_passes: bool = False
    resampling: Resampling | None = None


_ACCUMULATOR, _RANK = PixelEngine.ACCUMULATOR, PixelEngine.RANK
_TALLY, _VALUE_TABLE = RegionEngine.TALLY, RegionEngine.VALUE_TABLE
_OBJECTS, _NUMBERS = ListEngine.OBJECTS, ListEngine.NUMBERS
_BOOLEAN, _COUNT, _JOINT, _WIDE = ResultType

REDUCERS: Mapping[str, ReducerKind] = {
    "mean": ReducerKind(
        _ACCUMULATOR, _TALLY, _NUMBERS, ("mean",), _WIDE, is_weighted=True, resampling=Resampling.AVERAGE
    ),
    "sum": ReducerKind(_ACCUMULATOR, _TALLY, _NUMBERS, ("sum",), _WIDE, is_weighted=True, resampling=Resampling.SUM),
    "product": ReducerKind(_ACCUMULATOR, _TALLY, _NUMBERS, ("product",), _WIDE),
    "stdDev": ReducerKind(_ACCUMULATOR, _TALLY, _NUMBERS, ("stdDev",), _WIDE, is_weighted=True),
    "variance": ReducerKind(_ACCUMULATOR, _TALLY, _NUMBERS, ("variance",), _WIDE, is_weighted=True),
    "min": ReducerKind(_ACCUMULATOR, _TALLY, _NUMBERS, ("min",), _JOINT, resampling=Resampling.MIN),
    "max": ReducerKind(_ACCUMULATOR, _TALLY, _NUMBERS, ("max",), _JOINT, resampling=Resampling.MAX),
    "count": ReducerKind(_ACCUMULATOR, _TALLY, _OBJECTS, ("count",), _COUNT, is_valid_without_inputs=True),
    "first": ReducerKind(_ACCUMULATOR, _TALLY, _OBJECTS, ("first",), _JOINT),
    "firstNonNull": ReducerKind(_ACCUMULATOR, _TALLY, _OBJECTS, ("first",), _JOINT),
    "last": ReducerKind(_ACCUMULATOR, _TALLY, _OBJECTS, ("last",), _JOINT),
    "lastNonNull": ReducerKind(_ACCUMULATOR, _TALLY, _OBJECTS, ("last",), _JOINT),
    "allNonZero": ReducerKind(_ACCUMULATOR, _TALLY, _NUMBERS, ("all",), _BOOLEAN),
    "anyNonZero": ReducerKind(_ACCUMULATOR, _TALLY, _NUMBERS, ("any",), _BOOLEAN),
    "median": ReducerKind(
        _RANK, _VALUE_TABLE, _NUMBERS, ("median",), _WIDE, takes_passes=True, resampling=Resampling.MEDIAN
    ),
    "percentile": ReducerKind(_RANK, _VALUE_TABLE, _NUMBERS, (), _WIDE, takes_passes=True),
    "intervalMean": ReducerKind(_RANK, _VALUE_TABLE, _NUMBERS, ("mean",), _WIDE),
    "mode": ReducerKind(_RANK, _VALUE_TABLE, _NUMBERS, ("mode",), _JOINT, resampling=Resampling.MODE),
    "countDistinct": ReducerKind(_RANK, _VALUE_TABLE, _OBJECTS, ("count",), _COUNT),
    "countDistinctNonNull": ReducerKind(_RANK, _VALUE_TABLE, _OBJECTS, ("count",), _COUNT),
    "frequencyHistogram": ReducerKind(None, _VALUE_TABLE, _OBJECTS, ("histogram",), is_weighted=True),
    "histogram": ReducerKind(None, _TALLY, _NUMBERS, ("histogram",), is_weighted=True),
    "toList": ReducerKind(None, _TALLY, _OBJECTS, ("list",)),
    "linearFit": ReducerKind(None, _TALLY, _NUMBERS, ("scale", "offset"), is_weighted=True),
    # at pixels each part of a combination is a band of its own, so that no engine sees one
    "combine": ReducerKind(None, RegionEngine.PARTS, ListEngine.PARTS),
    "repeat": ReducerKind(None, RegionEngine.PARTS, ListEngine.PARTS),
    # of ImageCollection.mosaic alone, which no reducer names: the last valid image
    "mosaic": ReducerKind(_ACCUMULATOR, None, None, ("mosaic",), _JOINT),
}
"""The kinds of reducers by name, which is that of the function which returns one: ``Reducer.mean`` and so on."""
