// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

package dev.rasterwire.client;

import com.google.protobuf.ByteString;
import io.grpc.Context;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.concurrent.CancellationException;
import java.util.concurrent.Executor;
import java.util.concurrent.SynchronousQueue;

/** A download as a stream to read from; it is moved in the background, a chunk ahead. */
final class DownloadStream extends InputStream {
  /** Moves a file into a sink. */
  interface Source {
    void into(Transfer.Sink sink) throws IOException;
  }

  /** The next bytes, or how it ended. */
  private record Step(ByteString data, Throwable failure, boolean isEnd) {}

  private final SynchronousQueue<Step> steps = new SynchronousQueue<>();
  private final Context.CancellableContext context = Context.current().withCancellation();
  private volatile Thread mover;
  private volatile boolean isClosed;
  private ByteBuffer left = ByteBuffer.allocate(0);
  private Step end;

  DownloadStream(Source source, Executor background) {
    background.execute(context.wrap(() -> run(source)));
  }

  private void run(Source source) {
    mover = Thread.currentThread();
    Step last = new Step(ByteString.EMPTY, null, true);
    try {
      source.into(
          data -> {
            if (!data.isEmpty()) {
              hand(new Step(data, null, false));
            }
          });
    } catch (Throwable error) { // is thrown where it is read
      last = new Step(ByteString.EMPTY, error, true);
    }
    if (!isClosed) {
      try {
        hand(last);
      } catch (CancellationException ignored) {
        // nobody reads any more
      }
    }
    Thread.interrupted();
  }

  private void hand(Step step) {
    try {
      steps.put(step);
    } catch (InterruptedException interrupted) {
      throw new CancellationException("the stream was closed");
    }
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] buffer, int start, int length) throws IOException {
    if (length == 0) {
      return 0;
    }
    while (!left.hasRemaining()) {
      if (end == null) {
        take();
      }
      if (end != null) {
        return ended();
      }
    }
    int size = Math.min(length, left.remaining());
    left.get(buffer, start, size);
    return size;
  }

  private void take() throws IOException {
    if (isClosed) {
      throw new IOException("the stream is closed");
    }
    try {
      Step step = steps.take();
      left = step.data.asReadOnlyByteBuffer();
      end = step.isEnd ? step : null;
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      throw new CancellationException("the download was interrupted");
    }
  }

  private int ended() throws IOException {
    if (end.failure instanceof IOException error) {
      throw error;
    }
    if (end.failure instanceof RuntimeException error) {
      throw error;
    }
    if (end.failure != null) {
      throw new IOException(end.failure);
    }
    return -1;
  }

  @Override
  public void close() {
    if (!isClosed) {
      isClosed = true;
      context.cancel(null);
      if (end == null && mover != null) {
        mover.interrupt();
      }
    }
  }
}
