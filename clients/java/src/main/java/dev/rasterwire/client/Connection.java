// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

package dev.rasterwire.client;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ChannelCredentials;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.TlsChannelCredentials;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.stream.Stream;

/** How a client is connected: {@code Connection.to("host:50051").token(key).tls().connect()}. */
public final class Connection {
  private static final String DOWNLOADS = "rasterwire.v1.DownloadService";

  private final String target;
  private final ManagedChannel given;
  private final Map<String, String> metadata = new LinkedHashMap<>();
  private ChannelCredentials credentials;
  private Supplier<String> token = () -> "";
  private Duration timeout = Duration.ofMinutes(1);
  private Duration idle = Duration.ofMinutes(1);
  private RetryPolicy retry = RetryPolicy.DEFAULT;

  private Connection(String target, ManagedChannel given) {
    this.target = target;
    this.given = given;
  }

  /** To {@code host:port} of a server's gRPC port, a form of gRPC such as {@code dns:///host:port}, or {@code https://host}. */
  public static Connection to(String target) {
    String lower = target.toLowerCase(Locale.ROOT);
    if (lower.startsWith("http://")) {
      String message = "target: " + target + " is an address for HTTP; give host:port of the server's gRPC port";
      throw RasterwireException.of(message, RasterwireException.Kind.INVALID);
    }
    if (!lower.startsWith("https://")) {
      return new Connection(target, null);
    }
    String host = target.substring("https://".length()).replaceFirst("/$", "");
    return new Connection(host.matches(".*:\\d+") ? host : host + ":443", null).tls();
  }

  /** Over a channel of the caller, who closes it. */
  public static Connection over(ManagedChannel channel) {
    return new Connection("", channel);
  }

  /** Encrypts, with the authorities of the system. */
  public Connection tls() {
    return credentials(TlsChannelCredentials.create());
  }

  /** Encrypts by credentials of gRPC, such as {@link TlsChannelCredentials} with a certificate of the client. */
  public Connection credentials(ChannelCredentials credentials) {
    this.credentials = credentials;
    return this;
  }

  /** Sends an API key or a token with every call. Without TLS it goes in plain text. */
  public Connection token(String token) {
    return tokens(() -> token);
  }

  /** Asks for an API key or a token for each call. */
  public Connection tokens(Supplier<String> source) {
    this.token = source;
    return this;
  }

  /** Sends metadata with every call; the name is in small letters. */
  public Connection metadata(String name, String value) {
    metadata.put(name, value);
    return this;
  }

  /** Limits every call with one answer, by default to a minute. Downloads take as long as they bring bytes. */
  public Connection timeout(Duration timeout) {
    this.timeout = timeout;
    return this;
  }

  /** After which a server that sends no message of a download is left, and asked again; by default a minute. */
  public Connection idle(Duration idle) {
    this.idle = idle;
    return this;
  }

  /** Sets the patience of downloads. */
  public Connection retry(RetryPolicy retry) {
    this.retry = retry;
    return this;
  }

  /** Prepares the connection; the first call makes it. */
  public RasterwireClient connect() {
    if (given != null) {
      return new RasterwireClient(given, this);
    }
    var with = credentials == null ? InsecureChannelCredentials.create() : credentials;
    ManagedChannel channel =
        Grpc.newChannelBuilder(target, with)
            .userAgent("rasterwire-java")
            .defaultServiceConfig(serviceConfig())
            .keepAliveTime(60, TimeUnit.SECONDS)
            .keepAliveTimeout(20, TimeUnit.SECONDS)
            .build();
    return new RasterwireClient(channel, this);
  }

  /** Which calls gRPC sends again, as protos/service_config.json has it. */
  static Map<String, ?> serviceConfig() {
    Stream<Map<String, String>> methods =
        Stream.of(
                "CreateDownload",
                "PlanDownload",
                "GetLimits",
                "GetDownload",
                "PrepareDownload",
                "ListDownloads")
            .map(method -> Map.of("service", DOWNLOADS, "method", method));
    var names = Stream.concat(methods, Stream.of(Map.of("service", "rasterwire.v1.CatalogService"))).toList();
    Map<String, ?> policy =
        Map.of(
            "maxAttempts", 5.0,
            "initialBackoff", "0.2s",
            "maxBackoff", "3s",
            "backoffMultiplier", 2.0,
            "retryableStatusCodes", List.of("UNAVAILABLE"));
    return Map.of("methodConfig", List.of(Map.of("name", names, "retryPolicy", policy)));
  }

  Channel intercepted(ManagedChannel channel) {
    return io.grpc.ClientInterceptors.intercept(channel, new Headers());
  }

  boolean isGiven() {
    return given != null;
  }

  Duration timeout() {
    return timeout;
  }

  Duration idle() {
    return idle;
  }

  RetryPolicy retry() {
    return retry;
  }

  /** Adds the token and the metadata to every call. */
  private final class Headers implements ClientInterceptor {
    @Override
    public <Q, A> ClientCall<Q, A> interceptCall(MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
      return new SimpleForwardingClientCall<>(next.newCall(method, options)) {
        @Override
        public void start(Listener<A> listener, Metadata headers) {
          metadata.forEach((name, value) -> put(headers, name, value));
          String current = token.get();
          if (!current.isEmpty()) {
            put(headers, "authorization", "Bearer " + current);
          }
          super.start(listener, headers);
        }
      };
    }

    private static void put(Metadata headers, String name, String value) {
      headers.put(Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER), value);
    }
  }
}
