"""Functions on the types of pixels."""

from typing import Any

from rasterwire.errors import InvalidExpression
from rasterwire.expression.language.signature import table
from rasterwire.nodes.pixel_type import DOUBLE, FLOAT, PixelType, type_of, whole


@table.listed("PixelType.float() -> PixelType")
def float_type() -> PixelType:
    """Returns the type of 32-bit floats."""
    return FLOAT


@table.listed(
    "PixelType(precision: Object, minValue: Number = null, maxValue: Number = null, dimensions: Integer = 0.0) "
    "-> PixelType"
)
def pixel_type(precision: Any, low: float | None, high: float | None, dimensions: int) -> PixelType:
    """Returns a pixel type: int, float or double, with its least and greatest value."""
    if isinstance(precision, PixelType):
        return precision
    if dimensions:
        raise InvalidExpression("arrays: not implemented by this server.")
    match precision:
        case "int":
            return whole(-(1 << 31) if low is None else low, (1 << 31) - 1 if high is None else high)
        case "float" | "double":
            return PixelType(precision, low, high)
        case _:
            raise InvalidExpression(f"'precision' is {str(precision)[:20]!r}; use int, float or double.")


@table.listed("PixelType.double() -> PixelType")
def double_type() -> PixelType:
    """Returns the type of 64-bit floats."""
    return DOUBLE


def _whole_type(dtype: str) -> None:
    def call() -> PixelType:
        return type_of(dtype)

    call.__doc__ = f"Returns the type {dtype} of whole numbers."
    table.listed(f"PixelType.{dtype}() -> PixelType")(call)


for _dtype in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32"):
    _whole_type(_dtype)


@table.listed("PixelType.precision(pixelType: PixelType) -> String")
def precision(kind: PixelType) -> str:
    """Returns int, float or double."""
    return kind.precision


@table.listed("PixelType.minValue(pixelType: PixelType) -> Number")
def least(kind: PixelType) -> float | None:
    """Returns the least value of a type; null where it has no limit."""
    return kind.low


@table.listed("PixelType.maxValue(pixelType: PixelType) -> Number")
def greatest(kind: PixelType) -> float | None:
    """Returns the greatest value of a type; null where it has no limit."""
    return kind.high


@table.listed("PixelType.dimensions(pixelType: PixelType) -> Integer")
def dimensions(kind: PixelType) -> int:
    """Returns the number of dimensions: 0, for single values."""
    return 0
