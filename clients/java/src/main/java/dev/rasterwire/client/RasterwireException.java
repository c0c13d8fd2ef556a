// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

package dev.rasterwire.client;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What all calls of a client fail with, but for what was cancelled, and errors of files. */
public final class RasterwireException extends RuntimeException {
  private static final long serialVersionUID = 1;

  /** What went wrong. */
  public enum Kind {
    /** The request cannot be served as it stands. */
    INVALID,
    /** There is no such image, download or export. */
    NOT_FOUND,
    /** Bytes came that are not those of the file; nothing was kept of them. */
    CORRUPT,
    /** The connection was lost, or a call took too long, and patience ran out. */
    INTERRUPTED,
    /** An export failed or was cancelled. */
    EXPORT,
    /** Something else, which {@link #code} tells. */
    FAILED
  }

  private static final Duration LONGEST_DELAY = Duration.ofMinutes(1);
  private static final String UNREAD = "Failed to read message."; // what gRPC says, as CANCELLED
  private static final Metadata.Key<String> REQUEST_ID =
      Metadata.Key.of("x-request-id", Metadata.ASCII_STRING_MARSHALLER);

  private final Kind kind;
  private final transient Status.Code code;
  private final String reason;
  private final transient Map<String, String> metadata;
  private final transient List<FieldViolation> violations;
  private final Duration retryDelay;
  private final String requestId;
  private final boolean isGarbled;

  private RasterwireException(String message, Kind kind, Status.Code code, Details details, Throwable cause) {
    super(message, cause);
    this.kind = kind;
    this.code = code;
    this.reason = details.reason;
    this.metadata = details.metadata;
    this.violations = details.violations;
    this.retryDelay = details.retryDelay;
    this.requestId = details.requestId;
    this.isGarbled = details.isGarbled;
  }

  /** What a server says beside a status. */
  private static final class Details {
    private String reason = "";
    private Map<String, String> metadata = Map.of();
    private List<FieldViolation> violations = List.of();
    private Duration retryDelay;
    private String requestId = "";
    private boolean isGarbled;
  }

  static RasterwireException of(String message, Kind kind) {
    return new RasterwireException(message, kind, null, new Details(), null);
  }

  static RasterwireException exportFailed(String message, String reason) {
    Details details = new Details();
    details.reason = reason;
    return new RasterwireException(message, Kind.EXPORT, null, details, null);
  }

  static RasterwireException corrupt(String message) {
    return of(message, Kind.CORRUPT);
  }

  /** Bytes came otherwise than they were sent; those that come again may be right. */
  static RasterwireException garbled(String message) {
    Details details = new Details();
    details.isGarbled = true;
    return new RasterwireException(message, Kind.CORRUPT, null, details, null);
  }

  static RasterwireException silent(Duration idle, Throwable cause) {
    String message = "the server sent nothing for " + idle;
    return new RasterwireException(
        message, Kind.INTERRUPTED, Status.Code.DEADLINE_EXCEEDED, new Details(), new Silence(cause));
  }

  private static final class Silence extends RuntimeException {
    private static final long serialVersionUID = 1;

    Silence(Throwable cause) {
      super(cause);
    }
  }

  /** The same error, after patience ran out. */
  RasterwireException afterAttempts(int attempts) {
    Details details = new Details();
    details.reason = reason;
    details.requestId = requestId;
    String message = "gave up after " + attempts + " attempts without a new byte: " + getMessage();
    return new RasterwireException(message, Kind.INTERRUPTED, code, details, this);
  }

  /** The error of the client for one of a call, with the details that the server sent. */
  static RasterwireException of(StatusRuntimeException error) {
    Status status = error.getStatus();
    Details details = new Details();
    if (UNREAD.equals(status.getDescription())) {
      details.isGarbled = true;
      String message = "the answer is no message of this schema; is it a rasterwire server that is asked?";
      return new RasterwireException(message, Kind.CORRUPT, status.getCode(), details, error);
    }
    com.google.rpc.Status told = StatusProto.fromThrowable(error);
    try {
      for (Any detail : told == null ? List.<Any>of() : told.getDetailsList()) {
        if (detail.is(ErrorInfo.class)) {
          ErrorInfo info = detail.unpack(ErrorInfo.class);
          details.reason = info.getReason();
          details.metadata = Map.copyOf(info.getMetadataMap());
        } else if (detail.is(BadRequest.class)) {
          details.violations =
              detail.unpack(BadRequest.class).getFieldViolationsList().stream()
                  .map(each -> new FieldViolation(each.getField(), each.getDescription(), each.getReason()))
                  .toList();
        } else if (detail.is(RetryInfo.class)) {
          var delay = detail.unpack(RetryInfo.class).getRetryDelay();
          Duration asked = Duration.ofSeconds(Math.max(delay.getSeconds(), 0), delay.getNanos());
          details.retryDelay = asked.compareTo(LONGEST_DELAY) > 0 ? LONGEST_DELAY : asked;
        }
      }
    } catch (InvalidProtocolBufferException | IllegalArgumentException ignored) {
      // details that are none: the status says enough
    }
    Metadata trailers = error.getTrailers();
    if (trailers != null && trailers.get(REQUEST_ID) != null) {
      details.requestId = trailers.get(REQUEST_ID);
    }
    String message = Optional.ofNullable(status.getDescription()).orElse(status.getCode().name());
    return new RasterwireException(message, kindOf(status.getCode()), status.getCode(), details, error);
  }

  private static Kind kindOf(Status.Code code) {
    return switch (code) {
      case INVALID_ARGUMENT -> Kind.INVALID;
      case NOT_FOUND -> Kind.NOT_FOUND;
      case UNAVAILABLE, DEADLINE_EXCEEDED -> Kind.INTERRUPTED;
      default -> Kind.FAILED;
    };
  }

  /**
   * Whether a lost stream may be taken up again. A proxy turns the death of a server into INTERNAL (a reset stream) or
   * UNKNOWN (a cut frame); a busy server says RESOURCE_EXHAUSTED with the time to come back.
   */
  boolean isPassing() {
    // what begins anew at midnight is not waited for, nor what the caller has to delete
    boolean isLong = reason.equals("QUOTA_EXCEEDED") && !"concurrent_renders".equals(metadata.get("quota"));
    if (code == null || isLong || isGarbled) {
      return false;
    }
    return switch (code) {
      case UNAVAILABLE, UNKNOWN -> true;
      case RESOURCE_EXHAUSTED -> retryDelay != null;
      case INTERNAL -> getMessage().contains("RST_STREAM") || getMessage().contains("Encountered end-of-stream");
      case DEADLINE_EXCEEDED -> getCause() instanceof Silence;
      default -> false;
    };
  }

  boolean isGarbled() {
    return isGarbled;
  }

  /** What went wrong. */
  public Kind kind() {
    return kind;
  }

  /** Of gRPC; empty where the client itself found the error. */
  public Optional<Status.Code> code() {
    return Optional.ofNullable(code);
  }

  /** The server's stable name in UPPER_SNAKE_CASE, or "". */
  public String reason() {
    return reason;
  }

  /** All that is wrong with the request. */
  public List<FieldViolation> violations() {
    return violations;
  }

  /** After what time the server wants to be asked again, at most a minute. */
  public Optional<Duration> retryDelay() {
    return Optional.ofNullable(retryDelay);
  }

  /** By which the server's log knows the call, or "". */
  public String requestId() {
    return requestId;
  }
}
