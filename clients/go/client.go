// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

package rasterwire

import (
	"context"
	"iter"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	pb "rasterwire.dev/clients/go/gen/rasterwire/v1"
)

// A Client talks to one server. It may be used by several goroutines.
type Client struct {
	conn      *grpc.ClientConn
	setup     setup
	downloads pb.DownloadServiceClient
	catalog   pb.CatalogServiceClient
	exports   pb.ExportServiceClient
}

// Created is a registered download: its id, and what it will hold.
type Created struct {
	ID   *pb.DownloadId
	Plan *pb.DownloadPlan
}

// Close ends all calls, and the connection unless it was given by [WithConn].
func (c *Client) Close() error {
	if c.setup.conn != nil {
		return nil
	}
	return c.conn.Close()
}

// outgoing returns a context whose calls carry the token and the metadata of the client.
func (c *Client) outgoing(ctx context.Context) (context.Context, error) {
	for name, value := range c.setup.metadata {
		ctx = metadata.AppendToOutgoingContext(ctx, name, value)
	}
	if c.setup.token == nil {
		return ctx, nil
	}
	token, err := c.setup.token(ctx)
	if err != nil {
		return nil, err
	}
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token), nil
}

// call makes a call with one answer, within the timeout of the client.
func call[Request, Answer any](
	ctx context.Context, c *Client, method func(context.Context, Request, ...grpc.CallOption) (Answer, error), request Request,
) (Answer, error) {
	var none Answer
	ctx, cancel := context.WithTimeout(ctx, c.setup.timeout)
	defer cancel()
	ctx, err := c.outgoing(ctx)
	if err != nil {
		return none, err
	}
	trailer := metadata.MD{}
	answer, err := method(ctx, request, grpc.Trailer(&trailer))
	if err != nil {
		return none, failure(ctx, err, trailer)
	}
	return answer, nil
}

// CreateDownload registers a download; nothing is rendered yet.
func (c *Client) CreateDownload(ctx context.Context, params *pb.DownloadParams) (*Created, error) {
	answer, err := call(ctx, c, c.downloads.CreateDownload, &pb.CreateDownloadRequest{Params: params})
	if err != nil {
		return nil, err
	}
	return &Created{answer.GetDownloadId(), answer.GetPlan()}, nil
}

// A Result is what a call gives that was begun in the background: a value or an error.
type Result[T any] struct {
	Value T
	Err   error
}

func inBackground[T any](work func() (T, error)) <-chan Result[T] {
	done := make(chan Result[T], 1)
	go func() {
		value, err := work()
		done <- Result[T]{value, err}
	}()
	return done
}

// CreateDownloadAsync begins [Client.CreateDownload] and returns the channel that its one result comes through.
func (c *Client) CreateDownloadAsync(ctx context.Context, params *pb.DownloadParams) <-chan Result[*Created] {
	return inBackground(func() (*Created, error) { return c.CreateDownload(ctx, params) })
}

// Plan returns what a download would hold; nothing is registered.
func (c *Client) Plan(ctx context.Context, params *pb.DownloadParams) (*pb.DownloadPlan, error) {
	answer, err := call(ctx, c, c.downloads.PlanDownload, &pb.PlanDownloadRequest{Params: params})
	return answer.GetPlan(), err
}

// Limits returns what the server will serve at most.
func (c *Client) Limits(ctx context.Context) (*pb.GetLimitsResponse, error) {
	return call(ctx, c, c.downloads.GetLimits, &pb.GetLimitsRequest{})
}

// GetDownload returns how far a registered download is, and what it holds.
func (c *Client) GetDownload(ctx context.Context, id *pb.DownloadId) (*pb.Download, error) {
	request := &pb.GetDownloadRequest{Name: id.GetName(), Token: id.GetToken()}
	answer, err := call(ctx, c, c.downloads.GetDownload, request)
	return answer.GetDownload(), err
}

// PrepareDownload has the server begin to render a registered download; [Client.GetDownload] tells when it is there.
func (c *Client) PrepareDownload(ctx context.Context, id *pb.DownloadId) (*pb.Download, error) {
	request := &pb.PrepareDownloadRequest{Name: id.GetName(), Token: id.GetToken()}
	answer, err := call(ctx, c, c.downloads.PrepareDownload, request)
	return answer.GetDownload(), err
}

// DeleteDownload makes a registered download unknown to the server.
func (c *Client) DeleteDownload(ctx context.Context, id *pb.DownloadId) error {
	request := &pb.DeleteDownloadRequest{Name: id.GetName(), Token: id.GetToken()}
	_, err := call(ctx, c, c.downloads.DeleteDownload, request)
	return err
}

// ListDownloads yields the registered downloads of the tenant, without their states and plans.
func (c *Client) ListDownloads(ctx context.Context) iter.Seq2[*pb.Download, error] {
	request := &pb.ListDownloadsRequest{}
	return paged(func() ([]*pb.Download, string, error) {
		page, err := call(ctx, c, c.downloads.ListDownloads, request)
		request.PageToken = page.GetNextPageToken()
		return page.GetDownloads(), request.PageToken, err
	})
}

// ListImages yields the images whose id begins with a prefix, ordered by id, without their bands. Images of catalogs
// that the server cannot reach now are left out.
func (c *Client) ListImages(ctx context.Context, prefix string) iter.Seq2[*pb.ImageInfo, error] {
	request := &pb.ListImagesRequest{Prefix: prefix}
	return paged(func() ([]*pb.ImageInfo, string, error) {
		page, err := call(ctx, c, c.catalog.ListImages, request)
		request.PageToken = page.GetNextPageToken()
		return page.GetImages(), request.PageToken, err
	})
}

// GetImage returns an image with its bands.
func (c *Client) GetImage(ctx context.Context, id string) (*pb.ImageInfo, error) {
	answer, err := call(ctx, c, c.catalog.GetImage, &pb.GetImageRequest{Id: id})
	return answer.GetImage(), err
}

// paged yields the items of all pages; an error is the last that it yields.
func paged[T any](next func() ([]T, string, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for {
			items, token, err := next()
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			if token == "" {
				return
			}
		}
	}
}
