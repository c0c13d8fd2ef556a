"""Steps of graphs at random over a few images, one of each kind of computation."""

import random
from collections.abc import Callable

from graphs import Value, call, load

NAMES = ("byte", "short", "float", "other", "coarse")
"""Of the images."""


def projected(dice: random.Random) -> dict[str, object]:
    return dice.choice(
        [
            {"crs": "EPSG:32633", "crsTransform": [17, 0, 499_993, 0, -13, 5_002_011]},
            {"crs": "EPSG:3857", "scale": 25},
            {"crs": "EPSG:4326", "crsTransform": [1.3e-4, 0, 15, 0, -1.1e-4, 45.18]},
            {"crs": "EPSG:32633", "scale": 90},
            {"crs": "EPSG:32633", "crsTransform": [10, 0, 500_000, 0, -10, 5_002_000]},
        ]
    )


def collection(dice: random.Random, first: Value) -> Value:
    others = [first, *(load(name) for name in dice.sample(NAMES, 3))]
    dice.shuffle(others)
    renamed = [
        call("Image.rename", input=call("Image.select", input=o, bandSelectors=[0]), names=["v"]) for o in others
    ]
    return call("ImageCollection.fromImages", images=renamed)


Step = Callable[[random.Random, Value], Value]
STEPS: dict[str, Step] = {
    "pixelwise": lambda d, x: call(f"Image.{d.choice(['add', 'min', 'gt', 'divide'])}", image1=x, image2=load("byte")),
    "masked": lambda d, x: call("Image.updateMask", image=x, mask=load(d.choice(NAMES))),
    "filled": lambda d, x: call("Image.unmask", input=x, value=d.randint(0, 9), sameFootprint=d.random() < 0.5),
    "reproject": lambda d, x: call("Image.reproject", image=x, **projected(d)),
    "bilinear": lambda d, x: call("Image.resample", image=call("Image.toFloat", value=x)),
    "bicubic": lambda d, x: call("Image.resample", image=x, mode="bicubic"),
    "stored bilinear": lambda d, x: call(
        "Image.add", image1=x, image2=call("Image.resample", image=load(d.choice(NAMES)), mode="bilinear")
    ),
    "reduced": lambda d, x: call(
        "Image.reproject",
        image=call("Image.reduceResolution", image=x, reducer=call(f"Reducer.{d.choice(['mean', 'max', 'mode'])}")),
        crs="EPSG:32633",
        scale=d.choice([30, 35]),
    ),
    "distance": lambda d, x: call(
        "Image.fastDistanceTransform",
        image=call("Image.gt", image1=x, image2=d.choice([90, 200])),
        neighborhood=d.choice([2, 3, 5, 9]),
        metric=d.choice(["squared_euclidean", "manhattan", "chebyshev"]),
    ),
    "focal": lambda d, x: call(
        f"Image.focal{d.choice(['Mean', 'Median', 'Max', 'Mode'])}", image=x, radius=d.choice([1, 2, 3])
    ),
    "convolved": lambda d, x: call("Image.convolve", image=x, kernel=call("Kernel.gaussian", radius=2)),
    "neighbourhood": lambda d, x: call(
        "Image.reduceNeighborhood", image=x, reducer=call("Reducer.stdDev"), kernel=call("Kernel.circle", radius=2)
    ),
    "mosaic": lambda d, x: call("ImageCollection.mosaic", collection=collection(d, x)),
    "median": lambda d, x: call("reduce.median", collection=collection(d, x)),
    "quality": lambda d, x: call("ImageCollection.qualityMosaic", collection=collection(d, x), qualityBand="v"),
    "clipped": lambda d, x: call(
        "Image.clip",
        input=x,
        geometry=call(
            "GeometryConstructors.Polygon",
            coordinates=[[[15.0002, 45.1713], [15.0036 - d.random() * 1e-3, 45.1711], [15.0017, 45.1694]]],
            geodesic=d.random() < 0.5,
        ),
    ),
    "where": lambda d, x: call("Image.where", input=x, test=load(d.choice(NAMES)), value=d.randint(0, 300)),
}
