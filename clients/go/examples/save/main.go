// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

// Command save downloads the documentation's NPY request with the library, and prints its size and checksum.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	rw "rasterwire.dev/clients/go"
)

const (
	address = "127.0.0.1:50051"
	id      = "COPERNICUS/S2_SR/20210109T185751_20210109T185931_T10SEG"
)

func main() {
	folder, err := os.MkdirTemp("", "rasterwire-")
	if err != nil {
		log.Fatal(err)
	}
	file, err := save(context.Background(), or(os.Getenv("RASTERWIRE_ADDRESS"), address), filepath.Join(folder, "piece.npy"))
	_ = os.RemoveAll(folder)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("go library %d %08x\n", file.Size, file.CRC32C)
}

func save(ctx context.Context, address, path string) (*rw.File, error) {
	// begin of the README's example
	client, err := rw.Connect(address)
	if err != nil {
		return nil, err
	}
	piece := rw.Image(id, rw.Bands("B3", "B8", "B11"), rw.Box(-122.0859, 37.0436, -122.0626, 37.0586), rw.Scale(20), rw.As(rw.NPY))
	return client.Download(ctx, piece, path)
	// end of the README's example
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
