// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

// Command download fetches the documentation's NPY request three times, with blocking calls, in a
// goroutine, and after the server prepared it, verifies every byte, and prints the size and checksum
// of each file.
package main

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	pb "rasterwire.dev/clients/go/gen/rasterwire/v1"
)

const (
	timeout = time.Minute
	pause   = 100 * time.Millisecond // between two looks at how far a file is
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "go:", describe(err))
		os.Exit(1)
	}
}

func run() error {
	address := os.Getenv("RASTERWIRE_ADDRESS")
	if address == "" {
		address = "127.0.0.1:50051"
	}
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	client := pb.NewDownloadServiceClient(conn)

	file, err := download(context.Background(), client, params())
	if err != nil {
		return err
	}
	fmt.Printf("go sync %d %08x\n", file.size, file.crc32c)

	// In Go a call that does not block is the blocking one in a goroutine.
	result := <-downloadAsync(context.Background(), client, params())
	if result.err != nil {
		return result.err
	}
	fmt.Printf("go async %d %08x\n", result.file.size, result.file.crc32c)

	file, err = prepared(context.Background(), client, params())
	if err != nil {
		return err
	}
	fmt.Printf("go prepared %d %08x\n", file.size, file.crc32c)
	return nil
}

// params returns the documentation's request: three bands around Santa Cruz, as a NumPy file.
func params() *pb.DownloadParams {
	return &pb.DownloadParams{
		Source: &pb.DownloadParams_Image{Image: "COPERNICUS/S2_SR/20210109T185751_20210109T185931_T10SEG"},
		Bands:  []*pb.BandSpec{{Id: "B3"}, {Id: "B8"}, {Id: "B11"}},
		Region: &pb.Region{Shape: &pb.Region_BoundingBox{BoundingBox: &pb.BoundingBox{
			West: -122.0859, South: 37.0436, East: -122.0626, North: 37.0586,
		}}},
		Scale:  proto.Float64(20),
		Format: pb.Format_FORMAT_NPY,
	}
}

// download registers params and reads the file to its verified end.
func download(ctx context.Context, client pb.DownloadServiceClient, params *pb.DownloadParams) (*verifier, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	created, err := client.CreateDownload(ctx, &pb.CreateDownloadRequest{Params: params})
	if err != nil {
		return nil, err
	}
	return read(ctx, client, created.GetDownloadId())
}

// prepared registers params, lets the server render the file before it is read, and has it forgotten.
func prepared(ctx context.Context, client pb.DownloadServiceClient, params *pb.DownloadParams) (*verifier, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	created, err := client.CreateDownload(ctx, &pb.CreateDownloadRequest{Params: params})
	if err != nil {
		return nil, err
	}
	id := created.GetDownloadId()
	name, token := id.GetName(), id.GetToken()
	if _, err := client.PrepareDownload(ctx, &pb.PrepareDownloadRequest{Name: name, Token: token}); err != nil {
		return nil, err
	}
	for state := pb.Download_STATE_RENDERING; state != pb.Download_STATE_READY; time.Sleep(pause) {
		got, err := client.GetDownload(ctx, &pb.GetDownloadRequest{Name: name, Token: token})
		if err != nil {
			return nil, err
		}
		if state = got.GetDownload().GetState(); state == pb.Download_STATE_FAILED {
			return nil, fmt.Errorf("%s: %s", name, got.GetDownload().GetFailure())
		}
	}
	if err := findListed(ctx, client, name); err != nil {
		return nil, err
	}
	file, err := read(ctx, client, id)
	if err != nil {
		return nil, err
	}
	_, err = client.DeleteDownload(ctx, &pb.DeleteDownloadRequest{Name: name, Token: token})
	return file, err
}

// findListed looks for a download in the pages of all that are registered.
func findListed(ctx context.Context, client pb.DownloadServiceClient, name string) error {
	request := &pb.ListDownloadsRequest{}
	for {
		page, err := client.ListDownloads(ctx, request)
		if err != nil {
			return err
		}
		for _, download := range page.GetDownloads() {
			if download.GetName() == name {
				return nil
			}
		}
		if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
			return fmt.Errorf("%s is not listed", name)
		}
	}
}

// read reads the file of a registered download to its verified end.
func read(ctx context.Context, client pb.DownloadServiceClient, id *pb.DownloadId) (*verifier, error) {
	stream, err := client.ReadDownload(ctx, &pb.ReadDownloadRequest{Name: id.GetName(), Token: id.GetToken()})
	if err != nil {
		return nil, err
	}
	file := &verifier{}
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return file, file.finish()
		}
		if err != nil {
			return nil, err
		}
		if err := file.add(message.GetChunk()); err != nil {
			return nil, err
		}
	}
}

// A result is what a download gives: a file or an error.
type result struct {
	file *verifier
	err  error
}

// downloadAsync starts a download and returns the channel that its one result comes through.
func downloadAsync(ctx context.Context, client pb.DownloadServiceClient, params *pb.DownloadParams) <-chan result {
	done := make(chan result, 1)
	go func() {
		file, err := download(ctx, client, params)
		done <- result{file, err}
	}()
	return done
}

// A verifier checks the chunks of a file as they come. The zero value is ready.
type verifier struct {
	size   int64
	crc32c uint32
	info   *pb.FileInfo
}

// add takes the next message of the stream; one without bytes only says how far the render is.
func (v *verifier) add(chunk *pb.DownloadChunk) error {
	if chunk.GetFile() != nil {
		v.info = chunk.GetFile()
	}
	data := chunk.GetData()
	if len(data) == 0 {
		return nil
	}
	if chunk.GetOffset() != v.size {
		return fmt.Errorf("a chunk begins at byte %d, want %d", chunk.GetOffset(), v.size)
	}
	if chunk.Crc32C == nil {
		return fmt.Errorf("the chunk at byte %d has no checksum", v.size)
	}
	if crc := crc32.Checksum(data, castagnoli); crc != chunk.GetCrc32C() {
		return fmt.Errorf("the chunk at byte %d has crc32c %08x, want %08x", v.size, crc, chunk.GetCrc32C())
	}
	v.crc32c = crc32.Update(v.crc32c, castagnoli, data)
	v.size += int64(len(data))
	return nil
}

// finish checks the whole file, after the last message.
func (v *verifier) finish() error {
	switch {
	case v.info == nil:
		return errors.New("the stream ended without the size and checksum of the file")
	case v.size != v.info.GetSizeBytes():
		return fmt.Errorf("the file has %d bytes, want %d", v.size, v.info.GetSizeBytes())
	case v.crc32c != v.info.GetCrc32C():
		return fmt.Errorf("the file has crc32c %08x, want %08x", v.crc32c, v.info.GetCrc32C())
	}
	return nil
}

// describe tells an error with the reason and the fields that the server named.
func describe(err error) string {
	text := err.Error()
	for _, detail := range status.Convert(err).Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			text += fmt.Sprintf("\n  reason %s", detail.GetReason())
		case *errdetails.BadRequest:
			for _, violation := range detail.GetFieldViolations() {
				text += fmt.Sprintf("\n  %s: %s", violation.GetField(), violation.GetDescription())
			}
		}
	}
	return text
}
