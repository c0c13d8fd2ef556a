// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

package rasterwire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	pb "rasterwire.dev/clients/go/gen/rasterwire/v1"
)

// CreateExport begins an export and returns it at once. It goes on when the client leaves.
//
// The destination is one of the server's; prefix is what the names of all files begin with, "" for the default. More
// fields of the request are set by functions.
func (c *Client) CreateExport(
	ctx context.Context, params *pb.DownloadParams, destination, prefix string, more ...func(*pb.ExportParams),
) (*pb.Export, error) {
	export := &pb.ExportParams{Download: params, Destination: destination, Prefix: prefix}
	for _, set := range more {
		set(export)
	}
	answer, err := call(ctx, c, c.exports.CreateExport, &pb.CreateExportRequest{Params: export})
	return answer.GetExport(), err
}

// GetExport returns how far an export is, with the files that it has written.
func (c *Client) GetExport(ctx context.Context, name string) (*pb.Export, error) {
	answer, err := call(ctx, c, c.exports.GetExport, &pb.GetExportRequest{Name: name})
	return answer.GetExport(), err
}

// CancelExport has an export end, and what it has written be removed; one that has ended stays as it is.
func (c *Client) CancelExport(ctx context.Context, name string) (*pb.Export, error) {
	answer, err := call(ctx, c, c.exports.CancelExport, &pb.CancelExportRequest{Name: name})
	return answer.GetExport(), err
}

// ListExports yields the exports of the tenant, the newest first, without their files.
func (c *Client) ListExports(ctx context.Context) iter.Seq2[*pb.Export, error] {
	request := &pb.ListExportsRequest{}
	return paged(func() ([]*pb.Export, string, error) {
		page, err := call(ctx, c, c.exports.ListExports, request)
		request.PageToken = page.GetNextPageToken()
		return page.GetExports(), request.PageToken, err
	})
}

// WatchExport yields an export, and again each time that it has changed, until it has ended. A connection that is
// lost, as while a server is replaced, is made again.
func (c *Client) WatchExport(ctx context.Context, name string) iter.Seq2[*pb.Export, error] {
	return func(yield func(*pb.Export, error) bool) {
		for attempt := 0; ; {
			isWanted, hasChanged, err := c.watchOnce(ctx, name, yield)
			if !isWanted || err == nil {
				return
			}
			attempt++
			if hasChanged {
				attempt = 1
			}
			failed, isOurs := errors.AsType[*Error](err)
			if !isOurs || !failed.isPassing || attempt >= c.setup.retry.Attempts {
				yield(nil, err)
				return
			}
			select {
			case <-ctx.Done():
				yield(nil, ctx.Err())
				return
			case <-time.After(c.setup.retry.wait(attempt)):
			}
		}
	}
}

// watchOnce returns whether the caller wants more, whether anything came, and how the stream ended.
func (c *Client) watchOnce(
	ctx context.Context, name string, yield func(*pb.Export, error) bool,
) (isWanted, hasChanged bool, err error) {
	caller := ctx
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ctx, err = c.outgoing(ctx)
	if err != nil {
		return true, false, err
	}
	watched, err := c.exports.WatchExport(ctx, &pb.WatchExportRequest{Name: name})
	if err != nil {
		return true, false, failure(caller, err, nil)
	}
	for {
		answer, err := watched.Recv()
		if errors.Is(err, io.EOF) {
			return true, hasChanged, nil
		}
		if err != nil {
			return true, hasChanged, failure(caller, err, watched.Trailer())
		}
		hasChanged = true
		if !yield(answer.GetExport(), nil) {
			return false, true, nil
		}
	}
}

// Export exports, waits until it has ended, and returns the export with its files. See [Client.CreateExport]. What is
// begun goes on where this is interrupted.
func (c *Client) Export(
	ctx context.Context, params *pb.DownloadParams, destination, prefix string, more ...func(*pb.ExportParams),
) (*pb.Export, error) {
	export, err := c.CreateExport(ctx, params, destination, prefix, more...)
	if err != nil {
		return nil, err
	}
	for changed, err := range c.WatchExport(ctx, export.GetName()) {
		if err != nil {
			return nil, err
		}
		export = changed
	}
	if export.GetState() != pb.Export_STATE_SUCCEEDED {
		state := strings.ToLower(strings.TrimPrefix(export.GetState().String(), "STATE_"))
		message := export.GetFailure().GetMessage()
		if message == "" {
			message = "somebody cancelled it"
		}
		return nil, &Error{
			Message: fmt.Sprintf("%s %s: %s", export.GetName(), state, message),
			Reason:  export.GetFailure().GetReason(), kind: ErrExportFailed,
		}
	}
	return c.GetExport(ctx, export.GetName())
}
