package dev.rasterwire.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * Writes images of any size as files to a place of the server's operator.
 * An export is a job: it goes on when the client leaves, and after the server was stopped or killed. Where the
 * operator has set no destination, every call is refused with FAILED_PRECONDITION.
 * </pre>
 */
@io.grpc.stub.annotations.GrpcGenerated
public final class ExportServiceGrpc {

  private ExportServiceGrpc() {}

  public static final java.lang.String SERVICE_NAME = "rasterwire.v1.ExportService";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<dev.rasterwire.v1.CreateExportRequest,
      dev.rasterwire.v1.CreateExportResponse> getCreateExportMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "CreateExport",
      requestType = dev.rasterwire.v1.CreateExportRequest.class,
      responseType = dev.rasterwire.v1.CreateExportResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.rasterwire.v1.CreateExportRequest,
      dev.rasterwire.v1.CreateExportResponse> getCreateExportMethod() {
    io.grpc.MethodDescriptor<dev.rasterwire.v1.CreateExportRequest, dev.rasterwire.v1.CreateExportResponse> getCreateExportMethod;
    if ((getCreateExportMethod = ExportServiceGrpc.getCreateExportMethod) == null) {
      synchronized (ExportServiceGrpc.class) {
        if ((getCreateExportMethod = ExportServiceGrpc.getCreateExportMethod) == null) {
          ExportServiceGrpc.getCreateExportMethod = getCreateExportMethod =
              io.grpc.MethodDescriptor.<dev.rasterwire.v1.CreateExportRequest, dev.rasterwire.v1.CreateExportResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "CreateExport"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.rasterwire.v1.CreateExportRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.rasterwire.v1.CreateExportResponse.getDefaultInstance()))
              .setSchemaDescriptor(new ExportServiceMethodDescriptorSupplier("CreateExport"))
              .build();
        }
      }
    }
    return getCreateExportMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.rasterwire.v1.GetExportRequest,
      dev.rasterwire.v1.GetExportResponse> getGetExportMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetExport",
      requestType = dev.rasterwire.v1.GetExportRequest.class,
      responseType = dev.rasterwire.v1.GetExportResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.rasterwire.v1.GetExportRequest,
      dev.rasterwire.v1.GetExportResponse> getGetExportMethod() {
    io.grpc.MethodDescriptor<dev.rasterwire.v1.GetExportRequest, dev.rasterwire.v1.GetExportResponse> getGetExportMethod;
    if ((getGetExportMethod = ExportServiceGrpc.getGetExportMethod) == null) {
      synchronized (ExportServiceGrpc.class) {
        if ((getGetExportMethod = ExportServiceGrpc.getGetExportMethod) == null) {
          ExportServiceGrpc.getGetExportMethod = getGetExportMethod =
              io.grpc.MethodDescriptor.<dev.rasterwire.v1.GetExportRequest, dev.rasterwire.v1.GetExportResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetExport"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.rasterwire.v1.GetExportRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.rasterwire.v1.GetExportResponse.getDefaultInstance()))
              .setSchemaDescriptor(new ExportServiceMethodDescriptorSupplier("GetExport"))
              .build();
        }
      }
    }
    return getGetExportMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.rasterwire.v1.ListExportsRequest,
      dev.rasterwire.v1.ListExportsResponse> getListExportsMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListExports",
      requestType = dev.rasterwire.v1.ListExportsRequest.class,
      responseType = dev.rasterwire.v1.ListExportsResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.rasterwire.v1.ListExportsRequest,
      dev.rasterwire.v1.ListExportsResponse> getListExportsMethod() {
    io.grpc.MethodDescriptor<dev.rasterwire.v1.ListExportsRequest, dev.rasterwire.v1.ListExportsResponse> getListExportsMethod;
    if ((getListExportsMethod = ExportServiceGrpc.getListExportsMethod) == null) {
      synchronized (ExportServiceGrpc.class) {
        if ((getListExportsMethod = ExportServiceGrpc.getListExportsMethod) == null) {
          ExportServiceGrpc.getListExportsMethod = getListExportsMethod =
              io.grpc.MethodDescriptor.<dev.rasterwire.v1.ListExportsRequest, dev.rasterwire.v1.ListExportsResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListExports"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.rasterwire.v1.ListExportsRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.rasterwire.v1.ListExportsResponse.getDefaultInstance()))
              .setSchemaDescriptor(new ExportServiceMethodDescriptorSupplier("ListExports"))
              .build();
        }
      }
    }
    return getListExportsMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.rasterwire.v1.CancelExportRequest,
      dev.rasterwire.v1.CancelExportResponse> getCancelExportMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "CancelExport",
      requestType = dev.rasterwire.v1.CancelExportRequest.class,
      responseType = dev.rasterwire.v1.CancelExportResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.rasterwire.v1.CancelExportRequest,
      dev.rasterwire.v1.CancelExportResponse> getCancelExportMethod() {
    io.grpc.MethodDescriptor<dev.rasterwire.v1.CancelExportRequest, dev.rasterwire.v1.CancelExportResponse> getCancelExportMethod;
    if ((getCancelExportMethod = ExportServiceGrpc.getCancelExportMethod) == null) {
      synchronized (ExportServiceGrpc.class) {
        if ((getCancelExportMethod = ExportServiceGrpc.getCancelExportMethod) == null) {
          ExportServiceGrpc.getCancelExportMethod = getCancelExportMethod =
              io.grpc.MethodDescriptor.<dev.rasterwire.v1.CancelExportRequest, dev.rasterwire.v1.CancelExportResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "CancelExport"))
              .setIdempotent(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.rasterwire.v1.CancelExportRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.rasterwire.v1.CancelExportResponse.getDefaultInstance()))
              .setSchemaDescriptor(new ExportServiceMethodDescriptorSupplier("CancelExport"))
              .build();
        }
      }
    }
    return getCancelExportMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.rasterwire.v1.WatchExportRequest,
      dev.rasterwire.v1.WatchExportResponse> getWatchExportMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "WatchExport",
      requestType = dev.rasterwire.v1.WatchExportRequest.class,
      responseType = dev.rasterwire.v1.WatchExportResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
  public static io.grpc.MethodDescriptor<dev.rasterwire.v1.WatchExportRequest,
      dev.rasterwire.v1.WatchExportResponse> getWatchExportMethod() {
    io.grpc.MethodDescriptor<dev.rasterwire.v1.WatchExportRequest, dev.rasterwire.v1.WatchExportResponse> getWatchExportMethod;
    if ((getWatchExportMethod = ExportServiceGrpc.getWatchExportMethod) == null) {
      synchronized (ExportServiceGrpc.class) {
        if ((getWatchExportMethod = ExportServiceGrpc.getWatchExportMethod) == null) {
          ExportServiceGrpc.getWatchExportMethod = getWatchExportMethod =
              io.grpc.MethodDescriptor.<dev.rasterwire.v1.WatchExportRequest, dev.rasterwire.v1.WatchExportResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "WatchExport"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.rasterwire.v1.WatchExportRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.rasterwire.v1.WatchExportResponse.getDefaultInstance()))
              .setSchemaDescriptor(new ExportServiceMethodDescriptorSupplier("WatchExport"))
              .build();
        }
      }
    }
    return getWatchExportMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static ExportServiceStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<ExportServiceStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<ExportServiceStub>() {
        @java.lang.Override
        public ExportServiceStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new ExportServiceStub(channel, callOptions);
        }
      };
    return ExportServiceStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports all types of calls on the service
   */
  public static ExportServiceBlockingV2Stub newBlockingV2Stub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<ExportServiceBlockingV2Stub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<ExportServiceBlockingV2Stub>() {
        @java.lang.Override
        public ExportServiceBlockingV2Stub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new ExportServiceBlockingV2Stub(channel, callOptions);
        }
      };
    return ExportServiceBlockingV2Stub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static ExportServiceBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<ExportServiceBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<ExportServiceBlockingStub>() {
        @java.lang.Override
        public ExportServiceBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new ExportServiceBlockingStub(channel, callOptions);
        }
      };
    return ExportServiceBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static ExportServiceFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<ExportServiceFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<ExportServiceFutureStub>() {
        @java.lang.Override
        public ExportServiceFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new ExportServiceFutureStub(channel, callOptions);
        }
      };
    return ExportServiceFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * Writes images of any size as files to a place of the server's operator.
   * An export is a job: it goes on when the client leaves, and after the server was stopped or killed. Where the
   * operator has set no destination, every call is refused with FAILED_PRECONDITION.
   * </pre>
   */
  public interface AsyncService {

    /**
     * <pre>
     * Checks a request completely and begins an export.
     * The counterpart of `ee.batch.Export.image.toCloudStorage(...).start()`. With a `request_id` a repeated call
     * returns the first export.
     * Errors: as CreateDownload; INVALID_ARGUMENT (unknown destination, more than `max_pixels`), FAILED_PRECONDITION
     * (no destination is set), RESOURCE_EXHAUSTED (the tenant has as many pixels or exports as it may have).
     * </pre>
     */
    default void createExport(dev.rasterwire.v1.CreateExportRequest request,
        io.grpc.stub.StreamObserver<dev.rasterwire.v1.CreateExportResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getCreateExportMethod(), responseObserver);
    }

    /**
     * <pre>
     * Returns how far an export is, and which files it has written.
     * Errors: NOT_FOUND (unknown name, or that of another tenant).
     * </pre>
     */
    default void getExport(dev.rasterwire.v1.GetExportRequest request,
        io.grpc.stub.StreamObserver<dev.rasterwire.v1.GetExportResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetExportMethod(), responseObserver);
    }

    /**
     * <pre>
     * Lists the exports of the caller's tenant, a page at a time, the newest first.
     * A server that knows no tenants lists all. Errors: INVALID_ARGUMENT (a page token that this server did not give).
     * </pre>
     */
    default void listExports(dev.rasterwire.v1.ListExportsRequest request,
        io.grpc.stub.StreamObserver<dev.rasterwire.v1.ListExportsResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListExportsMethod(), responseObserver);
    }

    /**
     * <pre>
     * Ends an export, and removes what it has written. Does nothing where it has ended already.
     * Errors: as GetExport.
     * </pre>
     */
    default void cancelExport(dev.rasterwire.v1.CancelExportRequest request,
        io.grpc.stub.StreamObserver<dev.rasterwire.v1.CancelExportResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getCancelExportMethod(), responseObserver);
    }

    /**
     * <pre>
     * Streams an export each time that it has changed, until it has ended. The first message comes at once.
     * Errors: as GetExport; UNAVAILABLE (the server stops; ask another, or again), RESOURCE_EXHAUSTED (too many watch).
     * </pre>
     */
    default void watchExport(dev.rasterwire.v1.WatchExportRequest request,
        io.grpc.stub.StreamObserver<dev.rasterwire.v1.WatchExportResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getWatchExportMethod(), responseObserver);
    }
  }

  /**
   * Base class for the server implementation of the service ExportService.
   * <pre>
   * Writes images of any size as files to a place of the server's operator.
   * An export is a job: it goes on when the client leaves, and after the server was stopped or killed. Where the
   * operator has set no destination, every call is refused with FAILED_PRECONDITION.
   * </pre>
   */
  public static abstract class ExportServiceImplBase
      implements io.grpc.BindableService, AsyncService {

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return ExportServiceGrpc.bindService(this);
    }
  }

  /**
   * A stub to allow clients to do asynchronous rpc calls to service ExportService.
   * <pre>
   * Writes images of any size as files to a place of the server's operator.
   * An export is a job: it goes on when the client leaves, and after the server was stopped or killed. Where the
   * operator has set no destination, every call is refused with FAILED_PRECONDITION.
   * </pre>
   */
  public static final class ExportServiceStub
      extends io.grpc.stub.AbstractAsyncStub<ExportServiceStub> {
    private ExportServiceStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected ExportServiceStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new ExportServiceStub(channel, callOptions);
    }

    /**
     * <pre>
     * Checks a request completely and begins an export.
     * The counterpart of `ee.batch.Export.image.toCloudStorage(...).start()`. With a `request_id` a repeated call
     * returns the first export.
     * Errors: as CreateDownload; INVALID_ARGUMENT (unknown destination, more than `max_pixels`), FAILED_PRECONDITION
     * (no destination is set), RESOURCE_EXHAUSTED (the tenant has as many pixels or exports as it may have).
     * </pre>
     */
    public void createExport(dev.rasterwire.v1.CreateExportRequest request,
        io.grpc.stub.StreamObserver<dev.rasterwire.v1.CreateExportResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getCreateExportMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Returns how far an export is, and which files it has written.
     * Errors: NOT_FOUND (unknown name, or that of another tenant).
     * </pre>
     */
    public void getExport(dev.rasterwire.v1.GetExportRequest request,
        io.grpc.stub.StreamObserver<dev.rasterwire.v1.GetExportResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetExportMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Lists the exports of the caller's tenant, a page at a time, the newest first.
     * A server that knows no tenants lists all. Errors: INVALID_ARGUMENT (a page token that this server did not give).
     * </pre>
     */
    public void listExports(dev.rasterwire.v1.ListExportsRequest request,
        io.grpc.stub.StreamObserver<dev.rasterwire.v1.ListExportsResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListExportsMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Ends an export, and removes what it has written. Does nothing where it has ended already.
     * Errors: as GetExport.
     * </pre>
     */
    public void cancelExport(dev.rasterwire.v1.CancelExportRequest request,
        io.grpc.stub.StreamObserver<dev.rasterwire.v1.CancelExportResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getCancelExportMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Streams an export each time that it has changed, until it has ended. The first message comes at once.
     * Errors: as GetExport; UNAVAILABLE (the server stops; ask another, or again), RESOURCE_EXHAUSTED (too many watch).
     * </pre>
     */
    public void watchExport(dev.rasterwire.v1.WatchExportRequest request,
        io.grpc.stub.StreamObserver<dev.rasterwire.v1.WatchExportResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncServerStreamingCall(
          getChannel().newCall(getWatchExportMethod(), getCallOptions()), request, responseObserver);
    }
  }

  /**
   * A stub to allow clients to do synchronous rpc calls to service ExportService.
   * <pre>
   * Writes images of any size as files to a place of the server's operator.
   * An export is a job: it goes on when the client leaves, and after the server was stopped or killed. Where the
   * operator has set no destination, every call is refused with FAILED_PRECONDITION.
   * </pre>
   */
  public static final class ExportServiceBlockingV2Stub
      extends io.grpc.stub.AbstractBlockingStub<ExportServiceBlockingV2Stub> {
    private ExportServiceBlockingV2Stub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected ExportServiceBlockingV2Stub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new ExportServiceBlockingV2Stub(channel, callOptions);
    }

    /**
     * <pre>
     * Checks a request completely and begins an export.
     * The counterpart of `ee.batch.Export.image.toCloudStorage(...).start()`. With a `request_id` a repeated call
     * returns the first export.
     * Errors: as CreateDownload; INVALID_ARGUMENT (unknown destination, more than `max_pixels`), FAILED_PRECONDITION
     * (no destination is set), RESOURCE_EXHAUSTED (the tenant has as many pixels or exports as it may have).
     * </pre>
     */
    public dev.rasterwire.v1.CreateExportResponse createExport(dev.rasterwire.v1.CreateExportRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getCreateExportMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Returns how far an export is, and which files it has written.
     * Errors: NOT_FOUND (unknown name, or that of another tenant).
     * </pre>
     */
    public dev.rasterwire.v1.GetExportResponse getExport(dev.rasterwire.v1.GetExportRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetExportMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Lists the exports of the caller's tenant, a page at a time, the newest first.
     * A server that knows no tenants lists all. Errors: INVALID_ARGUMENT (a page token that this server did not give).
     * </pre>
     */
    public dev.rasterwire.v1.ListExportsResponse listExports(dev.rasterwire.v1.ListExportsRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getListExportsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Ends an export, and removes what it has written. Does nothing where it has ended already.
     * Errors: as GetExport.
     * </pre>
     */
    public dev.rasterwire.v1.CancelExportResponse cancelExport(dev.rasterwire.v1.CancelExportRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getCancelExportMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Streams an export each time that it has changed, until it has ended. The first message comes at once.
     * Errors: as GetExport; UNAVAILABLE (the server stops; ask another, or again), RESOURCE_EXHAUSTED (too many watch).
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<?, dev.rasterwire.v1.WatchExportResponse>
        watchExport(dev.rasterwire.v1.WatchExportRequest request) {
      return io.grpc.stub.ClientCalls.blockingV2ServerStreamingCall(
          getChannel(), getWatchExportMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do limited synchronous rpc calls to service ExportService.
   * <pre>
   * Writes images of any size as files to a place of the server's operator.
   * An export is a job: it goes on when the client leaves, and after the server was stopped or killed. Where the
   * operator has set no destination, every call is refused with FAILED_PRECONDITION.
   * </pre>
   */
  public static final class ExportServiceBlockingStub
      extends io.grpc.stub.AbstractBlockingStub<ExportServiceBlockingStub> {
    private ExportServiceBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected ExportServiceBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new ExportServiceBlockingStub(channel, callOptions);
    }

    /**
     * <pre>
     * Checks a request completely and begins an export.
     * The counterpart of `ee.batch.Export.image.toCloudStorage(...).start()`. With a `request_id` a repeated call
     * returns the first export.
     * Errors: as CreateDownload; INVALID_ARGUMENT (unknown destination, more than `max_pixels`), FAILED_PRECONDITION
     * (no destination is set), RESOURCE_EXHAUSTED (the tenant has as many pixels or exports as it may have).
     * </pre>
     */
    public dev.rasterwire.v1.CreateExportResponse createExport(dev.rasterwire.v1.CreateExportRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getCreateExportMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Returns how far an export is, and which files it has written.
     * Errors: NOT_FOUND (unknown name, or that of another tenant).
     * </pre>
     */
    public dev.rasterwire.v1.GetExportResponse getExport(dev.rasterwire.v1.GetExportRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetExportMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Lists the exports of the caller's tenant, a page at a time, the newest first.
     * A server that knows no tenants lists all. Errors: INVALID_ARGUMENT (a page token that this server did not give).
     * </pre>
     */
    public dev.rasterwire.v1.ListExportsResponse listExports(dev.rasterwire.v1.ListExportsRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListExportsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Ends an export, and removes what it has written. Does nothing where it has ended already.
     * Errors: as GetExport.
     * </pre>
     */
    public dev.rasterwire.v1.CancelExportResponse cancelExport(dev.rasterwire.v1.CancelExportRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getCancelExportMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Streams an export each time that it has changed, until it has ended. The first message comes at once.
     * Errors: as GetExport; UNAVAILABLE (the server stops; ask another, or again), RESOURCE_EXHAUSTED (too many watch).
     * </pre>
     */
    public java.util.Iterator<dev.rasterwire.v1.WatchExportResponse> watchExport(
        dev.rasterwire.v1.WatchExportRequest request) {
      return io.grpc.stub.ClientCalls.blockingServerStreamingCall(
          getChannel(), getWatchExportMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do ListenableFuture-style rpc calls to service ExportService.
   * <pre>
   * Writes images of any size as files to a place of the server's operator.
   * An export is a job: it goes on when the client leaves, and after the server was stopped or killed. Where the
   * operator has set no destination, every call is refused with FAILED_PRECONDITION.
   * </pre>
   */
  public static final class ExportServiceFutureStub
      extends io.grpc.stub.AbstractFutureStub<ExportServiceFutureStub> {
    private ExportServiceFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected ExportServiceFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new ExportServiceFutureStub(channel, callOptions);
    }

    /**
     * <pre>
     * Checks a request completely and begins an export.
     * The counterpart of `ee.batch.Export.image.toCloudStorage(...).start()`. With a `request_id` a repeated call
     * returns the first export.
     * Errors: as CreateDownload; INVALID_ARGUMENT (unknown destination, more than `max_pixels`), FAILED_PRECONDITION
     * (no destination is set), RESOURCE_EXHAUSTED (the tenant has as many pixels or exports as it may have).
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.rasterwire.v1.CreateExportResponse> createExport(
        dev.rasterwire.v1.CreateExportRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getCreateExportMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Returns how far an export is, and which files it has written.
     * Errors: NOT_FOUND (unknown name, or that of another tenant).
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.rasterwire.v1.GetExportResponse> getExport(
        dev.rasterwire.v1.GetExportRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetExportMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Lists the exports of the caller's tenant, a page at a time, the newest first.
     * A server that knows no tenants lists all. Errors: INVALID_ARGUMENT (a page token that this server did not give).
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.rasterwire.v1.ListExportsResponse> listExports(
        dev.rasterwire.v1.ListExportsRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListExportsMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Ends an export, and removes what it has written. Does nothing where it has ended already.
     * Errors: as GetExport.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.rasterwire.v1.CancelExportResponse> cancelExport(
        dev.rasterwire.v1.CancelExportRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getCancelExportMethod(), getCallOptions()), request);
    }
  }

  private static final int METHODID_CREATE_EXPORT = 0;
  private static final int METHODID_GET_EXPORT = 1;
  private static final int METHODID_LIST_EXPORTS = 2;
  private static final int METHODID_CANCEL_EXPORT = 3;
  private static final int METHODID_WATCH_EXPORT = 4;

  private static final class MethodHandlers<Req, Resp> implements
      io.grpc.stub.ServerCalls.UnaryMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.ServerStreamingMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.ClientStreamingMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.BidiStreamingMethod<Req, Resp> {
    private final AsyncService serviceImpl;
    private final int methodId;

    MethodHandlers(AsyncService serviceImpl, int methodId) {
      this.serviceImpl = serviceImpl;
      this.methodId = methodId;
    }

    @java.lang.Override
    @java.lang.SuppressWarnings("unchecked")
    public void invoke(Req request, io.grpc.stub.StreamObserver<Resp> responseObserver) {
      switch (methodId) {
        case METHODID_CREATE_EXPORT:
          serviceImpl.createExport((dev.rasterwire.v1.CreateExportRequest) request,
              (io.grpc.stub.StreamObserver<dev.rasterwire.v1.CreateExportResponse>) responseObserver);
          break;
        case METHODID_GET_EXPORT:
          serviceImpl.getExport((dev.rasterwire.v1.GetExportRequest) request,
              (io.grpc.stub.StreamObserver<dev.rasterwire.v1.GetExportResponse>) responseObserver);
          break;
        case METHODID_LIST_EXPORTS:
          serviceImpl.listExports((dev.rasterwire.v1.ListExportsRequest) request,
              (io.grpc.stub.StreamObserver<dev.rasterwire.v1.ListExportsResponse>) responseObserver);
          break;
        case METHODID_CANCEL_EXPORT:
          serviceImpl.cancelExport((dev.rasterwire.v1.CancelExportRequest) request,
              (io.grpc.stub.StreamObserver<dev.rasterwire.v1.CancelExportResponse>) responseObserver);
          break;
        case METHODID_WATCH_EXPORT:
          serviceImpl.watchExport((dev.rasterwire.v1.WatchExportRequest) request,
              (io.grpc.stub.StreamObserver<dev.rasterwire.v1.WatchExportResponse>) responseObserver);
          break;
        default:
          throw new AssertionError();
      }
    }

    @java.lang.Override
    @java.lang.SuppressWarnings("unchecked")
    public io.grpc.stub.StreamObserver<Req> invoke(
        io.grpc.stub.StreamObserver<Resp> responseObserver) {
      switch (methodId) {
        default:
          throw new AssertionError();
      }
    }
  }

  public static final io.grpc.ServerServiceDefinition bindService(AsyncService service) {
    return io.grpc.ServerServiceDefinition.builder(getServiceDescriptor())
        .addMethod(
          getCreateExportMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.rasterwire.v1.CreateExportRequest,
              dev.rasterwire.v1.CreateExportResponse>(
                service, METHODID_CREATE_EXPORT)))
        .addMethod(
          getGetExportMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.rasterwire.v1.GetExportRequest,
              dev.rasterwire.v1.GetExportResponse>(
                service, METHODID_GET_EXPORT)))
        .addMethod(
          getListExportsMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.rasterwire.v1.ListExportsRequest,
              dev.rasterwire.v1.ListExportsResponse>(
                service, METHODID_LIST_EXPORTS)))
        .addMethod(
          getCancelExportMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.rasterwire.v1.CancelExportRequest,
              dev.rasterwire.v1.CancelExportResponse>(
                service, METHODID_CANCEL_EXPORT)))
        .addMethod(
          getWatchExportMethod(),
          io.grpc.stub.ServerCalls.asyncServerStreamingCall(
            new MethodHandlers<
              dev.rasterwire.v1.WatchExportRequest,
              dev.rasterwire.v1.WatchExportResponse>(
                service, METHODID_WATCH_EXPORT)))
        .build();
  }

  private static abstract class ExportServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    ExportServiceBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return dev.rasterwire.v1.ExportServiceProto.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("ExportService");
    }
  }

  private static final class ExportServiceFileDescriptorSupplier
      extends ExportServiceBaseDescriptorSupplier {
    ExportServiceFileDescriptorSupplier() {}
  }

  private static final class ExportServiceMethodDescriptorSupplier
      extends ExportServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final java.lang.String methodName;

    ExportServiceMethodDescriptorSupplier(java.lang.String methodName) {
      this.methodName = methodName;
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.MethodDescriptor getMethodDescriptor() {
      return getServiceDescriptor().findMethodByName(methodName);
    }
  }

  private static volatile io.grpc.ServiceDescriptor serviceDescriptor;

  public static io.grpc.ServiceDescriptor getServiceDescriptor() {
    io.grpc.ServiceDescriptor result = serviceDescriptor;
    if (result == null) {
      synchronized (ExportServiceGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new ExportServiceFileDescriptorSupplier())
              .addMethod(getCreateExportMethod())
              .addMethod(getGetExportMethod())
              .addMethod(getListExportsMethod())
              .addMethod(getCancelExportMethod())
              .addMethod(getWatchExportMethod())
              .build();
        }
      }
    }
    return result;
  }
}
