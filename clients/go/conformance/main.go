// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

// Command conformance is the Go library under test: it reads requests on stdin and writes answers on stdout, as
// clients/conformance/README.md describes.
package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	rasterwire "rasterwire.dev/clients/go"
	pb "rasterwire.dev/clients/go/gen/rasterwire/v1"
)

type request struct {
	Call   string          `json:"call"`
	Target string          `json:"target"`
	Params json.RawMessage `json:"params"`
	Path   string          `json:"path"`
	Made   struct {
		Image  string    `json:"image"`
		Bands  []string  `json:"bands"`
		Box    []float64 `json:"box"`
		Format string    `json:"format"`
	} `json:"made"`
	Options struct {
		Prefix      string `json:"prefix"`
		ID          string `json:"id"`
		CancelAfter int64  `json:"cancel_after"`
		Copies      int    `json:"copies"`
		To          string `json:"to"`
	} `json:"options"`
	Client struct {
		Timeout  float64           `json:"timeout"`
		Idle     float64           `json:"idle"`
		Token    string            `json:"token"`
		Metadata map[string]string `json:"metadata"`
		Retry    struct {
			Attempts    int     `json:"attempts"`
			FirstWait   float64 `json:"first_wait"`
			LongestWait float64 `json:"longest_wait"`
		} `json:"retry"`
	} `json:"client"`
}

type answer map[string]any

func main() {
	for {
		document, err := receive(os.Stdin)
		if errors.Is(err, io.EOF) {
			return
		}
		if err == nil {
			err = send(os.Stdout, reply(document))
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func receive(from io.Reader) ([]byte, error) {
	var size uint32
	if err := binary.Read(from, binary.BigEndian, &size); err != nil {
		return nil, err
	}
	document := make([]byte, size)
	_, err := io.ReadFull(from, document)
	return document, err
}

func send(to io.Writer, reply answer) error {
	document, err := json.Marshal(reply)
	if err != nil {
		return err
	}
	_, err = to.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(document))), document...))
	return err
}

func reply(document []byte) answer {
	asked := &request{}
	asked.Client.Timeout, asked.Client.Idle = 60, 60
	asked.Client.Retry.Attempts, asked.Client.Retry.FirstWait, asked.Client.Retry.LongestWait = 4, 0.01, 0.05
	if err := json.Unmarshal(document, asked); err != nil {
		return failed(err)
	}
	client, err := connect(asked)
	if err != nil {
		return failed(err)
	}
	defer client.Close()
	params, err := paramsOf(asked)
	if err != nil {
		return failed(err)
	}
	result, err := calls[asked.Call](context.Background(), client, params, asked)
	if err != nil {
		return failed(err)
	}
	return result
}

func seconds(number float64) time.Duration { return time.Duration(number * float64(time.Second)) }

func connect(asked *request) (*rasterwire.Client, error) {
	retry := asked.Client.Retry
	options := []rasterwire.Option{
		rasterwire.WithTimeout(seconds(asked.Client.Timeout)),
		rasterwire.WithIdle(seconds(asked.Client.Idle)),
		rasterwire.WithMetadata(asked.Client.Metadata),
		rasterwire.WithRetry(rasterwire.RetryPolicy{
			Attempts: retry.Attempts, FirstWait: seconds(retry.FirstWait), LongestWait: seconds(retry.LongestWait),
		}),
	}
	if asked.Client.Token != "" {
		options = append(options, rasterwire.WithToken(asked.Client.Token))
	}
	return rasterwire.Connect(asked.Target, options...)
}

func paramsOf(asked *request) (*pb.DownloadParams, error) {
	made := asked.Made
	if made.Image == "" {
		params := &pb.DownloadParams{}
		return params, protojson.Unmarshal(asked.Params, params)
	}
	format := rasterwire.NPY
	if made.Format != "" {
		format = pb.Format(pb.Format_value["FORMAT_"+made.Format])
	}
	parts := []rasterwire.Part{rasterwire.As(format)}
	if made.Bands != nil {
		parts = append(parts, rasterwire.Bands(made.Bands...))
	}
	if made.Box != nil {
		parts = append(parts, rasterwire.Box(made.Box[0], made.Box[1], made.Box[2], made.Box[3]))
	}
	return rasterwire.Image(made.Image, parts...), nil
}

type call func(context.Context, *rasterwire.Client, *pb.DownloadParams, *request) (answer, error)

var calls = map[string]call{
	"plan": func(ctx context.Context, c *rasterwire.Client, p *pb.DownloadParams, _ *request) (answer, error) {
		plan, err := c.Plan(ctx, p)
		return answer{"plan": documentOf(plan)}, err
	},
	"create": func(ctx context.Context, c *rasterwire.Client, p *pb.DownloadParams, _ *request) (answer, error) {
		created, err := c.CreateDownload(ctx, p)
		if err != nil {
			return nil, err
		}
		again, err := c.CreateDownload(ctx, p)
		if err != nil {
			return nil, err
		}
		isSame := created.ID.GetName() == again.ID.GetName()
		return answer{"plan": documentOf(created.Plan), "is_same": isSame}, nil
	},
	"create_in_background": func(
		ctx context.Context, c *rasterwire.Client, p *pb.DownloadParams, _ *request,
	) (answer, error) {
		result := <-c.CreateDownloadAsync(ctx, p)
		if result.Err != nil {
			return nil, result.Err
		}
		return answer{"plan": documentOf(result.Value.Plan)}, nil
	},
	"limits": func(ctx context.Context, c *rasterwire.Client, _ *pb.DownloadParams, _ *request) (answer, error) {
		limits, err := c.Limits(ctx)
		return answer{"limits": documentOf(limits)}, err
	},
	"images": func(ctx context.Context, c *rasterwire.Client, _ *pb.DownloadParams, asked *request) (answer, error) {
		ids := []string{}
		for image, err := range c.ListImages(ctx, asked.Options.Prefix) {
			if err != nil {
				return nil, err
			}
			ids = append(ids, image.GetId())
		}
		return answer{"images": ids}, nil
	},
	"image": func(ctx context.Context, c *rasterwire.Client, _ *pb.DownloadParams, asked *request) (answer, error) {
		image, err := c.GetImage(ctx, asked.Options.ID)
		return answer{"image": documentOf(image)}, err
	},
	"forgotten": func(ctx context.Context, c *rasterwire.Client, p *pb.DownloadParams, _ *request) (answer, error) {
		created, err := c.CreateDownload(ctx, p)
		if err != nil {
			return nil, err
		}
		if err := c.DeleteDownload(ctx, created.ID); err != nil {
			return nil, err
		}
		download, err := c.GetDownload(ctx, created.ID)
		return answer{"download": documentOf(download)}, err
	},
	"save": save,
	"open": func(ctx context.Context, c *rasterwire.Client, p *pb.DownloadParams, _ *request) (answer, error) {
		reader, err := c.Open(ctx, p)
		if err != nil {
			return nil, err
		}
		defer reader.Close()
		sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
		size, err := io.Copy(sum, reader)
		return answer{"file": answer{"size": size, "crc32c": fmt.Sprintf("%08x", sum.Sum32())}}, err
	},
	"stream": func(ctx context.Context, c *rasterwire.Client, p *pb.DownloadParams, _ *request) (answer, error) {
		data, _, err := c.Stream(ctx, p)
		sum := crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))
		return answer{"file": answer{"size": len(data), "crc32c": fmt.Sprintf("%08x", sum)}}, err
	},
	"array": func(ctx context.Context, c *rasterwire.Client, p *pb.DownloadParams, _ *request) (answer, error) {
		array, err := c.Array(ctx, p)
		if err != nil {
			return nil, err
		}
		names, checksums := []string{}, map[string]string{}
		for _, field := range array.Fields {
			names = append(names, field.Name)
			values, err := array.Values(field.Name)
			if err != nil {
				return nil, err
			}
			sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
			if err := binary.Write(sum, binary.LittleEndian, values); err != nil {
				return nil, err
			}
			checksums[field.Name] = fmt.Sprintf("%08x", sum.Sum32())
		}
		return answer{"shape": []int{array.Rows, array.Columns}, "fields": names, "checksums": checksums}, nil
	},
	"export": func(ctx context.Context, c *rasterwire.Client, p *pb.DownloadParams, asked *request) (answer, error) {
		destination, prefix, _ := strings.Cut(asked.Options.To, "/")
		export, err := c.Export(ctx, p, destination, prefix)
		if err != nil {
			return nil, err
		}
		isListed := false
		for each, err := range c.ListExports(ctx) {
			if err != nil {
				return nil, err
			}
			isListed = isListed || each.GetName() == export.GetName()
		}
		return answer{"export": documentOf(export), "listed": isListed}, nil
	},
}

func save(ctx context.Context, c *rasterwire.Client, p *pb.DownloadParams, asked *request) (answer, error) {
	if copies := asked.Options.Copies; copies > 0 {
		var waiting []<-chan rasterwire.Result[*rasterwire.File]
		for number := range copies {
			waiting = append(waiting, c.DownloadAsync(ctx, p, fmt.Sprintf("%s-%d", asked.Path, number)))
		}
		var file *rasterwire.File
		for _, done := range waiting {
			result := <-done
			if result.Err != nil {
				return nil, result.Err
			}
			file = result.Value
		}
		return answer{"file": fileOf(file)}, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	before, grows := int64(0), true
	file, err := c.Download(ctx, p, asked.Path, rasterwire.WithProgress(func(done, _ int64) {
		grows, before = grows && done >= before, done
		if after := asked.Options.CancelAfter; after > 0 && done >= after {
			cancel()
		}
	}))
	if err != nil {
		return nil, err
	}
	document := fileOf(file)
	document["progress"] = grows && before == file.Size
	return answer{"file": document}, nil
}

func fileOf(file *rasterwire.File) answer {
	return answer{
		"size": file.Size, "crc32c": fmt.Sprintf("%08x", file.CRC32C), "filename": file.Filename,
		"mime_type": file.MIMEType, "path": file.Path,
	}
}

// documentOf returns the JSON of a message, with all fields.
func documentOf(message proto.Message) json.RawMessage {
	if message == nil || !message.ProtoReflect().IsValid() {
		return json.RawMessage("null")
	}
	document, err := protojson.MarshalOptions{EmitDefaultValues: true}.Marshal(message)
	if err != nil {
		panic(err)
	}
	return document
}

func failed(err error) answer {
	document := answer{"kind": "failed", "code": "", "reason": "", "violations": []answer{}, "retry_delay": nil}
	document["message"] = err.Error()
	for kind, name := range map[error]string{
		rasterwire.ErrInvalid: "invalid", rasterwire.ErrNotFound: "not_found", rasterwire.ErrCorrupt: "corrupt",
		rasterwire.ErrInterrupted: "interrupted", rasterwire.ErrExportFailed: "export",
		context.Canceled: "cancelled", fs.ErrNotExist: "file",
	} {
		if errors.Is(err, kind) {
			document["kind"] = name
		}
	}
	if ours, isOurs := errors.AsType[*rasterwire.Error](err); isOurs {
		if ours.Code != codes.OK {
			document["code"] = codeName(ours.Code)
		}
		document["reason"] = ours.Reason
		violations := []answer{}
		for _, each := range ours.Violations {
			violations = append(violations, answer{"field": each.Field, "reason": each.Reason})
		}
		document["violations"] = violations
		if ours.RetryDelay != nil {
			document["retry_delay"] = ours.RetryDelay.Seconds()
		}
	}
	return answer{"error": document}
}

// codeName returns INVALID_ARGUMENT for InvalidArgument.
func codeName(code codes.Code) string {
	var name strings.Builder
	for i, letter := range code.String() {
		if i > 0 && letter >= 'A' && letter <= 'Z' {
			name.WriteByte('_')
		}
		name.WriteRune(letter)
	}
	return strings.ToUpper(name.String())
}
