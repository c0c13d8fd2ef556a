// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

package rasterwire

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"
)

// npy returns a NumPy file by hand.
func npy(version byte, header string, data ...byte) []byte {
	file := append([]byte("\x93NUMPY"), version, 0)
	if version == 1 {
		file = binary.LittleEndian.AppendUint16(file, uint16(len(header)))
	} else {
		file = binary.LittleEndian.AppendUint32(file, uint32(len(header)))
	}
	return append(append(file, header...), data...)
}

const header = "{'descr': [('B3', '<u2'), ('f', '<f4'), ('mask', '|u1', (2,))], 'fortran_order': False, 'shape': (1, 2), }  \n"

var pixels = []byte{1, 2, 0, 0, 0x80, 0x3f, 255, 0, 3, 4, 0, 0, 0, 0xc0, 0, 255} // 1.0 and -2.0 are the floats

func TestANumPyFileIsRead(t *testing.T) {
	array, err := ReadNPY(npy(1, header, pixels...))
	if err != nil {
		t.Fatal(err)
	}
	if array.Rows != 1 || array.Columns != 2 || array.Stride != 8 || array.Fields[2].Count != 2 {
		t.Errorf("%+v", array)
	}
	for name, expected := range map[string][]float64{"B3": {513, 1027}, "f": {1, -2}, "mask": {255, 0}} {
		if values, err := array.Values(name); err != nil || !slices.Equal(values, expected) {
			t.Errorf("%s: %v, %v", name, values, err)
		}
	}
	if _, err := array.Values("B4"); err == nil {
		t.Error("a field that is not there was read")
	}
}

func TestNamesAreReadInEveryVersionOfTheForm(t *testing.T) {
	for name, each := range map[string]struct {
		version byte
		text    string
	}{
		"Höhe":  {1, "'H\xf6he'"}, // Latin-1
		"高 é":   {3, "'高 é'"},
		"it's":  {1, `"it's"`},
		`a\b"c`: {1, `'a\\b"c'`},
		"é":     {1, `'\xe9'`},
	} {
		file := npy(each.version, "{'descr': [("+each.text+", '|u1')], 'fortran_order': False, 'shape': (1, 1)}", 7)
		array, err := ReadNPY(file)
		if err != nil || array.Fields[0].Name != name {
			t.Errorf("%q: %+v, %v", name, array, err)
		}
	}
}

func TestBrokenNumPyFilesAreRefused(t *testing.T) {
	whole := npy(1, header, pixels...)
	for size := range len(whole) {
		if _, err := ReadNPY(whole[:size]); err == nil {
			t.Errorf("%d bytes of %d were read", size, len(whole))
		}
	}
	for _, broken := range []string{
		"", "{", "[", "{'descr': [('a', '|u1')], 'fortran_order': True, 'shape': (1, 1)}",
		"{'descr': [('a', '>u2')], 'fortran_order': False, 'shape': (1, 0)}",
		"{'descr': [('a', '|O')], 'fortran_order': False, 'shape': (1, 0)}",
		"{'descr': [('a', '|u1')], 'fortran_order': False, 'shape': (1,)}",
		"{'descr': [('a', '|u1', (0,))], 'fortran_order': False, 'shape': (0, 0)}",
		"{'descr': '|u1', 'fortran_order': False, 'shape': (0, 0)}",
		"{'descr': [('a', '|u1')], 'fortran_order': False, 'shape': (99999999999999999999, 1)}",
		strings.Repeat("[", 10_000),
	} {
		if array, err := ReadNPY(npy(1, broken)); err == nil {
			t.Errorf("%.60q was read as %+v", broken, array)
		}
	}
}

func FuzzReadNPY(f *testing.F) {
	f.Add(npy(1, header, pixels...))
	f.Fuzz(func(t *testing.T, file []byte) {
		if array, err := ReadNPY(file); err == nil && len(array.Data) != array.Rows*array.Columns*array.Stride {
			t.Errorf("%+v", array)
		}
	})
}
