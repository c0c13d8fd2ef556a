// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

package rasterwire

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "rasterwire.dev/clients/go/gen/rasterwire/v1"
)

func TestConstructorsMakeTheMessage(t *testing.T) {
	made := Image("a/b", Bands("B3", "B11:20", "a:b", ":5"), Box(1, 2, 3, 4), Scale(10), Dimensions(7, 5),
		CRS("EPSG:32610"), As(NPY))
	expected := &pb.DownloadParams{}
	text := `{"image": "a/b", "bands": [{"id": "B3"}, {"id": "B11", "scale": 20}, {"id": "a:b"}, {"id": ":5"}],
		"region": {"boundingBox": {"west": 1, "south": 2, "east": 3, "north": 4}}, "scale": 10,
		"dimensions": [7, 5], "crs": "EPSG:32610", "format": "FORMAT_NPY"}`
	if err := protojson.Unmarshal([]byte(text), expected); err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(made, expected) {
		t.Errorf("made %v, want %v", made, expected)
	}
}

func TestTargetsAreReadAsTheyAreMeant(t *testing.T) {
	for target, expected := range map[string]struct {
		address string
		isHTTPS bool
		isWrong bool
	}{
		"localhost:50051":      {"localhost:50051", false, false},
		"dns:///host:1":        {"dns:///host:1", false, false},
		"https://host":         {"host:443", true, false},
		"https://host:8443/":   {"host:8443", true, false},
		"https://[::1]:8443":   {"[::1]:8443", true, false},
		"http://localhost:80":  {isWrong: true},
		"https://host/folder":  {isWrong: true},
		"https://user@host:80": {isWrong: true},
	} {
		address, isHTTPS, err := addressOf(target)
		if address != expected.address || isHTTPS != expected.isHTTPS || errors.Is(err, ErrInvalid) != expected.isWrong {
			t.Errorf("%s gives %q, %v, %v", target, address, isHTTPS, err)
		}
	}
}

func TestTheServiceConfigIsThatOfTheSchema(t *testing.T) {
	schema, err := os.ReadFile("../../protos/service_config.json")
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("the module stands alone")
	}
	if err != nil || serviceConfig != string(schema) {
		t.Errorf("copy protos/service_config.json to clients/go: %v", err)
	}
	if client, err := Connect("localhost:1"); err != nil || client.Close() != nil {
		t.Errorf("gRPC does not take it: %v", err)
	}
}

func TestWhatIsTakenUpAgain(t *testing.T) {
	busy := func(reason, quota string) error {
		of, _ := status.New(codes.ResourceExhausted, "busy").WithDetails(
			&errdetails.RetryInfo{RetryDelay: durationpb.New(time.Hour)},
			&errdetails.ErrorInfo{Reason: reason, Metadata: map[string]string{"quota": quota}})
		return of.Err()
	}
	for name, each := range map[string]struct {
		err     error
		isTaken bool
	}{
		"unavailable":      {status.Error(codes.Unavailable, "x"), true},
		"unknown":          {status.Error(codes.Unknown, "x"), true},
		"internal":         {status.Error(codes.Internal, "x"), false},
		"reset":            {status.Error(codes.Internal, "stream terminated by RST_STREAM with error code: 2"), true},
		"exhausted":        {status.Error(codes.ResourceExhausted, "x"), false},
		"busy":             {busy("TOO_MANY_RENDERS", ""), true},
		"quota of the day": {busy("QUOTA_EXCEEDED", "pixels_per_day"), false},
		"quota of renders": {busy("QUOTA_EXCEEDED", "concurrent_renders"), true},
		"data loss":        {status.Error(codes.DataLoss, "x"), false},
		"deadline":         {status.Error(codes.DeadlineExceeded, "x"), false},
	} {
		failed, _ := errors.AsType[*Error](failure(context.Background(), each.err, nil))
		if failed.isPassing != each.isTaken {
			t.Errorf("%s: %v", name, failed.isPassing)
		}
		if failed.RetryDelay != nil && *failed.RetryDelay != longestDelay {
			t.Errorf("%s: waits %v", name, *failed.RetryDelay)
		}
	}
}

func TestErrorsTellAllThatTheServerSaid(t *testing.T) {
	of, _ := status.New(codes.InvalidArgument, "two things").WithDetails(
		&errdetails.ErrorInfo{Reason: "INVALID_REQUEST"},
		&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{
			{Field: "scale", Description: "too small", Reason: "DOUBLE_GT"}, {Field: "crs", Reason: "CRS_UNKNOWN"},
		}})
	err := failure(context.Background(), of.Err(), map[string][]string{"x-request-id": {"r1"}})
	failed, isOurs := errors.AsType[*Error](err)
	if !isOurs || !errors.Is(err, ErrInvalid) || errors.Is(err, ErrNotFound) || status.Code(err) != codes.InvalidArgument {
		t.Fatalf("%v", err)
	}
	expected := []FieldViolation{{"scale", "too small", "DOUBLE_GT"}, {"crs", "", "CRS_UNKNOWN"}}
	if failed.Reason != "INVALID_REQUEST" || !slices.Equal(failed.Violations, expected) || failed.RequestID != "r1" {
		t.Errorf("%+v", failed)
	}
	if failed.Error() != "two things (request id r1)" {
		t.Error(failed.Error())
	}
}

func TestNamesOfTheServerStayInTheirFolder(t *testing.T) {
	for proposed, expected := range map[string]string{
		"a.tif": "a.tif", "../../etc/passwd": "passwd", `..\..\a.tif`: "a.tif", "..": "download", "": "download",
		".hidden": "hidden", "a:b?.tif": "a_b_.tif", "反射率.npy": "反射率.npy", "/": "download",
	} {
		if name := plainName(proposed); name != expected {
			t.Errorf("%q gives %q, want %q", proposed, name, expected)
		}
	}
}

func TestAPartIsTakenUpIfItIsTheSame(t *testing.T) {
	target := filepath.Join(t.TempDir(), "a")
	sum := uint32(0x22620404) // of the sentence, as RFC 3720's CRC32C has it
	sentence := "The quick brown fox jumps over the lazy dog"
	leave := func(etag string, offset int64, crc uint32) {
		p, err := openPart(target, etag, true)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.file.WriteString(sentence + "more"); err != nil {
			t.Fatal(err)
		}
		if err := p.note(known{etag, offset, crc}); err != nil {
			t.Fatal(err)
		}
		_ = p.file.Close() // as the end of a process does
	}
	for name, each := range map[string]struct {
		etag     string
		offset   int64
		sum      uint32
		restart  bool
		expected int64
	}{
		"same":       {"e", 43, sum, false, 43},
		"restart":    {"e", 43, sum, true, 0},
		"other etag": {"f", 43, sum, false, 0},
		"other sum":  {"e", 43, sum + 1, false, 0},
		"too short":  {"e", 48, sum, false, 0},
		"negative":   {"e", -1, sum, false, 0},
	} {
		leave(each.etag, each.offset, each.sum)
		p, err := openPart(target, "e", each.restart)
		if err != nil {
			t.Fatal(err)
		}
		if size, err := p.file.Seek(0, 2); p.known.Offset != each.expected || err != nil || size != each.expected {
			t.Errorf("%s: goes on at %d of %d bytes, want %d", name, p.known.Offset, size, each.expected)
		}
		if err := p.close(true); err != nil {
			t.Error(err)
		}
	}
	if left, _ := filepath.Glob(target + "*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestAPartOfAnotherIsLeftAlone(t *testing.T) {
	if !locksFiles {
		t.Skip("the system has no locks")
	}
	target := filepath.Join(t.TempDir(), "a")
	first, err := openPart(target, "e", false)
	if err != nil {
		t.Fatal(err)
	}
	second, err := openPart(target, "e", false)
	if err != nil || second.path == first.path {
		t.Errorf("two programs write %s: %v", first.path, err)
	}
	_, _ = first.close(true), second.close(true)
	if err := os.WriteFile(target+".part", []byte("somebody's"), 0o600); err != nil {
		t.Fatal(err)
	}
	third, err := openPart(target, "e", false)
	if err != nil {
		t.Fatal(err)
	}
	_ = third.close(true)
	if content, err := os.ReadFile(target + ".part"); string(content) != "somebody's" {
		t.Errorf("the file of somebody else holds %q: %v", content, err)
	}
}

func TestAServerThatDoesNotConnectIsAskedAgain(t *testing.T) {
	hangs := func(ctx context.Context, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	client, err := Connect("passthrough:///nobody", WithIdle(20*time.Millisecond),
		WithRetry(RetryPolicy{Attempts: 2, FirstWait: time.Millisecond, LongestWait: time.Millisecond}),
		WithDialOptions(grpc.WithContextDialer(hangs)))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ignore := func([]byte, *checker) error { return nil }
	err = client.transfer(context.Background(), &pb.DownloadId{}, &checker{}, ignore)
	failed, isOurs := errors.AsType[*Error](err)
	if !isOurs || !errors.Is(err, ErrInterrupted) || failed.Code != codes.DeadlineExceeded {
		t.Fatalf("%v", err)
	}
	if !strings.HasPrefix(failed.Message, "gave up after 3 attempts") {
		t.Error(failed.Message)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := client.transfer(ctx, &pb.DownloadId{}, &checker{}, ignore); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled by the caller: %v", err)
	}
}
