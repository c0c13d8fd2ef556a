// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

package dev.rasterwire.examples;

import com.google.common.util.concurrent.FutureCallback;
import com.google.common.util.concurrent.Futures;
import com.google.common.util.concurrent.ListenableFuture;
import com.google.common.util.concurrent.MoreExecutors;
import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.Status;
import dev.rasterwire.v1.BandSpec;
import dev.rasterwire.v1.BoundingBox;
import dev.rasterwire.v1.CreateDownloadRequest;
import dev.rasterwire.v1.CreateDownloadResponse;
import dev.rasterwire.v1.DeleteDownloadRequest;
import dev.rasterwire.v1.DownloadId;
import dev.rasterwire.v1.DownloadParams;
import dev.rasterwire.v1.DownloadServiceGrpc;
import dev.rasterwire.v1.DownloadServiceGrpc.DownloadServiceBlockingStub;
import dev.rasterwire.v1.Format;
import dev.rasterwire.v1.GetDownloadRequest;
import dev.rasterwire.v1.ListDownloadsRequest;
import dev.rasterwire.v1.ListDownloadsResponse;
import dev.rasterwire.v1.PrepareDownloadRequest;
import dev.rasterwire.v1.ReadDownloadRequest;
import dev.rasterwire.v1.ReadDownloadResponse;
import dev.rasterwire.v1.Region;
import io.grpc.Channel;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;

/**
 * Fetches the documentation's NPY request three times, with the blocking stub, with futures, and after
 * the server prepared it, verifies every byte, and prints the size and checksum of each file.
 */
public final class Download {
  private static final long TIMEOUT_SECONDS = 60;

  /** Between two looks at how far a file is. */
  private static final long PAUSE_MILLIS = 100;

  private Download() {}

  /** Runs both downloads from the server at {@code RASTERWIRE_ADDRESS}. */
  public static void main(String[] args) throws InterruptedException {
    String address = Objects.requireNonNullElse(System.getenv("RASTERWIRE_ADDRESS"), "127.0.0.1:50051");
    ManagedChannel channel = Grpc.newChannelBuilder(address, InsecureChannelCredentials.create()).build();
    int code = 0;
    try {
      System.out.println("java sync " + download(channel, params()));
      System.out.println("java async " + downloadAsync(channel, params()).join());
      System.out.println("java prepared " + prepared(channel, params()));
    } catch (CompletionException failure) {
      System.err.println("java: " + describe(failure.getCause()));
      code = 1;
    } catch (RuntimeException failure) {
      System.err.println("java: " + describe(failure));
      code = 1;
    } finally {
      channel.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
    }
    if (code != 0) {
      System.exit(code);
    }
  }

  /** Returns the documentation's request: three bands around Santa Cruz, as a NumPy file. */
  private static DownloadParams params() {
    BoundingBox box =
        BoundingBox.newBuilder().setWest(-122.0859).setSouth(37.0436).setEast(-122.0626).setNorth(37.0586).build();
    return DownloadParams.newBuilder()
        .setImage("COPERNICUS/S2_SR/20210109T185751_20210109T185931_T10SEG")
        .addBands(BandSpec.newBuilder().setId("B3"))
        .addBands(BandSpec.newBuilder().setId("B8"))
        .addBands(BandSpec.newBuilder().setId("B11"))
        .setRegion(Region.newBuilder().setBoundingBox(box))
        .setScale(20)
        .setFormat(Format.FORMAT_NPY)
        .build();
  }

  /** Registers the request and reads the file to its verified end, blocking. */
  private static String download(Channel channel, DownloadParams params) {
    DownloadServiceBlockingStub stub = blocking(channel);
    return read(stub, stub.createDownload(createRequest(params)));
  }

  private static DownloadServiceBlockingStub blocking(Channel channel) {
    return DownloadServiceGrpc.newBlockingStub(channel).withDeadlineAfter(TIMEOUT_SECONDS, TimeUnit.SECONDS);
  }

  /** Reads the file of a registered download to its verified end. */
  private static String read(DownloadServiceBlockingStub stub, CreateDownloadResponse created) {
    Verifier file = new Verifier();
    stub.readDownload(readRequest(created)).forEachRemaining(message -> file.add(message.getChunk()));
    return file.finish();
  }

  /** Registers the request, lets the server render the file before it is read, and has it forgotten. */
  private static String prepared(Channel channel, DownloadParams params) throws InterruptedException {
    DownloadServiceBlockingStub stub = blocking(channel);
    CreateDownloadResponse created = stub.createDownload(createRequest(params));
    DownloadId id = created.getDownloadId();
    var prepare = PrepareDownloadRequest.newBuilder().setName(id.getName()).setToken(id.getToken());
    var look = GetDownloadRequest.newBuilder().setName(id.getName()).setToken(id.getToken());
    stub.prepareDownload(prepare.build());
    var download = stub.getDownload(look.build()).getDownload();
    while (download.getState() != dev.rasterwire.v1.Download.State.STATE_READY) {
      if (download.getState() == dev.rasterwire.v1.Download.State.STATE_FAILED) {
        throw new IllegalStateException(id.getName() + ": " + download.getFailure());
      }
      Thread.sleep(PAUSE_MILLIS);
      download = stub.getDownload(look.build()).getDownload();
    }
    if (!isListed(stub, id.getName())) {
      throw new IllegalStateException(id.getName() + " is not listed");
    }
    String file = read(stub, created);
    var delete = DeleteDownloadRequest.newBuilder().setName(id.getName()).setToken(id.getToken());
    stub.deleteDownload(delete.build());
    return file;
  }

  /** Looks for a download in the pages of all that are registered. */
  private static boolean isListed(DownloadServiceBlockingStub stub, String name) {
    String pageToken = "";
    do {
      ListDownloadsResponse page =
          stub.listDownloads(ListDownloadsRequest.newBuilder().setPageToken(pageToken).build());
      if (page.getDownloadsList().stream().anyMatch(download -> download.getName().equals(name))) {
        return true;
      }
      pageToken = page.getNextPageToken();
    } while (!pageToken.isEmpty());
    return false;
  }

  /** The same without blocking: a future for the registration, an observer for the bytes. */
  private static CompletableFuture<String> downloadAsync(Channel channel, DownloadParams params) {
    CompletableFuture<String> result = new CompletableFuture<>();
    ListenableFuture<CreateDownloadResponse> registered =
        DownloadServiceGrpc.newFutureStub(channel)
            .withDeadlineAfter(TIMEOUT_SECONDS, TimeUnit.SECONDS)
            .createDownload(createRequest(params));
    Futures.addCallback(
        registered,
        new FutureCallback<>() {
          @Override
          public void onSuccess(CreateDownloadResponse created) {
            DownloadServiceGrpc.newStub(channel)
                .withDeadlineAfter(TIMEOUT_SECONDS, TimeUnit.SECONDS)
                .readDownload(readRequest(created), new FileObserver(result));
          }

          @Override
          public void onFailure(Throwable failure) {
            result.completeExceptionally(failure);
          }
        },
        MoreExecutors.directExecutor());
    return result;
  }

  private static CreateDownloadRequest createRequest(DownloadParams params) {
    return CreateDownloadRequest.newBuilder().setParams(params).build();
  }

  private static ReadDownloadRequest readRequest(CreateDownloadResponse created) {
    return ReadDownloadRequest.newBuilder()
        .setName(created.getDownloadId().getName())
        .setToken(created.getDownloadId().getToken())
        .build();
  }

  /** Completes a future with the verified end of a file, or with what went wrong. */
  private static final class FileObserver implements ClientResponseObserver<ReadDownloadRequest, ReadDownloadResponse> {
    private final Verifier file = new Verifier();
    private final CompletableFuture<String> result;
    private ClientCallStreamObserver<ReadDownloadRequest> call;

    FileObserver(CompletableFuture<String> result) {
      this.result = result;
    }

    @Override
    public void beforeStart(ClientCallStreamObserver<ReadDownloadRequest> call) {
      this.call = call;
    }

    @Override
    public void onNext(ReadDownloadResponse message) {
      try {
        file.add(message.getChunk());
      } catch (IllegalStateException corrupt) {
        result.completeExceptionally(corrupt);
        call.cancel("corrupt", corrupt);
      }
    }

    @Override
    public void onError(Throwable failure) {
      result.completeExceptionally(failure);
    }

    @Override
    public void onCompleted() {
      try {
        result.complete(file.finish());
      } catch (IllegalStateException corrupt) {
        result.completeExceptionally(corrupt);
      }
    }
  }

  /** Tells an error with the reason and the fields that the server named. */
  private static String describe(Throwable failure) {
    StringBuilder text = new StringBuilder(String.valueOf(failure.getMessage()));
    if (failure.getCause() != null) {
      text.append(": ").append(failure.getCause().getMessage());
    }
    Status status = StatusProto.fromThrowable(failure);
    if (status == null) {
      return text.toString();
    }
    try {
      for (Any detail : status.getDetailsList()) {
        if (detail.is(ErrorInfo.class)) {
          text.append("\n  reason ").append(detail.unpack(ErrorInfo.class).getReason());
        } else if (detail.is(BadRequest.class)) {
          for (BadRequest.FieldViolation violation : detail.unpack(BadRequest.class).getFieldViolationsList()) {
            text.append("\n  ").append(violation.getField()).append(": ").append(violation.getDescription());
          }
        }
      }
    } catch (InvalidProtocolBufferException unreadable) {
      text.append("\n  with details that cannot be read");
    }
    return text.toString();
  }
}
