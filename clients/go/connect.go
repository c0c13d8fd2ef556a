// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

package rasterwire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	_ "embed"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	pb "rasterwire.dev/clients/go/gen/rasterwire/v1"
)

// serviceConfig says which calls gRPC sends again; it is that of protos/service_config.json.
//
//go:embed service_config.json
var serviceConfig string

const frame = 1<<20 + 1<<14 // a chunk of a MiB, with what is told of it

// RetryPolicy says how patient a download is.
type RetryPolicy struct {
	// Attempts in a row that bring no new byte before it gives up.
	Attempts int
	// FirstWait before the second attempt; it doubles up to LongestWait.
	FirstWait, LongestWait time.Duration
}

// wait returns how long to wait before an attempt, from 1, spread so that clients do not come all at once.
func (p RetryPolicy) wait(attempt int) time.Duration {
	longest := min(float64(p.LongestWait), float64(p.FirstWait)*float64(uint64(1)<<min(attempt-1, 40)))
	return time.Duration(longest * (0.5 + rand.Float64()/2))
}

type setup struct {
	tls      *tls.Config
	conn     *grpc.ClientConn
	dial     []grpc.DialOption
	token    func(context.Context) (string, error)
	metadata map[string]string
	timeout  time.Duration
	idle     time.Duration
	retry    RetryPolicy
}

// An Option sets up a client.
type Option func(*setup) error

// WithTLS encrypts the connection; nil takes the authorities of the system.
func WithTLS(config *tls.Config) Option {
	return func(s *setup) error {
		if config == nil {
			config = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		s.tls = config
		return nil
	}
}

// WithCertificates encrypts the connection by PEM files: of who signed the server's certificate ("" for the
// authorities of the system), and of the client's own certificate and its key (both "" for none).
func WithCertificates(caFile, certificateFile, keyFile string) Option {
	return func(s *setup) error {
		config := &tls.Config{MinVersion: tls.VersionTLS12}
		if caFile != "" {
			pem, err := os.ReadFile(caFile)
			if err != nil {
				return err
			}
			config.RootCAs = x509.NewCertPool()
			if !config.RootCAs.AppendCertsFromPEM(pem) {
				return fmt.Errorf("%s holds no certificate in PEM", caFile)
			}
		}
		if certificateFile != "" || keyFile != "" {
			own, err := tls.LoadX509KeyPair(certificateFile, keyFile)
			if err != nil {
				return err
			}
			config.Certificates = []tls.Certificate{own}
		}
		s.tls = config
		return nil
	}
}

// WithToken sends an API key or a token with every call. Without TLS it goes in plain text.
func WithToken(token string) Option {
	return WithTokenSource(func(context.Context) (string, error) { return token, nil })
}

// WithTokenSource asks for an API key or a token for each call.
func WithTokenSource(source func(context.Context) (string, error)) Option {
	return func(s *setup) error {
		s.token = source
		return nil
	}
}

// WithMetadata sends metadata with every call; names are in small letters.
func WithMetadata(metadata map[string]string) Option {
	return func(s *setup) error {
		s.metadata = maps.Clone(metadata)
		return nil
	}
}

// WithConn uses a connection of the caller, who closes it. The target does not count then.
func WithConn(conn *grpc.ClientConn) Option {
	return func(s *setup) error {
		s.conn = conn
		return nil
	}
}

// WithDialOptions adds options of gRPC, such as interceptors.
func WithDialOptions(options ...grpc.DialOption) Option {
	return func(s *setup) error {
		s.dial = append(s.dial, options...)
		return nil
	}
}

// WithTimeout limits every call with one answer, 60 s by default. Downloads take as long as they bring bytes, and
// until their context ends.
func WithTimeout(timeout time.Duration) Option {
	return func(s *setup) error {
		s.timeout = timeout
		return nil
	}
}

// WithIdle sets after what time a server that sends no message of a download is left and asked again, by default
// 60 s.
func WithIdle(idle time.Duration) Option {
	return func(s *setup) error {
		s.idle = idle
		return nil
	}
}

// WithRetry sets the patience of downloads, by default 12 attempts and waits from 0.25 to 8 s.
func WithRetry(retry RetryPolicy) Option {
	return func(s *setup) error {
		s.retry = retry
		return nil
	}
}

// Connect prepares a connection to a server; the first call makes it.
//
// The target is host:port of the server's gRPC port, one of gRPC's own forms such as dns:///host:port, or
// https://host for TLS, with port 443 where none is given.
func Connect(target string, options ...Option) (*Client, error) {
	s := setup{
		timeout: time.Minute,
		idle:    time.Minute,
		retry:   RetryPolicy{Attempts: 12, FirstWait: 250 * time.Millisecond, LongestWait: 8 * time.Second},
	}
	for _, option := range options {
		if err := option(&s); err != nil {
			return nil, err
		}
	}
	if s.conn != nil {
		return newClient(s.conn, s), nil
	}
	address, isHTTPS, err := addressOf(target)
	if err != nil {
		return nil, err
	}
	if isHTTPS && s.tls == nil {
		s.tls = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	transport := insecure.NewCredentials()
	if s.tls != nil {
		transport = credentials.NewTLS(s.tls)
	}
	dial := append([]grpc.DialOption{
		grpc.WithTransportCredentials(transport),
		grpc.WithDefaultServiceConfig(serviceConfig),
		grpc.WithUserAgent("rasterwire-go"),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: time.Minute, Timeout: 20 * time.Second}),
		// after a restart of the server, not the two minutes that the default grows to
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: backoff.Config{
				BaseDelay: 200 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 2 * time.Second,
			},
			MinConnectTimeout: 20 * time.Second,
		}),
		grpc.WithReadBufferSize(frame),
	}, s.dial...)
	conn, err := grpc.NewClient(address, dial...)
	if err != nil {
		return nil, err
	}
	return newClient(conn, s), nil
}

func newClient(conn *grpc.ClientConn, s setup) *Client {
	return &Client{
		conn:      conn,
		setup:     s,
		downloads: pb.NewDownloadServiceClient(conn),
		catalog:   pb.NewCatalogServiceClient(conn),
		exports:   pb.NewExportServiceClient(conn),
	}
}

// addressOf returns what gRPC calls for a target, and whether it asks for TLS.
func addressOf(target string) (string, bool, error) {
	lower := strings.ToLower(target)
	if strings.HasPrefix(lower, "http://") {
		return "", false, refused("target", fmt.Sprintf(
			"%q is an address for HTTP; give host:port of the server's gRPC port, such as localhost:50051", target))
	}
	if !strings.HasPrefix(lower, "https://") {
		return target, false, nil
	}
	host := strings.TrimSuffix(target[len("https://"):], "/")
	if strings.ContainsAny(host, "/?#@") || host == "" {
		return "", false, refused("target", fmt.Sprintf("%q is not https://host or https://host:port", target))
	}
	if _, _, err := net.SplitHostPort(host); err != nil {
		host += ":443"
	}
	return host, true, nil
}
