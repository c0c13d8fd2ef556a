"""Functions that this server knows and has not built: clients can name them, and are told so."""

from rasterwire.expression.signature import parse_signature, table

_SIGNATURES = """
Array(values: Object, pixelType: PixelType = null) -> Array
Array.cat(arrays: List<Array>, axis: Integer = 0.0) -> Array
Array.get(array: Array, position: List<Integer>) -> Number
Array.reduce(array: Array, reducer: Reducer, axes: List<Integer>, fieldAxis: Integer = null) -> Array
Array.slice(array: Array, axis: Integer = 0.0, start: Integer = 0.0, end: Integer = null, step: Integer = 1.0) ->
    Array
Array.toList(array: Array) -> List<Object>
Blob(url: String) -> Blob
CannyEdgeDetector(image: Image, threshold: Float, sigma: Float = 1.0) -> Image
Classifier.amnhMaxent(categoricalNames: List<String> = null, outputFormat: String = "cloglog", autoFeature: Boolean
    = true, linear: Boolean = true, quadratic: Boolean = true, product: Boolean = true, threshold: Boolean = false,
    hinge: Boolean = true, hingeThreshold: Integer = 15.0, l2lqThreshold: Integer = 10.0, lq2lqptThreshold: Integer
    = 80.0, addSamplesToBackground: Boolean = true, addAllSamplesToBackground: Boolean = false, betaMultiplier:
    Float = 1.0, betaHinge: Float = -1.0, betaLqp: Float = -1.0, betaCategorical: Float = -1.0, betaThreshold: Float
    = -1.0, extrapolate: Boolean = true, doClamp: Boolean = true, writeClampGrid: Boolean = true, randomTestPoints:
    Integer = 0.0, seed: Long = 0.0) -> Classifier
Classifier.libsvm(decisionProcedure: String = "Voting", svmType: String = "C_SVC", kernelType: String = "LINEAR",
    shrinking: Boolean = true, degree: Integer = null, gamma: Float = null, coef0: Float = null, cost: Float = null,
    nu: Float = null, terminationEpsilon: Float = null, lossEpsilon: Float = null, oneClass: Integer = null) ->
    Classifier
Classifier.minimumDistance(metric: String = "euclidean", kNearest: Integer = 1.0) -> Classifier
Classifier.setOutputMode(classifier: Classifier, mode: String) -> Classifier
Classifier.smileCart(maxNodes: Integer = null, minLeafPopulation: Integer = 1.0) -> Classifier
Classifier.smileGradientTreeBoost(numberOfTrees: Integer, shrinkage: Float = 0.005, samplingRate: Float = 0.7,
    maxNodes: Integer = null, loss: String = "LeastAbsoluteDeviation", seed: Integer = 0.0) -> Classifier
Classifier.smileNaiveBayes(lambda: Float = 1e-06) -> Classifier
Classifier.smileRandomForest(numberOfTrees: Integer, variablesPerSplit: Integer = null, minLeafPopulation: Integer =
    1.0, bagFraction: Float = 0.5, maxNodes: Integer = null, seed: Integer = 0.0) -> Classifier
Classifier.train(classifier: Classifier, features: FeatureCollection, classProperty: String, inputProperties:
    List<String> = null, subsampling: Float = 1.0, subsamplingSeed: Integer = 0.0) -> Classifier
Clusterer.train(clusterer: Clusterer, features: FeatureCollection, inputProperties: List<String> = null,
    subsampling: Float = 1.0, subsamplingSeed: Integer = 0.0) -> Clusterer
Clusterer.wekaKMeans(nClusters: Integer, init: Integer = 0.0, canopies: Boolean = false, maxCandidates: Integer =
    100.0, periodicPruning: Integer = 10000.0, minDensity: Integer = 2.0, t1: Float = -1.5, t2: Float = -1.0,
    distanceFunction: String = "Euclidean", maxIterations: Integer = null, preserveOrder: Boolean = false, fast:
    Boolean = false, seed: Integer = 10.0) -> Clusterer
Collection.bounds(collection: FeatureCollection, maxError: ErrorMargin = {"type": "ErrorMargin", "unit": "meters",
    "value": 0.0}, proj: Projection = {"type": "Projection", "crs": "EPSG:4326", "transform": [1.0, 0.0, 0.0, 0.0,
    1.0, 0.0]}) -> Geometry
Collection.distance(features: FeatureCollection, searchRadius: Float = 100000.0, maxError: Float = 100.0) -> Image
Collection.draw(collection: FeatureCollection, color: String, pointRadius: Integer = 3.0, strokeWidth: Integer =
    2.0) -> Image
Collection.errorMatrix(collection: FeatureCollection, actual: String, predicted: String, order: List<Integer> =
    null) -> ConfusionMatrix
Collection.flatten(collection: FeatureCollection) -> FeatureCollection
Collection.loadTable(tableId: String, geometryColumn: String = null, version: Long = -1.0) -> FeatureCollection
Collection.randomColumn(collection: FeatureCollection, columnName: String = "random", seed: Long = 0.0,
    distribution: String = "uniform", rowKeys: List<String> = ["system:index"]) -> FeatureCollection
Collection.reduceToImage(collection: FeatureCollection, properties: List<String>, reducer: Reducer) -> Image
Collection.style(collection: FeatureCollection, color: String = "black", pointSize: Integer = 3.0, pointShape:
    String = "circle", width: Float = 2.0, fillColor: String = null, styleProperty: String = null, neighborhood:
    Integer = 5.0, lineType: String = "solid") -> Image
Collection.union(collection: FeatureCollection, maxError: ErrorMargin = null) -> FeatureCollection
ConfusionMatrix(array: Object, order: List<Integer> = null) -> ConfusionMatrix
Date.getFraction(date: Date, unit: String, timeZone: String = null) -> Float
Date.getRange(date: Date, unit: String, timeZone: String = null) -> DateRange
Date.parse(format: String, date: String, timeZone: String = null) -> Date
Date.unitRatio(numerator: String, denominator: String) -> Float
Date.update(date: Date, year: Integer = null, month: Integer = null, day: Integer = null, hour: Integer = null,
    minute: Integer = null, second: Number = null, timeZone: String = null) -> Date
DateRange.contains(dateRange: DateRange, other: Object) -> Boolean
DateRange.intersection(dateRange: DateRange, other: DateRange) -> DateRange
DateRange.intersects(dateRange: DateRange, other: DateRange) -> Boolean
DateRange.isEmpty(dateRange: DateRange) -> Boolean
DateRange.isUnbounded(dateRange: DateRange) -> Boolean
DateRange.union(dateRange: DateRange, other: DateRange) -> DateRange
Describe(input: Object) -> Object
Dictionary.getArray(dictionary: Dictionary<Object>, key: String) -> Array
Dictionary.getGeometry(dictionary: Dictionary<Object>, key: String) -> Geometry
Dictionary.getNumber(dictionary: Dictionary<Object>, key: String) -> Number
Dictionary.getString(dictionary: Dictionary<Object>, key: String) -> String
Dictionary.rename(dictionary: Dictionary<Object>, from: List<String>, to: List<String>, overwrite: Boolean = false)
    -> Dictionary<Object>
Dictionary.select(dictionary: Dictionary<Object>, selectors: List<String>, ignoreMissing: Boolean = false) ->
    Dictionary<Object>
Dictionary.toArray(dictionary: Dictionary<Object>, keys: List<String> = null, axis: Integer = 0.0) -> Array
Element.getArray(object: Element, property: String) -> Array
Element.getNumber(object: Element, property: String) -> Number
Element.getString(object: Element, property: String) -> String
FMask.matchClouds(input: Image, cloud: Image, shadow: Image, btemp: Image, sceneLow: Float, sceneHigh: Float,
    neighborhood: Integer = 50.0) -> Image
Feature.area(feature: Element, maxError: ErrorMargin = null, proj: Projection = null) -> Float
Feature.bounds(feature: Element, maxError: ErrorMargin = null, proj: Projection = null) -> Feature
Feature.buffer(feature: Element, distance: Float, maxError: ErrorMargin = null, proj: Projection = null) -> Feature
Feature.centroid(feature: Element, maxError: ErrorMargin = null, proj: Projection = null) -> Feature
Feature.difference(left: Element, right: Element, maxError: ErrorMargin = null, proj: Projection = null) -> Feature
Feature.id(element: Element) -> String
Feature.intersection(left: Element, right: Element, maxError: ErrorMargin = null, proj: Projection = null) ->
    Feature
Feature.intersects(left: Element, right: Element, maxError: ErrorMargin = null, proj: Projection = null) -> Boolean
Feature.length(feature: Element, maxError: ErrorMargin = null, proj: Projection = null) -> Float
Feature.perimeter(feature: Element, maxError: ErrorMargin = null, proj: Projection = null) -> Float
Feature.setGeometry(feature: Element, geometry: Geometry = null) -> Element
Feature.simplify(feature: Element, maxError: ErrorMargin, proj: Projection = null) -> Feature
Feature.transform(feature: Element, proj: Projection = {"type": "Projection", "crs": "EPSG:4326", "transform": [1.0,
    0.0, 0.0, 0.0, 1.0, 0.0]}, maxError: ErrorMargin = null, geodesic: Boolean = null) -> Feature
Feature.union(left: Element, right: Element, maxError: ErrorMargin = null, proj: Projection = null) -> Feature
Filter.disjoint(leftField: String = null, rightValue: Object = null, rightField: String = null, leftValue: Object =
    null, maxError: ErrorMargin = {"type": "ErrorMargin", "unit": "meters", "value": 0.1}) -> Filter
Filter.hasType(leftField: String = null, rightValue: Object = null, rightField: String = null, leftValue: Object =
    null) -> Filter
Filter.isContained(leftField: String = null, rightValue: Object = null, rightField: String = null, leftValue: Object
    = null, maxError: ErrorMargin = {"type": "ErrorMargin", "unit": "meters", "value": 0.1}) -> Filter
Filter.withinDistance(distance: Float, leftField: String = null, rightValue: Object = null, rightField: String =
    null, leftValue: Object = null, maxError: ErrorMargin = {"type": "ErrorMargin", "unit": "meters", "value": 0.1})
    -> Filter
Geometry.closestPoint(left: Geometry, right: Geometry, maxError: ErrorMargin = null, proj: Projection = null) ->
    Object
Geometry.containedIn(left: Geometry, right: Geometry, maxError: ErrorMargin = null, proj: Projection = null) ->
    Boolean
Geometry.contains(left: Geometry, right: Geometry, maxError: ErrorMargin = null, proj: Projection = null) -> Boolean
Geometry.coveringGrid(geometry: Geometry, proj: Projection, scale: Float = null) -> FeatureCollection
Geometry.disjoint(left: Geometry, right: Geometry, maxError: ErrorMargin = null, proj: Projection = null) -> Boolean
Geometry.dissolve(geometry: Geometry, maxError: ErrorMargin = null, proj: Projection = null) -> Geometry
Geometry.distance(left: Geometry, right: Geometry, maxError: ErrorMargin = null, proj: Projection = null, spherical:
    Boolean = false) -> Float
Geometry.edgesAreGeodesics(geometry: Geometry) -> Boolean
Geometry.geodesic(geometry: Geometry) -> Boolean
Geometry.geometries(geometry: Geometry) -> List<Geometry>
Geometry.intersects(left: Geometry, right: Geometry, maxError: ErrorMargin = null, proj: Projection = null) ->
    Boolean
Geometry.isUnbounded(geometry: Geometry) -> Boolean
Geometry.length(geometry: Geometry, maxError: ErrorMargin = null, proj: Projection = null) -> Float
Geometry.perimeter(geometry: Geometry, maxError: ErrorMargin = null, proj: Projection = null) -> Float
Geometry.projection(geometry: Geometry) -> Projection
Geometry.simplify(geometry: Geometry, maxError: ErrorMargin, proj: Projection = null) -> Geometry
Geometry.symmetricDifference(left: Geometry, right: Geometry, maxError: ErrorMargin = null, proj: Projection = null)
    -> Geometry
Geometry.type(geometry: Geometry) -> String
Geometry.withinDistance(left: Geometry, right: Geometry, distance: Float, maxError: ErrorMargin = null, proj:
    Projection = null) -> Boolean
HillShadow(image: Image, azimuth: Float, zenith: Float, neighborhoodSize: Integer = 0.0, hysteresis: Boolean =
    false) -> Image
HoughTransform(image: Image, gridSize: Integer = 256.0, inputThreshold: Float = 64.0, lineThreshold: Float = 72.0,
    smooth: Boolean = true) -> Image
Image.arrayCat(image1: Image, image2: Image, axis: Integer) -> Image
Image.arrayDotProduct(image1: Image, image2: Image) -> Image
Image.arrayFlatten(image: Image, coordinateLabels: List<List<String>>, separator: String = "_") -> Image
Image.arrayGet(image: Image, position: Image) -> Image
Image.arrayLength(input: Image, axis: Integer) -> Image
Image.arrayLengths(input: Image) -> Image
Image.arrayMask(input: Image, mask: Image) -> Image
Image.arrayProject(input: Image, axes: List<Integer>) -> Image
Image.arrayReduce(input: Image, reducer: Reducer, axes: List<Integer>, fieldAxis: Integer = null) -> Image
Image.arrayRepeat(input: Image, axis: Integer, copies: Image) -> Image
Image.arraySlice(input: Image, axis: Integer = 0.0, start: Image = null, end: Image = null, step: Integer = 1.0) ->
    Image
Image.arraySort(image: Image, keys: Image = null) -> Image
Image.arrayTranspose(input: Image, axis1: Integer = 0.0, axis2: Integer = 1.0) -> Image
Image.bitCount(value: Image) -> Image
Image.bitsToArrayImage(input: Image) -> Image
Image.cat(images: List<Object>) -> Image
Image.changeProj(input: Image, srcProj: Projection, dstProj: Projection) -> Image
Image.classify(image: Image, classifier: Classifier, outputName: String = "classification") -> Image
Image.cluster(image: Image, clusterer: Clusterer, outputName: String = "cluster") -> Image
Image.connectedComponents(image: Image, connectedness: Kernel, maxSize: Integer) -> Image
Image.connectedPixelCount(input: Image, maxSize: Integer = 100.0, eightConnected: Boolean = true) -> Image
Image.cumulativeCost(cost: Image, source: Image, maxDistance: Float, geodeticDistance: Boolean = true) -> Image
Image.derivative(image: Image) -> Image
Image.digamma(value: Image) -> Image
Image.directionalDistanceTransform(source: Image, angle: Float, maxDistance: Integer, labelBand: String = null) ->
    Image
Image.displace(image: Image, displacement: Image, mode: String = "bicubic", maxOffset: Float = null) -> Image
Image.displacement(image: Image, referenceImage: Image, maxOffset: Float, projection: Projection = null, patchWidth:
    Float = null, stiffness: Float = 5.0) -> Image
Image.distance(image: Image, kernel: Kernel = null, skipMasked: Boolean = true) -> Image
Image.entropy(image: Image, kernel: Kernel) -> Image
Image.erf(value: Image) -> Image
Image.first(image1: Image, image2: Image) -> Image
Image.firstNonZero(image1: Image, image2: Image) -> Image
Image.gamma(value: Image) -> Image
Image.glcmTexture(image: Image, size: Integer = 1.0, kernel: Kernel = null, average: Boolean = true) -> Image
Image.gradient(input: Image) -> Image
Image.hsvToRgb(image: Image) -> Image
Image.interpolate(image: Image, x: List<Float>, y: List<Float>, behavior: String = "extrapolate") -> Image
Image.loadGeoTIFF(uri: String) -> Image
Image.matrixIdentity(size: Integer) -> Image
Image.matrixInverse(value: Image) -> Image
Image.matrixMultiply(image1: Image, image2: Image) -> Image
Image.matrixSolve(image1: Image, image2: Image) -> Image
Image.matrixTranspose(input: Image, axis1: Integer = 0.0, axis2: Integer = 1.0) -> Image
Image.neighborhoodToArray(image: Image, kernel: Kernel, defaultValue: Float = 0.0) -> Image
Image.neighborhoodToBands(image: Image, kernel: Kernel) -> Image
Image.paint(image: Image, featureCollection: FeatureCollection, color: Object = 0.0, width: Object = null) -> Image
Image.pixelArea() -> Image
Image.pixelCoordinates(projection: Projection) -> Image
Image.pixelLonLat() -> Image
Image.random(seed: Long = 0.0, distribution: String = "uniform") -> Image
Image.reduceConnectedComponents(image: Image, reducer: Reducer, labelBand: String = null, maxSize: Integer = 256.0)
    -> Image
Image.reduceToVectors(image: Image, reducer: Reducer = null, geometry: Geometry = null, scale: Float = null,
    geometryType: String = "polygon", eightConnected: Boolean = true, labelProperty: String = "label", crs:
    Projection = null, crsTransform: List<Float> = null, bestEffort: Boolean = false, maxPixels: Long = 10000000.0,
    tileScale: Float = 1.0, geometryInNativeProjection: Boolean = false) -> FeatureCollection
Image.register(image: Image, referenceImage: Image, maxOffset: Float, patchWidth: Float = null, stiffness: Float =
    5.0) -> Image
Image.rgbToHsv(image: Image) -> Image
Image.sldStyle(input: Image, sldXml: String) -> Image
Image.spectralDilation(image: Image, metric: String = "sam", kernel: Kernel = null, useCentroid: Boolean = false) ->
    Image
Image.spectralDistance(image1: Image, image2: Image, metric: String = "sam") -> Image
Image.spectralErosion(image: Image, metric: String = "sam", kernel: Kernel = null, useCentroid: Boolean = false) ->
    Image
Image.spectralGradient(image: Image, metric: String = "sam", kernel: Kernel = null, useCentroid: Boolean = false) ->
    Image
Image.stratifiedSample(image: Image, numPoints: Integer, classBand: String = null, region: Geometry = null, scale:
    Float = null, projection: Projection = null, seed: Integer = 0.0, classValues: List<Integer> = null,
    classPoints: List<Integer> = null, dropNulls: Boolean = true, tileScale: Float = 1.0, geometries: Boolean =
    false) -> FeatureCollection
Image.toArray(image: Image, axis: Integer = 0.0) -> Image
Image.translate(input: Image, x: Float, y: Float, units: String = "meters", proj: Projection = null) -> Image
Image.unmix(image: Image, endmembers: List<List<Float>>, sumToOne: Boolean = false, nonNegative: Boolean = false) ->
    Image
Image.zeroCrossing(image: Image) -> Image
ImageCollection.combine(primary: ImageCollection, secondary: ImageCollection, overwrite: Boolean = false) ->
    ImageCollection
ImageCollection.formaTrend(timeSeries: ImageCollection, covariates: ImageCollection = null, windowSize: Integer =
    6.0) -> Image
ImageCollection.getRegion(collection: ImageCollection, geometry: Geometry, scale: Float = null, crs: Projection =
    {"type": "Projection", "crs": "EPSG:4326", "transform": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]}, crsTransform:
    List<Float> = null) -> List<Object>
ImageCollection.toArray(collection: ImageCollection) -> Image
ImageCollection.toArrayPerBand(collection: ImageCollection, axis: Integer = 0.0, dropMasked: Boolean = false) ->
    Image
Join.inverted() -> Join
Join.saveAll(matchesKey: String, ordering: String = null, ascending: Boolean = true, measureKey: String = null,
    outer: Boolean = false) -> Join
Join.saveBest(matchKey: String, measureKey: String, outer: Boolean = false) -> Join
Join.simple() -> Join
Kernel.add(kernel1: Kernel, kernel2: Kernel, normalize: Boolean = false) -> Kernel
Kernel.chebyshev(radius: Float, units: String = "pixels", normalize: Boolean = false, magnitude: Float = 1.0) ->
    Kernel
Kernel.compass(magnitude: Float = 1.0, normalize: Boolean = false) -> Kernel
Kernel.euclidean(radius: Float, units: String = "pixels", normalize: Boolean = false, magnitude: Float = 1.0) ->
    Kernel
Kernel.inverse(kernel: Kernel) -> Kernel
Kernel.kirsch(magnitude: Float = 1.0, normalize: Boolean = false) -> Kernel
Kernel.laplacian4(magnitude: Float = 1.0, normalize: Boolean = false) -> Kernel
Kernel.laplacian8(magnitude: Float = 1.0, normalize: Boolean = false) -> Kernel
Kernel.manhattan(radius: Float, units: String = "pixels", normalize: Boolean = false, magnitude: Float = 1.0) ->
    Kernel
Kernel.octagon(radius: Float, units: String = "pixels", normalize: Boolean = true, magnitude: Float = 1.0) -> Kernel
Kernel.prewitt(magnitude: Float = 1.0, normalize: Boolean = false) -> Kernel
Kernel.roberts(magnitude: Float = 1.0, normalize: Boolean = false) -> Kernel
Kernel.rotate(kernel: Kernel, rotations: Integer) -> Kernel
Kernel.sobel(magnitude: Float = 1.0, normalize: Boolean = false) -> Kernel
Landsat.TOA(input: Image) -> Image
Landsat.simpleCloudScore(image: Image) -> Image
Landsat.simpleComposite(collection: ImageCollection, percentile: Integer = 50.0, cloudScoreRange: Integer = 10.0,
    maxDepth: Integer = 40.0, asFloat: Boolean = false) -> Image
List.containsAll(list: List<Object>, other: List<Object>) -> Boolean
List.equals(list: List<Object>, other: List<Object>) -> Boolean
List.filter(list: List<Object>, filter: Filter) -> List<Object>
List.frequency(list: List<Object>, element: Object) -> Integer
List.indexOf(list: List<Object>, element: Object) -> Integer
List.insert(list: List<Object>, index: Integer, element: Object) -> List<Object>
List.join(list: List<Object>, separator: String = "") -> String
List.repeat(value: Object, count: Integer) -> List<Object>
List.rotate(list: List<Object>, distance: Integer) -> List<Object>
List.set(list: List<Object>, index: Integer, element: Object) -> List<Object>
List.shuffle(list: List<Object>, seed: Object = null) -> List<Object>
List.splice(list: List<Object>, start: Integer, count: Integer, other: List<Object> = null) -> List<Object>
List.swap(list: List<Object>, pos1: Integer, pos2: Integer) -> List<Object>
List.unzip(list: List<Object>) -> List<List<Object>>
Number.atan2(left: Number, right: Number) -> Number
Number.bitwiseAnd(left: Number, right: Number) -> Number
Number.bitwiseOr(left: Number, right: Number) -> Number
Number.clamp(number: Number, min: Float, max: Float) -> Number
Number.cos(input: Number) -> Number
Number.expression(expression: String, vars: Dictionary<Object> = null) -> Number
Number.first(left: Number, right: Number) -> Number
Number.hypot(left: Number, right: Number) -> Number
Number.leftShift(left: Number, right: Number) -> Number
Number.parse(input: String, radix: Integer = 10.0) -> Number
Number.rightShift(left: Number, right: Number) -> Number
Number.signum(input: Number) -> Number
Number.sin(input: Number) -> Number
Number.tan(input: Number) -> Number
Number.toByte(input: Number) -> Number
Number.toDouble(input: Number) -> Number
Number.toFloat(input: Number) -> Number
Number.toInt16(input: Number) -> Number
Number.toInt32(input: Number) -> Number
Number.toInt64(input: Number) -> Number
Number.toInt8(input: Number) -> Number
Number.toUint16(input: Number) -> Number
Number.toUint32(input: Number) -> Number
Number.toUint8(input: Number) -> Number
Number.unitScale(number: Number, min: Float, max: Float) -> Number
PixelType.double() -> PixelType
PixelType.int16() -> PixelType
PixelType.int32() -> PixelType
PixelType.int64() -> PixelType
PixelType.int8() -> PixelType
PixelType.maxValue(pixelType: PixelType) -> Number
PixelType.minValue(pixelType: PixelType) -> Number
PixelType.precision(pixelType: PixelType) -> String
PixelType.uint16() -> PixelType
PixelType.uint32() -> PixelType
PixelType.uint8() -> PixelType
Reducer.autoHistogram(maxBuckets: Integer = null, minBucketWidth: Float = null, maxRaw: Integer = null, cumulative:
    Boolean = false) -> Reducer
Reducer.centeredCovariance() -> Reducer
Reducer.circularMean() -> Reducer
Reducer.covariance() -> Reducer
Reducer.disaggregate(reducer: Reducer, axis: Integer = null) -> Reducer
Reducer.fixedHistogram(min: Float, max: Float, steps: Integer, cumulative: Boolean = false) -> Reducer
Reducer.forEach(reducer: Reducer, outputNames: List<String>) -> Reducer
Reducer.forEachBand(reducer: Reducer, image: Image) -> Reducer
Reducer.forEachElement(reducer: Reducer) -> Reducer
Reducer.geometricMedian(numX: Integer, eta: Float = 0.001, initialStepSize: Float = 10.0) -> Reducer
Reducer.getOutputs(reducer: Reducer) -> List<Object>
Reducer.group(reducer: Reducer, groupField: Integer = 0.0, groupName: String = "group") -> Reducer
Reducer.kendallsCorrelation(numInputs: Integer = 1.0) -> Reducer
Reducer.kurtosis() -> Reducer
Reducer.linearRegression(numX: Integer, numY: Integer = 1.0) -> Reducer
Reducer.pearsonsCorrelation() -> Reducer
Reducer.ridgeRegression(numX: Integer, numY: Integer = 1.0, lambda: Float = 0.1) -> Reducer
Reducer.robustLinearRegression(numX: Integer, numY: Integer = 1.0, beta: Float = null) -> Reducer
Reducer.sampleStdDev() -> Reducer
Reducer.sampleVariance() -> Reducer
Reducer.sensSlope() -> Reducer
Reducer.setOutputs(reducer: Reducer, outputs: List<String>) -> Reducer
Reducer.skew() -> Reducer
Reducer.spearmansCorrelation() -> Reducer
Reducer.splitWeights(reducer: Reducer) -> Reducer
Reducer.toCollection(propertyNames: List<String>, numOptional: Integer = 0.0) -> Reducer
SelectorSet(paths: Object) -> SelectorSet
Sentinel2.CDI(source: Image) -> Image
String.compareTo(string1: String, string2: String) -> Integer
String.decodeJSON(string: String) -> Object
String.encodeJSON(object: Object) -> String
String.equals(reference: String, target: Object) -> Boolean
String.index(target: String, pattern: String) -> Integer
String.match(input: String, regex: String, flags: String = "") -> List<String>
String.rindex(target: String, pattern: String) -> Integer
String.split(string: String, regex: String, flags: String = "") -> List<String>
String.trim(string: String) -> String
TemporalSegmentation.Ccdc(collection: ImageCollection, breakpointBands: List<Object> = null, tmaskBands:
    List<Object> = null, minObservations: Integer = 6.0, chiSquareProbability: Float = 0.99, minNumOfYearsScaler:
    Float = 1.33, dateFormat: Integer = 0.0, lambda: Float = 20.0, maxIterations: Integer = 25000.0) -> Image
TemporalSegmentation.LandTrendr(timeSeries: ImageCollection, maxSegments: Integer, spikeThreshold: Float = 0.9,
    vertexCountOvershoot: Integer = 3.0, preventOneYearRecovery: Boolean = false, recoveryThreshold: Float = 0.25,
    pvalThreshold: Float = 0.1, bestModelProportion: Float = 0.75, minObservationsNeeded: Integer = 6.0) -> Image
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
