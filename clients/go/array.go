// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

package rasterwire

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	pb "rasterwire.dev/clients/go/gen/rasterwire/v1"
)

// A Field is a band of an array, or its mask.
type Field struct {
	// Name of the band, or "mask": 255 for valid pixels, 0 for others.
	Name string
	// Type is NumPy's, such as <u2: the order of bytes, the kind, and the bytes of a value.
	Type string
	// Count of values of a pixel: 1, or for a mask of each band their number.
	Count int

	offset int // in a pixel
}

// An Array holds pixels in rows, all fields of a pixel side by side.
type Array struct {
	// Rows and Columns of the grid.
	Rows, Columns int
	// Fields of a pixel, in the order of the request.
	Fields []Field
	// Data has Rows x Columns pixels of Stride bytes.
	Data []byte
	// Stride is the bytes of a pixel.
	Stride int
	// Plan that the array was made by.
	Plan *pb.DownloadPlan
}

// Array returns pixels by one call that stores nothing: for small pieces. The format of the request does not count.
func (c *Client) Array(ctx context.Context, params *pb.DownloadParams) (*Array, error) {
	request := proto.CloneOf(params)
	request.Format, request.FilePerBand = NPY, nil
	data, plan, err := c.Stream(ctx, request)
	if err != nil {
		return nil, err
	}
	array, err := ReadNPY(data)
	if err != nil {
		return nil, corrupt("what came is no array: %v", err)
	}
	grid := plan.GetRasters()[0].GetGrid()
	if int64(array.Rows) != grid.GetHeight() || int64(array.Columns) != grid.GetWidth() {
		return nil, corrupt("an array of %d x %d came, which is not what the plan says", array.Rows, array.Columns)
	}
	array.Plan = plan
	return array, nil
}

// Values returns the values of a field, row by row; of a field with several values of a pixel, the first. Whole
// numbers beyond 2 to the 53rd lose digits: read those from Data.
func (a *Array) Values(name string) ([]float64, error) {
	for _, field := range a.Fields {
		if field.Name != name {
			continue
		}
		read, err := reader(field.Type)
		if err != nil {
			return nil, err
		}
		values := make([]float64, a.Rows*a.Columns)
		for i := range values {
			values[i] = read(a.Data[i*a.Stride+field.offset:])
		}
		return values, nil
	}
	return nil, fmt.Errorf("the array has no field %q", name)
}

// reader returns what reads a value of a type of NumPy.
func reader(kind string) (func([]byte) float64, error) {
	little := binary.LittleEndian
	switch strings.TrimLeft(kind, "<|") {
	case "u1":
		return func(b []byte) float64 { return float64(b[0]) }, nil
	case "i1":
		return func(b []byte) float64 { return float64(int8(b[0])) }, nil
	case "u2":
		return func(b []byte) float64 { return float64(little.Uint16(b)) }, nil
	case "i2":
		return func(b []byte) float64 { return float64(int16(little.Uint16(b))) }, nil
	case "u4":
		return func(b []byte) float64 { return float64(little.Uint32(b)) }, nil
	case "i4":
		return func(b []byte) float64 { return float64(int32(little.Uint32(b))) }, nil
	case "u8":
		return func(b []byte) float64 { return float64(little.Uint64(b)) }, nil
	case "i8":
		return func(b []byte) float64 { return float64(int64(little.Uint64(b))) }, nil
	case "f4":
		return func(b []byte) float64 { return float64(math.Float32frombits(little.Uint32(b))) }, nil
	case "f8":
		return func(b []byte) float64 { return math.Float64frombits(little.Uint64(b)) }, nil
	}
	return nil, fmt.Errorf("values of type %s are not read here", kind)
}

// ReadNPY reads a NumPy file of this service: a structured array of two dimensions.
//
// The form is that of https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html.
func ReadNPY(file []byte) (*Array, error) {
	if len(file) < 12 || string(file[:6]) != "\x93NUMPY" {
		return nil, fmt.Errorf("it does not begin as a NumPy file")
	}
	start, size := 10, int(binary.LittleEndian.Uint16(file[8:]))
	if file[6] > 1 {
		start, size = 12, int(binary.LittleEndian.Uint32(file[8:]))
	}
	if size > len(file)-start {
		return nil, fmt.Errorf("its header ends behind the file")
	}
	text := string(file[start : start+size])
	if file[6] < 3 { // Latin-1 before version 3
		letters := make([]rune, size)
		for i, letter := range file[start : start+size] {
			letters[i] = rune(letter)
		}
		text = string(letters)
	}
	value, err := parseLiteral(text)
	if err != nil {
		return nil, err
	}
	array, err := arrayOf(value)
	if err != nil {
		return nil, err
	}
	array.Data = file[start+size:]
	if len(array.Data) != array.Rows*array.Columns*array.Stride {
		return nil, fmt.Errorf("%d bytes of pixels came for %d x %d of %d",
			len(array.Data), array.Rows, array.Columns, array.Stride)
	}
	return array, nil
}

// arrayOf returns the array that a header describes, without its pixels.
func arrayOf(header any) (*Array, error) {
	entries, _ := header.(map[string]any)
	shape, _ := entries["shape"].([]any)
	fields, _ := entries["descr"].([]any)
	if len(shape) != 2 || len(fields) == 0 || entries["fortran_order"] != false {
		return nil, fmt.Errorf("its header does not describe rows of pixels")
	}
	array := &Array{}
	var isRows, isColumns bool
	array.Rows, isRows = shape[0].(int)
	array.Columns, isColumns = shape[1].(int)
	if !isRows || !isColumns || array.Rows < 0 || array.Columns < 0 || array.Rows > 1<<31 || array.Columns > 1<<31 {
		return nil, fmt.Errorf("its shape is no pair of numbers")
	}
	for _, each := range fields {
		field, err := fieldOf(each)
		if err != nil {
			return nil, err
		}
		width, err := strconv.Atoi(strings.TrimLeft(field.Type, "<|uif"))
		if err != nil || strings.HasPrefix(field.Type, ">") || width < 1 || width > 8 {
			return nil, fmt.Errorf("values of type %s are not read here", field.Type)
		}
		field.offset = array.Stride
		array.Stride += width * field.Count
		array.Fields = append(array.Fields, field)
	}
	return array, nil
}

func fieldOf(entry any) (Field, error) {
	parts, _ := entry.([]any)
	field := Field{Count: 1}
	if len(parts) == 2 || len(parts) == 3 {
		field.Name, _ = parts[0].(string)
		field.Type, _ = parts[1].(string)
	}
	if len(parts) == 3 {
		counts, _ := parts[2].([]any)
		field.Count = 0
		if len(counts) == 1 {
			field.Count, _ = counts[0].(int)
		}
	}
	if field.Type == "" || field.Count < 1 || field.Count > 1<<16 {
		return field, fmt.Errorf("a field of its header is not understood")
	}
	return field, nil
}
