// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

package dev.rasterwire.client;

import com.google.common.util.concurrent.ListenableFuture;
import com.google.common.util.concurrent.SettableFuture;
import dev.rasterwire.v1.CancelExportRequest;
import dev.rasterwire.v1.CatalogServiceGrpc;
import dev.rasterwire.v1.CreateDownloadRequest;
import dev.rasterwire.v1.CreateExportRequest;
import dev.rasterwire.v1.DeleteDownloadRequest;
import dev.rasterwire.v1.Download;
import dev.rasterwire.v1.DownloadId;
import dev.rasterwire.v1.DownloadParams;
import dev.rasterwire.v1.DownloadPlan;
import dev.rasterwire.v1.DownloadServiceGrpc;
import dev.rasterwire.v1.Export;
import dev.rasterwire.v1.ExportParams;
import dev.rasterwire.v1.ExportServiceGrpc;
import dev.rasterwire.v1.Format;
import dev.rasterwire.v1.GetDownloadRequest;
import dev.rasterwire.v1.GetExportRequest;
import dev.rasterwire.v1.GetImageRequest;
import dev.rasterwire.v1.GetLimitsRequest;
import dev.rasterwire.v1.GetLimitsResponse;
import dev.rasterwire.v1.ImageInfo;
import dev.rasterwire.v1.ListExportsRequest;
import dev.rasterwire.v1.ListImagesRequest;
import dev.rasterwire.v1.PixelGrid;
import dev.rasterwire.v1.PlanDownloadRequest;
import dev.rasterwire.v1.PrepareDownloadRequest;
import dev.rasterwire.v1.WatchExportRequest;
import io.grpc.Context;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * Talks to one server; may be used by several threads.
 *
 * <p>All calls throw {@link RasterwireException}, those that write a file {@link IOException}, and what is cancelled by
 * its future or by the {@link Context} of its caller {@link java.util.concurrent.CancellationException}.
 */
public final class RasterwireClient implements AutoCloseable {
  private final ManagedChannel channel;
  private final Connection setup;
  private final DownloadServiceGrpc.DownloadServiceBlockingStub downloads;
  private final CatalogServiceGrpc.CatalogServiceBlockingStub catalog;
  private final ExportServiceGrpc.ExportServiceBlockingStub exports;
  private final ExecutorService background = Executors.newCachedThreadPool(Transfer::daemon);
  private final Transfer transfers;

  RasterwireClient(ManagedChannel channel, Connection setup) {
    this.channel = channel;
    this.setup = setup;
    var intercepted = setup.intercepted(channel);
    downloads = DownloadServiceGrpc.newBlockingStub(intercepted);
    catalog = CatalogServiceGrpc.newBlockingStub(intercepted);
    exports = ExportServiceGrpc.newBlockingStub(intercepted);
    transfers = new Transfer(downloads, setup.idle(), setup.retry(), background);
  }

  /** Prepares a connection to {@code host:port}, or to {@code https://host}; the first call makes it. */
  public static RasterwireClient connect(String target) {
    return Connection.to(target).connect();
  }

  /** Ends all calls, and the connection unless it was given by {@link Connection#over}. */
  @Override
  public void close() {
    if (!setup.isGiven()) {
      channel.shutdownNow();
    }
    background.shutdownNow();
    transfers.close();
    try {
      background.awaitTermination(10, TimeUnit.SECONDS); // what ends removes its parts
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private <T> T call(Supplier<T> work) {
    try {
      return work.get();
    } catch (StatusRuntimeException error) {
      throw Transfer.failure(error, Context.current());
    }
  }

  private DownloadServiceGrpc.DownloadServiceBlockingStub downloads() {
    return downloads.withDeadlineAfter(setup.timeout().toNanos(), TimeUnit.NANOSECONDS);
  }

  private CatalogServiceGrpc.CatalogServiceBlockingStub catalog() {
    return catalog.withDeadlineAfter(setup.timeout().toNanos(), TimeUnit.NANOSECONDS);
  }

  private ExportServiceGrpc.ExportServiceBlockingStub exports() {
    return exports.withDeadlineAfter(setup.timeout().toNanos(), TimeUnit.NANOSECONDS);
  }

  /** Registers a download; nothing is rendered yet. */
  public Created createDownload(DownloadParams params) {
    var request = CreateDownloadRequest.newBuilder().setParams(params).build();
    var answer = call(() -> downloads().createDownload(request));
    return new Created(answer.getDownloadId(), answer.getPlan());
  }

  /** Registers a download in the background. */
  public CompletableFuture<Created> createDownloadAsync(DownloadParams params) {
    return inBackground(() -> createDownload(params));
  }

  /** Registers a download in the background, for those who use Guava. */
  public ListenableFuture<Created> createDownloadFuture(DownloadParams params) {
    SettableFuture<Created> result = SettableFuture.create();
    var work = createDownloadAsync(params);
    work.whenComplete(
        (created, error) -> {
          if (error == null) {
            result.set(created);
          } else {
            result.setException(error instanceof CompletionException ? error.getCause() : error);
          }
        });
    result.addListener(() -> work.cancel(true), Runnable::run);
    return result;
  }

  /** What a download would hold; nothing is registered. */
  public DownloadPlan plan(DownloadParams params) {
    var request = PlanDownloadRequest.newBuilder().setParams(params).build();
    return call(() -> downloads().planDownload(request)).getPlan();
  }

  /** What the server will serve at most. */
  public GetLimitsResponse limits() {
    return call(() -> downloads().getLimits(GetLimitsRequest.getDefaultInstance()));
  }

  /** Shows each image whose id begins with a prefix, ordered by id, without its bands. */
  public void listImages(String prefix, Consumer<ImageInfo> show) {
    String token = "";
    do {
      var request = ListImagesRequest.newBuilder().setPrefix(prefix).setPageToken(token).build();
      var page = call(() -> catalog().listImages(request));
      page.getImagesList().forEach(show);
      token = page.getNextPageToken();
    } while (!token.isEmpty());
  }

  /** The images whose id begins with a prefix, ordered by id, without their bands. */
  public List<ImageInfo> listImages(String prefix) {
    List<ImageInfo> images = new ArrayList<>();
    listImages(prefix, images::add);
    return images;
  }

  /** An image with its bands. */
  public ImageInfo getImage(String id) {
    var request = GetImageRequest.newBuilder().setId(id).build();
    return call(() -> catalog().getImage(request)).getImage();
  }

  /** How far a registered download is, and what it holds. */
  public Download getDownload(DownloadId id) {
    var request = GetDownloadRequest.newBuilder().setName(id.getName()).setToken(id.getToken()).build();
    return call(() -> downloads().getDownload(request)).getDownload();
  }

  /** Has the server begin to render a registered download; {@link #getDownload} tells when it is there. */
  public Download prepareDownload(DownloadId id) {
    var request = PrepareDownloadRequest.newBuilder().setName(id.getName()).setToken(id.getToken()).build();
    return call(() -> downloads().prepareDownload(request)).getDownload();
  }

  /** Makes a registered download unknown to the server. */
  public void deleteDownload(DownloadId id) {
    var request = DeleteDownloadRequest.newBuilder().setName(id.getName()).setToken(id.getToken()).build();
    call(() -> downloads().deleteDownload(request));
  }

  /** Downloads into a file; see {@link #download(DownloadParams, Path, Progress, boolean)}. */
  public Downloaded download(DownloadParams params, Path path) throws IOException {
    return download(params, path, (done, total) -> {}, false);
  }

  /**
   * Downloads into a file, which appears under its name only when it is whole and checked.
   *
   * <p>Where the program is ended meanwhile, {@code NAME.part} and {@code NAME.part.json} stay, and the next download of
   * the same file goes on behind them; after an error nothing stays.
   *
   * @param path of the file; a folder gives it the server's name
   * @param progress is told of every chunk
   * @param restart begin anew, where an earlier program left the beginning of the same file
   */
  public Downloaded download(DownloadParams params, Path path, Progress progress, boolean restart)
      throws IOException {
    Path folder = Files.isDirectory(path) ? path : path.toAbsolutePath().getParent();
    if (!Files.isDirectory(folder)) {
      throw new NoSuchFileException(folder.toString(), null, "there is no such folder; make it, or name another");
    }
    Created created = createDownload(params);
    Path target = Files.isDirectory(path) ? path.resolve(Transfer.plainName(created.plan().getFilename())) : path;
    return transfers.save(created, target, progress, restart);
  }

  /** Downloads into a file in the background; {@code cancel} of the future ends the transfer, and then the future. */
  public CompletableFuture<Downloaded> downloadAsync(DownloadParams params, Path path, Progress progress) {
    return inBackground(() -> download(params, path, progress, false));
  }

  /** What runs in the background, and may fail with any exception. */
  private interface Work<T> {
    T run() throws Exception;
  }

  private <T> CompletableFuture<T> inBackground(Work<T> work) {
    Context.CancellableContext context = Context.current().withCancellation();
    Job<T> result = new Job<>(context);
    background.execute(
        () -> {
          try {
            result.complete(context.call(work::run));
          } catch (Throwable error) {
            if (!context.isCancelled() || !result.end()) {
              result.completeExceptionally(error);
            }
          } finally {
            context.close();
          }
        });
    return result;
  }

  /** A future that is done when its work has ended and cleaned up, also after {@code cancel}. */
  private static final class Job<T> extends CompletableFuture<T> {
    private final Context.CancellableContext context;

    Job(Context.CancellableContext context) {
      this.context = context;
    }

    @Override
    public boolean cancel(boolean mayInterrupt) {
      if (isDone()) {
        return isCancelled();
      }
      context.cancel(null);
      return true;
    }

    boolean end() {
      return super.cancel(false);
    }
  }

  /** The bytes of a file, over lost streams; each is checked, and at the end the whole. Closing it ends the download. */
  public InputStream open(DownloadParams params) {
    return transfers.open(createDownload(params));
  }

  /** A file by one call that stores nothing: for small pieces. */
  public byte[] stream(DownloadParams params) {
    return transfers.stream(params).data().toByteArray();
  }

  /** Pixels, by one call that stores nothing: for small pieces. The format of the request does not count. */
  public PixelArray array(DownloadParams params) {
    var streamed = transfers.stream(params.toBuilder().setFormat(Format.FORMAT_NPY).clearFilePerBand().build());
    PixelArray array = PixelArray.read(streamed.data().toByteArray());
    PixelGrid grid = streamed.plan().getRasters(0).getGrid();
    if (array.rows() != grid.getHeight() || array.columns() != grid.getWidth()) {
      throw RasterwireException.corrupt("an array came which is not what the plan says");
    }
    return array;
  }

  /** Begins an export and returns it at once. It goes on when the client leaves. */
  public Export createExport(ExportParams params) {
    var request = CreateExportRequest.newBuilder().setParams(params).build();
    return call(() -> exports().createExport(request)).getExport();
  }

  /** How far an export is, with the files that it has written. */
  public Export getExport(String name) {
    return call(() -> exports().getExport(GetExportRequest.newBuilder().setName(name).build())).getExport();
  }

  /** Has an export end, and what it has written be removed; one that has ended stays as it is. */
  public Export cancelExport(String name) {
    return call(() -> exports().cancelExport(CancelExportRequest.newBuilder().setName(name).build())).getExport();
  }

  /** The exports of the tenant, the newest first, without their files. */
  public List<Export> listExports() {
    List<Export> all = new ArrayList<>();
    String token = "";
    do {
      var request = ListExportsRequest.newBuilder().setPageToken(token).build();
      var page = call(() -> exports().listExports(request));
      all.addAll(page.getExportsList());
      token = page.getNextPageToken();
    } while (!token.isEmpty());
    return all;
  }

  /** Shows an export, and again each time that it has changed, until it has ended, over lost connections. */
  public void watchExport(String name, Consumer<Export> show) {
    var request = WatchExportRequest.newBuilder().setName(name).build();
    Function<Consumer<Export>, Void> watch =
        each -> {
          exports.watchExport(request).forEachRemaining(answer -> each.accept(answer.getExport()));
          return null;
        };
    transfers.patiently(watch, show);
  }

  /** Exports, waits until it has ended, and returns the export with its files. */
  public Export export(ExportParams params) {
    Export[] last = {createExport(params)};
    watchExport(last[0].getName(), changed -> last[0] = changed);
    if (last[0].getState() != Export.State.STATE_SUCCEEDED) {
      String message = last[0].getFailure().getMessage();
      String state = last[0].getState().name().substring("STATE_".length()).toLowerCase(java.util.Locale.ROOT);
      throw RasterwireException.exportFailed(
          last[0].getName() + " " + state + ": " + (message.isEmpty() ? "somebody cancelled it" : message),
          last[0].getFailure().getReason());
    }
    return getExport(last[0].getName());
  }
}
