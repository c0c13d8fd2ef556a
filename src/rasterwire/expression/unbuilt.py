"""Functions that this server knows and has not built: clients can name them, and are told so."""

from rasterwire.expression.signature import parse_signature, table

_SIGNATURES = """
Classifier.smileRandomForest(numberOfTrees: Integer, variablesPerSplit: Integer = null, minLeafPopulation: Integer =
    1.0, bagFraction: Float = 0.5, maxNodes: Integer = null, seed: Integer = 0.0) -> Classifier
Collection.draw(collection: FeatureCollection, color: String, pointRadius: Integer = 3.0, strokeWidth: Integer =
    2.0) -> Image
Collection.loadTable(tableId: String, geometryColumn: String = null, version: Long = -1.0) -> FeatureCollection
Collection.reduceToImage(collection: FeatureCollection, properties: List<String>, reducer: Reducer) -> Image
Collection.style(collection: FeatureCollection, color: String = "black", pointSize: Integer = 3.0, pointShape:
    String = "circle", width: Float = 2.0, fillColor: String = null, styleProperty: String = null, neighborhood:
    Integer = 5.0, lineType: String = "solid") -> Image
Geometry.simplify(geometry: Geometry, maxError: ErrorMargin, proj: Projection = null) -> Geometry
Image.arrayFlatten(image: Image, coordinateLabels: List<List<String>>, separator: String = "_") -> Image
Image.arrayGet(image: Image, position: Image) -> Image
Image.arrayProject(input: Image, axes: List<Integer>) -> Image
Image.arrayReduce(input: Image, reducer: Reducer, axes: List<Integer>, fieldAxis: Integer = null) -> Image
Image.arraySlice(input: Image, axis: Integer = 0.0, start: Image = null, end: Image = null, step: Integer = 1.0) ->
    Image
Image.arraySort(image: Image, keys: Image = null) -> Image
Image.classify(image: Image, classifier: Classifier, outputName: String = "classification") -> Image
Image.connectedPixelCount(input: Image, maxSize: Integer = 100.0, eightConnected: Boolean = true) -> Image
Image.derivative(image: Image) -> Image
Image.displace(image: Image, displacement: Image, mode: String = "bicubic", maxOffset: Float = null) -> Image
Image.entropy(image: Image, kernel: Kernel) -> Image
Image.glcmTexture(image: Image, size: Integer = 1.0, kernel: Kernel = null, average: Boolean = true) -> Image
Image.gradient(input: Image) -> Image
Image.hsvToRgb(image: Image) -> Image
Image.interpolate(image: Image, x: List<Float>, y: List<Float>, behavior: String = "extrapolate") -> Image
Image.paint(image: Image, featureCollection: FeatureCollection, color: Object = 0.0, width: Object = null) -> Image
Image.pixelArea() -> Image
Image.pixelCoordinates(projection: Projection) -> Image
Image.pixelLonLat() -> Image
Image.random(seed: Long = 0.0, distribution: String = "uniform") -> Image
Image.register(image: Image, referenceImage: Image, maxOffset: Float, patchWidth: Float = null, stiffness: Float =
    5.0) -> Image
Image.rgbToHsv(image: Image) -> Image
Image.toArray(image: Image, axis: Integer = 0.0) -> Image
Kernel.manhattan(radius: Float, units: String = "pixels", normalize: Boolean = false, magnitude: Float = 1.0) ->
    Kernel
Terrain(input: Image) -> Image
Terrain.aspect(input: Image) -> Image
Terrain.fillMinima(image: Image, borderValue: Long = null, neighborhood: Integer = 50.0) -> Image
Terrain.hillshade(input: Image, azimuth: Float = 270.0, elevation: Float = 45.0) -> Image
Terrain.products(input: Image) -> Image
Terrain.slope(input: Image) -> Image
"""


def _enter() -> None:
    for text in _SIGNATURES.replace("\n    ", " ").strip().splitlines():
        table.enter(parse_signature(text), "Not implemented by this server.", None)


_enter()
