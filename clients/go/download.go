// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

package rasterwire

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"google.golang.org/grpc/metadata"

	pb "rasterwire.dev/clients/go/gen/rasterwire/v1"
)

const (
	synced       = 8 << 20 // bytes that are written before they are brought to the disk
	chunksBehind = 8       // that wait to be written while others are on their way
)

// trailed is a stream whose trailers can be read at its end.
type trailed interface{ Trailer() metadata.MD }

// A File is a download that came.
type File struct {
	// Path is where it is.
	Path string
	// Size in bytes.
	Size int64
	// CRC32C of the whole file, checked.
	CRC32C uint32
	// Filename is what the server proposed.
	Filename string
	// MIMEType of the file.
	MIMEType string
	// Plan that the file was made by.
	Plan *pb.DownloadPlan
}

type downloadSetup struct {
	progress func(done, total int64)
	restart  bool
}

// A DownloadOption sets up one download.
type DownloadOption func(*downloadSetup)

// WithProgress calls a function with the bytes that are done, and with all of them or 0 while no byte is there yet.
func WithProgress(progress func(done, total int64)) DownloadOption {
	return func(s *downloadSetup) { s.progress = progress }
}

// WithRestart begins anew where a program that was ended left the beginning of the same file as NAME.part.
func WithRestart() DownloadOption {
	return func(s *downloadSetup) { s.restart = true }
}

// Download writes a file, which appears under its name only when it is whole and checked.
//
// A path that is a folder gives the file the server's name. Where the program is ended meanwhile, NAME.part and
// NAME.part.json stay, and the next Download of the same file goes on behind them; after an error, or when the
// context is cancelled, nothing stays.
func (c *Client) Download(
	ctx context.Context, params *pb.DownloadParams, path string, options ...DownloadOption,
) (*File, error) {
	s := downloadSetup{progress: func(int64, int64) {}}
	for _, option := range options {
		option(&s)
	}
	if err := checkFolder(path); err != nil {
		return nil, err
	}
	created, err := c.CreateDownload(ctx, params)
	if err != nil {
		return nil, err
	}
	if isFolder(path) {
		path = filepath.Join(path, plainName(created.Plan.GetFilename()))
	}
	return c.save(ctx, created, path, s)
}

// DownloadAsync begins [Client.Download] and returns the channel that its one result comes through.
func (c *Client) DownloadAsync(
	ctx context.Context, params *pb.DownloadParams, path string, options ...DownloadOption,
) <-chan Result[*File] {
	return inBackground(func() (*File, error) { return c.Download(ctx, params, path, options...) })
}

func (c *Client) save(ctx context.Context, created *Created, path string, s downloadSetup) (file *File, err error) {
	etag := created.Plan.GetEtag()
	checked := &checker{plan: created.Plan}
	part, err := openPart(path, etag, s.restart)
	if err != nil {
		return nil, err
	}
	defer func() { part.close(err != nil) }()
	checked.etag, checked.offset, checked.crc32c = part.known.Etag, part.known.Offset, part.known.CRC32C

	behind := newWriter(part)
	err = c.transfer(ctx, created.ID, checked, func(data []byte, checked *checker) error {
		s.progress(checked.offset, checked.info.GetSizeBytes())
		if len(data) == 0 {
			return nil
		}
		return behind.write(data, known{etag, checked.offset, checked.crc32c})
	})
	if failed := behind.end(); err == nil {
		err = failed
	}
	if err == nil {
		err = ctx.Err() // cancelled with the last byte
	}
	if err != nil {
		return nil, err
	}
	if err := part.become(path); err != nil {
		return nil, err
	}
	info := checked.info
	return &File{path, info.GetSizeBytes(), info.GetCrc32C(), info.GetFilename(), info.GetMimeType(), created.Plan}, nil
}

// A Reader reads the bytes of a download from its begin to its end, over lost streams.
type Reader struct {
	// Plan that the file was made by.
	Plan *pb.DownloadPlan

	pipe   *io.PipeReader
	cancel context.CancelFunc
}

// Open returns a reader of a file. Each byte that it gives is of a checked chunk; io.EOF says that the whole is
// right too. Close ends the download.
func (c *Client) Open(ctx context.Context, params *pb.DownloadParams) (*Reader, error) {
	created, err := c.CreateDownload(ctx, params)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	from, to := io.Pipe()
	go func() {
		checked := &checker{plan: created.Plan}
		err := c.transfer(ctx, created.ID, checked, func(data []byte, _ *checker) error {
			_, err := to.Write(data)
			return err
		})
		to.CloseWithError(err) // io.EOF for nil
	}()
	return &Reader{created.Plan, from, cancel}, nil
}

// Read reads the next bytes.
func (r *Reader) Read(buffer []byte) (int, error) { return r.pipe.Read(buffer) }

// Close ends the download.
func (r *Reader) Close() error {
	r.cancel()
	return r.pipe.Close()
}

// Stream returns a file and its plan by one call that stores nothing: for small pieces. It is asked for again, once,
// where it was garbled on its way.
func (c *Client) Stream(ctx context.Context, params *pb.DownloadParams) ([]byte, *pb.DownloadPlan, error) {
	data, plan, err := c.streamOnce(ctx, params)
	if isGarbled(err) {
		return c.streamOnce(ctx, params)
	}
	return data, plan, err
}

func (c *Client) streamOnce(ctx context.Context, params *pb.DownloadParams) ([]byte, *pb.DownloadPlan, error) {
	var data []byte
	checked := &checker{}
	err := c.receive(ctx, func(ctx context.Context) (stream, error) {
		opened, err := c.downloads.StreamDownload(ctx, &pb.StreamDownloadRequest{Params: params})
		return stream{func() (*pb.DownloadChunk, *pb.DownloadPlan, error) {
			answer, err := opened.Recv()
			return answer.GetChunk(), answer.GetPlan(), err
		}, opened}, err
	}, func(chunk *pb.DownloadChunk, plan *pb.DownloadPlan) error {
		if plan != nil {
			checked.plan = plan
		}
		more, err := checked.check(chunk)
		data = append(data, more...)
		return err
	})
	if err == nil {
		err = checked.finish()
	}
	return data, checked.plan, err
}

// plainName returns a server's file name without what could lead out of a folder.
func plainName(proposed string) string {
	name := filepath.Base(filepath.FromSlash(strings.ReplaceAll(proposed, `\`, "/")))
	name = strings.Map(func(letter rune) rune {
		if letter < ' ' || strings.ContainsRune(`<>:"/\|?*`, letter) {
			return '_'
		}
		return letter
	}, name)
	if name = strings.TrimLeft(name, ". "); name == "" || name == "_" {
		return "download"
	}
	return name
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// checkFolder refuses a path that cannot be written to, before the server is asked.
func checkFolder(path string) error {
	folder := path
	if !isFolder(path) {
		folder = filepath.Dir(path)
	}
	if !isFolder(folder) {
		return fmt.Errorf("there is no folder %q; make it, or name another: %w", folder, os.ErrNotExist)
	}
	return nil
}
