// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

package rasterwire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	pb "rasterwire.dev/clients/go/gen/rasterwire/v1"
)

// A sink takes the next bytes of a file, and how many are done; data may be empty.
type sink func(data []byte, checked *checker) error

// transfer moves the bytes of a registered download from the checker's offset on, over lost streams.
func (c *Client) transfer(ctx context.Context, id *pb.DownloadId, checked *checker, take sink) error {
	for attempt := 0; ; {
		before := checked.offset
		err := c.readTwice(ctx, id, checked, take)
		if err == nil {
			return checked.finish()
		}
		attempt++
		if checked.offset > before {
			attempt = 1
		}
		failed, isOurs := errors.AsType[*Error](err)
		if !isOurs || !failed.isPassing {
			return err
		}
		if attempt > c.setup.retry.Attempts {
			gaveUp := *failed
			gaveUp.Message = fmt.Sprintf("gave up after %d attempts without a new byte: %s", attempt, failed.Message)
			gaveUp.kind, gaveUp.isPassing = ErrInterrupted, false
			return &gaveUp
		}
		wait := c.setup.retry.wait(attempt)
		if failed.RetryDelay != nil {
			wait = max(wait, *failed.RetryDelay)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

// readTwice reads to the end of the file; what was garbled on its way is read again from the last good offset, once.
func (c *Client) readTwice(ctx context.Context, id *pb.DownloadId, checked *checker, take sink) error {
	for garbledAt := int64(-1); ; garbledAt = checked.offset {
		err := c.readOnce(ctx, id, checked, take)
		failed, isOurs := errors.AsType[*Error](err)
		if !isOurs || !failed.isGarbled || garbledAt == checked.offset {
			return err
		}
	}
}

// readOnce reads one stream to its end.
func (c *Client) readOnce(ctx context.Context, id *pb.DownloadId, checked *checker, take sink) error {
	checked.begin()
	request := &pb.ReadDownloadRequest{
		Name: id.GetName(), Token: id.GetToken(), ReadOffset: checked.offset, Etag: checked.etag,
	}
	err := c.receive(ctx, func(ctx context.Context) (stream, error) {
		opened, err := c.downloads.ReadDownload(ctx, request)
		return stream{func() (*pb.DownloadChunk, *pb.DownloadPlan, error) {
			answer, err := opened.Recv()
			return answer.GetChunk(), nil, err
		}, opened}, err
	}, func(chunk *pb.DownloadChunk, _ *pb.DownloadPlan) error {
		data, err := checked.check(chunk)
		if err != nil {
			return err
		}
		return take(data, checked)
	})
	if err != nil {
		return err
	}
	return checked.end()
}

// A stream of chunks, and of the plan where it comes with them.
type stream struct {
	next   func() (*pb.DownloadChunk, *pb.DownloadPlan, error)
	opened trailed
}

// receive takes the messages of a stream, and leaves a server that sends none for too long.
func (c *Client) receive(
	ctx context.Context,
	open func(context.Context) (stream, error),
	take func(*pb.DownloadChunk, *pb.DownloadPlan) error,
) error {
	caller := ctx
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ctx, err := c.outgoing(ctx)
	if err != nil {
		return err
	}
	var hasLeft atomic.Bool
	idle := time.AfterFunc(c.setup.idle, func() {
		hasLeft.Store(true)
		cancel()
	})
	defer idle.Stop()
	ended := func(err error, trailer metadata.MD) error {
		if hasLeft.Load() && caller.Err() == nil {
			silent := fmt.Sprintf("the server sent nothing for %v", c.setup.idle)
			return &Error{Message: silent, Code: codes.DeadlineExceeded, kind: ErrInterrupted, isPassing: true}
		}
		return failure(caller, err, trailer)
	}
	opened, err := open(ctx) // waits for a connection
	if err != nil {
		return ended(err, nil)
	}
	for {
		chunk, plan, err := opened.next()
		idle.Stop() // the time that the caller takes does not count
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return ended(err, opened.opened.Trailer())
		}
		if err := take(chunk, plan); err != nil {
			return err
		}
		idle.Reset(c.setup.idle)
	}
}
