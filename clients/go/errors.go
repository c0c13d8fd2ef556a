// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

package rasterwire

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Kinds of errors, for errors.Is.
var (
	// ErrInvalid: the request cannot be served as it stands.
	ErrInvalid = errors.New("invalid request")
	// ErrNotFound: there is no such image, download or export.
	ErrNotFound = errors.New("not found")
	// ErrCorrupt: bytes came that are not those of the file; nothing was kept of them.
	ErrCorrupt = errors.New("corrupt data")
	// ErrInterrupted: the connection was lost, or a call took too long, and patience ran out.
	ErrInterrupted = errors.New("interrupted")
	// ErrExportFailed: an export failed or was cancelled.
	ErrExportFailed = errors.New("export failed")
)

// longestDelay is what a server may ask a client to wait.
const longestDelay = time.Minute

// A FieldViolation is one thing that is wrong with a request.
type FieldViolation struct {
	// Field is its path, such as bands[0].scale.
	Field string
	// Description is a sentence.
	Description string
	// Reason is a stable name in UPPER_SNAKE_CASE.
	Reason string
}

// Error is what all calls of a client fail with, but for what the caller's context and files give.
type Error struct {
	// Message is a sentence.
	Message string
	// Code is that of gRPC, codes.OK where the client itself found the error.
	Code codes.Code
	// Reason is the server's stable name in UPPER_SNAKE_CASE, or "".
	Reason string
	// Metadata has the dynamic parts of the message.
	Metadata map[string]string
	// Violations are all that is wrong with the request.
	Violations []FieldViolation
	// RetryDelay is the time after which the server wants to be asked again, at most a minute; nil where it says
	// nothing.
	RetryDelay *time.Duration
	// RequestID is the name of the call in the server's log, or "".
	RequestID string

	kind      error
	isPassing bool // the same may succeed later
	isGarbled bool // what comes again may be right
}

// Error returns the message, with the name of the call in the server's log.
func (e *Error) Error() string {
	if e.RequestID == "" {
		return e.Message
	}
	return fmt.Sprintf("%s (request id %s)", e.Message, e.RequestID)
}

// Is tells whether the error is of a kind.
func (e *Error) Is(kind error) bool { return kind == e.kind }

// GRPCStatus returns the status of the call, for status.Code and its like.
func (e *Error) GRPCStatus() *status.Status { return status.New(e.Code, e.Message) }

func corrupt(format string, values ...any) *Error {
	return &Error{Message: fmt.Sprintf(format, values...), kind: ErrCorrupt}
}

func garbled(format string, values ...any) *Error {
	err := corrupt(format, values...)
	err.isGarbled = true
	return err
}

func refused(field, description string) *Error {
	violations := []FieldViolation{{Field: field, Description: description}}
	return &Error{Message: field + ": " + description, Violations: violations, kind: ErrInvalid}
}

func kindOf(code codes.Code) error {
	switch code {
	case codes.InvalidArgument:
		return ErrInvalid
	case codes.NotFound:
		return ErrNotFound
	case codes.Unavailable, codes.DeadlineExceeded:
		return ErrInterrupted
	}
	return nil
}

// failure returns the error of the client for one of a call, with the details that the server sent.
func failure(ctx context.Context, err error, trailer metadata.MD) error {
	if ctx.Err() == context.Canceled {
		return context.Canceled
	}
	of := status.Convert(err)
	if of.Code() == codes.Internal && strings.Contains(of.Message(), "failed to unmarshal") {
		unread := garbled("the answer is no message of this schema; is it a rasterwire server that is asked?")
		unread.Code = of.Code()
		return unread
	}
	failed := &Error{Message: of.Message(), Code: of.Code(), kind: kindOf(of.Code())}
	for _, detail := range of.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			failed.Reason, failed.Metadata = detail.GetReason(), detail.GetMetadata()
		case *errdetails.BadRequest:
			for _, each := range detail.GetFieldViolations() {
				violation := FieldViolation{each.GetField(), each.GetDescription(), each.GetReason()}
				failed.Violations = append(failed.Violations, violation)
			}
		case *errdetails.RetryInfo:
			delay := min(max(detail.GetRetryDelay().AsDuration(), 0), longestDelay)
			failed.RetryDelay = &delay
		}
	}
	if ids := trailer.Get("x-request-id"); len(ids) > 0 {
		failed.RequestID = ids[0]
	}
	failed.isPassing = isPassing(failed)
	return failed
}

// isPassing tells whether a lost stream may be taken up again.
//
// A proxy turns the death of a server into Internal (a reset stream) or Unknown (a cut frame). A server that is busy
// says ResourceExhausted with the time to come back; what begins anew at midnight is not waited for.
func isPassing(err *Error) bool {
	if err.Reason == "QUOTA_EXCEEDED" && err.Metadata["quota"] != "concurrent_renders" {
		return false
	}
	switch err.Code {
	case codes.Unavailable, codes.Unknown:
		return true
	case codes.ResourceExhausted:
		return err.RetryDelay != nil
	case codes.Internal:
		return strings.Contains(err.Message, "RST_STREAM") || strings.Contains(err.Message, "unexpected EOF")
	}
	return false
}

func isGarbled(err error) bool {
	failed, isOurs := errors.AsType[*Error](err)
	return isOurs && failed.isGarbled
}
