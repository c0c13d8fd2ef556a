// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

// Package rasterwire downloads exact pieces of images from a rasterwire server.
//
//	client, err := rasterwire.Connect("localhost:50051")
//	if err != nil { ... }
//	defer client.Close()
//	params := rasterwire.Image("my/image", rasterwire.Bands("B3", "B11:20"), rasterwire.Box(-122.1, 37, -122, 37.1))
//	file, err := client.Download(ctx, params, "piece.zip")
//
// A download resumes after a lost stream, after the end of the program and after a restart of the server. Every
// chunk and the whole file are checked, and the file appears under its name only when it is whole.
//
// Errors are of type [*Error]; errors.Is tells their kinds, such as [ErrInvalid]. A call whose context is cancelled
// returns an error that is context.Canceled.
package rasterwire
