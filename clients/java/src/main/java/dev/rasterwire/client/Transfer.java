// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

package dev.rasterwire.client;

import com.google.protobuf.ByteString;
import dev.rasterwire.v1.DownloadId;
import dev.rasterwire.v1.DownloadParams;
import dev.rasterwire.v1.DownloadPlan;
import dev.rasterwire.v1.DownloadServiceGrpc;
import dev.rasterwire.v1.FileInfo;
import dev.rasterwire.v1.ReadDownloadRequest;
import dev.rasterwire.v1.StreamDownloadRequest;
import io.grpc.Context;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Iterator;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;

/** Moves the bytes of downloads: checked, resumed, and kept only when whole. */
final class Transfer {
  /** Bytes that are written before they are brought to the disk. */
  private static final long SYNCED = 8 << 20;

  private static final int CHUNKS_BEHIND = 8;

  private final DownloadServiceGrpc.DownloadServiceBlockingStub stub;
  private final Duration idle;
  private final RetryPolicy retry;
  private final Executor background;
  private final ScheduledExecutorService watches = Executors.newSingleThreadScheduledExecutor(Transfer::daemon);

  Transfer(
      DownloadServiceGrpc.DownloadServiceBlockingStub stub, Duration idle, RetryPolicy retry, Executor background) {
    this.stub = stub;
    this.idle = idle;
    this.retry = retry;
    this.background = background;
  }

  static Thread daemon(Runnable work) {
    Thread thread = new Thread(work, "rasterwire");
    thread.setDaemon(true);
    return thread;
  }

  void close() {
    watches.shutdownNow();
  }

  /** Takes the next bytes of a file; may be empty. */
  interface Sink {
    void take(ByteString data) throws IOException;
  }

  /** A file in memory. */
  record Streamed(ByteString data, DownloadPlan plan) {}

  /** The error of the client for one of a call, in the context of its caller. */
  static RuntimeException failure(StatusRuntimeException error, Context caller) {
    if (caller.isCancelled() || Thread.currentThread().isInterrupted()) {
      return new CancellationException("the call was cancelled");
    }
    return RasterwireException.of(error);
  }

  /** Shows each message of a stream, and leaves a server that sends none for too long. */
  private <T> void receive(Supplier<Iterator<T>> begin, Consumer<T> show) {
    Context caller = Context.current();
    try (Context.CancellableContext context = caller.withCancellation()) {
      boolean[] hasLeft = {false};
      Runnable leave =
          () -> {
            hasLeft[0] = true;
            context.cancel(null);
          };
      Context before = context.attach();
      try {
        Iterator<T> messages = begin.get();
        while (true) {
          var watch = watches.schedule(leave, idle.toNanos(), TimeUnit.NANOSECONDS);
          boolean hasNext = messages.hasNext();
          watch.cancel(false); // the time that the caller takes does not count
          if (!hasNext) {
            return;
          }
          show.accept(messages.next());
        }
      } catch (StatusRuntimeException error) {
        if (hasLeft[0] && !caller.isCancelled()) {
          throw RasterwireException.silent(idle, error);
        }
        throw failure(error, caller);
      } finally {
        context.detach(before);
      }
    }
  }

  /** Moves a file from the checker's offset on, over lost streams. */
  private void move(DownloadId id, Checker checker, Sink sink) throws IOException {
    for (int attempt = 0; ; ) {
      long before = checker.offset;
      try {
        readTwice(id, checker, sink);
        checker.finish();
        return;
      } catch (RasterwireException error) {
        attempt = checker.offset > before ? 1 : attempt + 1;
        pauseOrGiveUp(error, attempt, retry.attempts());
      }
    }
  }

  private void pauseOrGiveUp(RasterwireException error, int attempt, int attempts) {
    if (!error.isPassing()) {
      throw error;
    }
    if (attempt > attempts) {
      throw error.afterAttempts(attempt);
    }
    Duration wait = retry.before(attempt);
    Duration least = error.retryDelay().orElse(Duration.ZERO);
    try {
      Thread.sleep((wait.compareTo(least) > 0 ? wait : least).toMillis());
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
    if (Thread.currentThread().isInterrupted() || Context.current().isCancelled()) {
      throw new CancellationException("the download was cancelled");
    }
  }

  /** Watches something that may break off: {@code watch} shows what comes, and begins anew. */
  <T> void patiently(Function<Consumer<T>, Void> watch, Consumer<T> show) {
    int[] attempt = {0};
    while (true) {
      try {
        watch.apply(
            each -> {
              attempt[0] = 0;
              show.accept(each);
            });
        return;
      } catch (StatusRuntimeException error) {
        if (!(failure(error, Context.current()) instanceof RasterwireException failed)) {
          throw failure(error, Context.current());
        }
        attempt[0]++;
        pauseOrGiveUp(failed, attempt[0], retry.attempts());
      }
    }
  }

  /** Reads to the end of the file; what was garbled on its way is read again from the last good offset, once. */
  private void readTwice(DownloadId id, Checker checker, Sink sink) throws IOException {
    for (long garbledAt = -1; ; garbledAt = checker.offset) {
      try {
        readOnce(id, checker, sink);
        return;
      } catch (RasterwireException error) {
        if (!error.isGarbled() || garbledAt == checker.offset) {
          throw error;
        }
      }
    }
  }

  private void readOnce(DownloadId id, Checker checker, Sink sink) throws IOException {
    checker.begin();
    var request =
        ReadDownloadRequest.newBuilder()
            .setName(id.getName())
            .setToken(id.getToken())
            .setReadOffset(checker.offset)
            .setEtag(checker.etag)
            .build();
    try {
      receive(
          () -> stub.readDownload(request),
          answer -> {
            try {
              sink.take(checker.check(answer.getChunk()));
            } catch (IOException error) {
              throw new Unwritten(error);
            }
          });
    } catch (Unwritten error) {
      throw error.why;
    }
    checker.end();
  }

  /** Carries an error of a file out of a stream. */
  private static final class Unwritten extends RuntimeException {
    private static final long serialVersionUID = 1;
    private final IOException why;

    Unwritten(IOException why) {
      super(why);
      this.why = why;
    }
  }

  Downloaded save(Created created, Path target, Progress progress, boolean restart) throws IOException {
    String etag = created.plan().getEtag();
    try (Part part = Part.open(target, etag, restart)) {
      Checker checker = new Checker(created.plan(), part.known(), part.checksum());
      Writer writer = new Writer(part, etag);
      try {
        move(
            created.id(),
            checker,
            data -> {
              progress.at(checker.offset, checker.info == null ? 0 : checker.info.getSizeBytes());
              if (!data.isEmpty()) {
                writer.write(data, checker);
              }
            });
      } finally {
        writer.end();
      }
      writer.rethrow();
      part.sync();
      if (Context.current().isCancelled()) {
        throw new CancellationException("the download was cancelled with its last byte");
      }
      part.become(target);
      FileInfo info = checker.info;
      return new Downloaded(
          target, info.getSizeBytes(), info.getCrc32C(), info.getFilename(), info.getMimeType(), created.plan());
    }
  }

  /** Writes chunks, and brings them to the disk, behind those that are on their way. */
  private final class Writer {
    private record Chunk(ByteString data, Part.Known known) {}

    private static final Chunk END = new Chunk(ByteString.EMPTY, null);

    private final Part part;
    private final String etag;
    private final BlockingQueue<Chunk> waiting = new ArrayBlockingQueue<>(CHUNKS_BEHIND);
    private final FutureTask<Void> work = new FutureTask<>(this::run, null);
    private volatile IOException failure;

    Writer(Part part, String etag) {
      this.part = part;
      this.etag = etag;
      background.execute(work);
    }

    private void run() {
      try {
        for (Chunk chunk = waiting.take(); chunk != END; chunk = waiting.take()) {
          if (failure == null) {
            put(chunk);
          }
        }
      } catch (InterruptedException interrupted) {
        failure = new InterruptedIOException("the client was closed");
      }
    }

    private void put(Chunk chunk) {
      try {
        part.write(chunk.data.asReadOnlyByteBuffer());
        if (chunk.known.offset() % SYNCED < chunk.data.size()) {
          part.sync();
          part.note(chunk.known);
        }
      } catch (IOException error) {
        failure = error;
      }
    }

    void write(ByteString data, Checker checker) throws IOException {
      rethrow();
      hand(new Chunk(data, new Part.Known(etag, checker.offset, checker.crc32c())));
    }

    private void hand(Chunk chunk) throws IOException {
      try {
        while (!waiting.offer(chunk, 100, TimeUnit.MILLISECONDS)) {
          if (work.isDone()) {
            rethrow();
            return;
          }
        }
      } catch (InterruptedException interrupted) {
        Thread.currentThread().interrupt();
        throw new CancellationException("the download was interrupted");
      }
    }

    /** Waits until all is written. */
    void end() throws IOException {
      boolean wasInterrupted = Thread.interrupted(); // it has to end in any case
      try {
        hand(END);
        work.get();
      } catch (ExecutionException | InterruptedException error) {
        throw new IOException(error);
      } finally {
        if (wasInterrupted) {
          Thread.currentThread().interrupt();
        }
      }
    }

    void rethrow() throws IOException {
      if (failure != null) {
        throw failure;
      }
    }
  }

  InputStream open(Created created) {
    return new DownloadStream(
        sink -> move(created.id(), new Checker(created.plan()), sink), background);
  }

  /** A file by one call; one that was garbled on its way is asked for again, once. */
  Streamed stream(DownloadParams params) {
    try {
      return streamOnce(params);
    } catch (RasterwireException error) {
      if (error.isGarbled()) {
        return streamOnce(params);
      }
      throw error;
    }
  }

  private Streamed streamOnce(DownloadParams params) {
    Checker checker = new Checker(null);
    ByteString.Output data = ByteString.newOutput();
    receive(
        () -> stub.streamDownload(StreamDownloadRequest.newBuilder().setParams(params).build()),
        answer -> {
          if (answer.hasPlan()) {
            checker.plan = answer.getPlan();
          }
          try {
            checker.check(answer.getChunk()).writeTo(data);
          } catch (IOException impossible) {
            throw new AssertionError(impossible);
          }
        });
    checker.finish();
    if (checker.plan == null) {
      throw RasterwireException.corrupt("the server told no plan with the file");
    }
    return new Streamed(data.toByteString(), checker.plan);
  }

  /** A server's file name, without what could lead out of a folder. */
  static String plainName(String proposed) {
    String last = proposed.replaceFirst("(?s).*[/\\\\]", "");
    String plain = last.replaceAll("[\\x00-\\x1f<>:\"|?*]", "_").replaceFirst("^[. ]+", "");
    return plain.isEmpty() ? "download" : plain;
  }
}
