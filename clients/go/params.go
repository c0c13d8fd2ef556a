// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

package rasterwire

import (
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	pb "rasterwire.dev/clients/go/gen/rasterwire/v1"
)

// Formats of files, for [As].
const (
	ZippedGeoTIFF        = pb.Format_FORMAT_ZIPPED_GEO_TIFF
	ZippedGeoTIFFPerBand = pb.Format_FORMAT_ZIPPED_GEO_TIFF_PER_BAND
	GeoTIFF              = pb.Format_FORMAT_GEO_TIFF
	NPY                  = pb.Format_FORMAT_NPY
	PNG                  = pb.Format_FORMAT_PNG
	JPEG                 = pb.Format_FORMAT_JPEG
)

// A Part is a part of a request.
type Part func(*pb.DownloadParams)

// Image returns a request for an image. It is an ordinary message, whose other fields may be set too.
func Image(id string, parts ...Part) *pb.DownloadParams {
	params := &pb.DownloadParams{Source: &pb.DownloadParams_Image{Image: id}}
	for _, part := range parts {
		part(params)
	}
	return params
}

// Bands asks for bands by their names, in this order. A number behind the last colon is the size of the band's pixels
// in metres: "B11:20".
func Bands(names ...string) Part {
	return func(params *pb.DownloadParams) {
		for _, name := range names {
			params.Bands = append(params.Bands, bandOf(name))
		}
	}
}

func bandOf(name string) *pb.BandSpec {
	if colon := strings.LastIndexByte(name, ':'); colon > 0 {
		if scale, err := strconv.ParseFloat(name[colon+1:], 64); err == nil {
			return &pb.BandSpec{Id: name[:colon], Scale: proto.Float64(scale)}
		}
	}
	return &pb.BandSpec{Id: name}
}

// Box asks for the area between two longitudes and two latitudes, in degrees. A west that is greater than east crosses
// the antimeridian.
func Box(west, south, east, north float64) Part {
	return BoxIn("", west, south, east, north)
}

// BoxIn asks for a box with sides along the axes of a coordinate reference system, such as EPSG:32610.
func BoxIn(crs string, west, south, east, north float64) Part {
	return func(params *pb.DownloadParams) {
		box := &pb.BoundingBox{West: west, South: south, East: east, North: north}
		params.Region = &pb.Region{Shape: &pb.Region_BoundingBox{BoundingBox: box}, Crs: crs}
	}
}

// GeoJSON asks for the area of a geometry, as JSON text.
func GeoJSON(text string) Part {
	return func(params *pb.DownloadParams) {
		params.Region = &pb.Region{Shape: &pb.Region_Geojson{Geojson: text}}
	}
}

// Scale sets the size of a pixel in metres.
func Scale(metres float64) Part {
	return func(params *pb.DownloadParams) { params.Scale = proto.Float64(metres) }
}

// Dimensions sets the size of the output in pixels: the longer side, or width and height.
func Dimensions(pixels ...int32) Part {
	return func(params *pb.DownloadParams) { params.Dimensions = pixels }
}

// CRS sets the coordinate reference system of the output, such as EPSG:4326.
func CRS(code string) Part {
	return func(params *pb.DownloadParams) { params.Crs = code }
}

// As sets the format of the file.
func As(format pb.Format) Part {
	return func(params *pb.DownloadParams) { params.Format = format }
}
