package dev.rasterwire.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * Delivers exact pieces of images as verified files.
 * Every error is a google.rpc.Status with an ErrorInfo (stable `reason`, domain `rasterwire`); a
 * refused request also carries a BadRequest with all its violations at once.
 * </pre>
 */
@io.grpc.stub.annotations.GrpcGenerated
public final class DownloadServiceGrpc {

  private DownloadServiceGrpc() {}

  public static final java.lang.String SERVICE_NAME = "rasterwire.v1.DownloadService";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<dev.rasterwire.v1.CreateDownloadRequest,
      dev.rasterwire.v1.CreateDownloadResponse> getCreateDownloadMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "CreateDownload",
      requestType = dev.rasterwire.v1.CreateDownloadRequest.class,
      responseType = dev.rasterwire.v1.CreateDownloadResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.rasterwire.v1.CreateDownloadRequest,
      dev.rasterwire.v1.CreateDownloadResponse> getCreateDownloadMethod() {
    io.grpc.MethodDescriptor<dev.rasterwire.v1.CreateDownloadRequest, dev.rasterwire.v1.CreateDownloadResponse> getCreateDownloadMethod;
    if ((getCreateDownloadMethod = DownloadServiceGrpc.getCreateDownloadMethod) == null) {
      synchronized (DownloadServiceGrpc.class) {
        if ((getCreateDownloadMethod = DownloadServiceGrpc.getCreateDownloadMethod) == null) {
          DownloadServiceGrpc.getCreateDownloadMethod = getCreateDownloadMethod =
              io.grpc.MethodDescriptor.<dev.rasterwire.v1.CreateDownloadRequest, dev.rasterwire.v1.CreateDownloadResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "CreateDownload"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.rasterwire.v1.CreateDownloadRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.rasterwire.v1.CreateDownloadResponse.getDefaultInstance()))
              .setSchemaDescriptor(new DownloadServiceMethodDescriptorSupplier("CreateDownload"))
              .build();
        }
      }
    }
    return getCreateDownloadMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.rasterwire.v1.ReadDownloadRequest,
      dev.rasterwire.v1.ReadDownloadResponse> getReadDownloadMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ReadDownload",
      requestType = dev.rasterwire.v1.ReadDownloadRequest.class,
      responseType = dev.rasterwire.v1.ReadDownloadResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
  public static io.grpc.MethodDescriptor<dev.rasterwire.v1.ReadDownloadRequest,
      dev.rasterwire.v1.ReadDownloadResponse> getReadDownloadMethod() {
    io.grpc.MethodDescriptor<dev.rasterwire.v1.ReadDownloadRequest, dev.rasterwire.v1.ReadDownloadResponse> getReadDownloadMethod;
    if ((getReadDownloadMethod = DownloadServiceGrpc.getReadDownloadMethod) == null) {
      synchronized (DownloadServiceGrpc.class) {
        if ((getReadDownloadMethod = DownloadServiceGrpc.getReadDownloadMethod) == null) {
          DownloadServiceGrpc.getReadDownloadMethod = getReadDownloadMethod =
              io.grpc.MethodDescriptor.<dev.rasterwire.v1.ReadDownloadRequest, dev.rasterwire.v1.ReadDownloadResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ReadDownload"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.rasterwire.v1.ReadDownloadRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.rasterwire.v1.ReadDownloadResponse.getDefaultInstance()))
              .setSchemaDescriptor(new DownloadServiceMethodDescriptorSupplier("ReadDownload"))
              .build();
        }
      }
    }
    return getReadDownloadMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.rasterwire.v1.PlanDownloadRequest,
      dev.rasterwire.v1.PlanDownloadResponse> getPlanDownloadMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "PlanDownload",
      requestType = dev.rasterwire.v1.PlanDownloadRequest.class,
      responseType = dev.rasterwire.v1.PlanDownloadResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.rasterwire.v1.PlanDownloadRequest,
      dev.rasterwire.v1.PlanDownloadResponse> getPlanDownloadMethod() {
    io.grpc.MethodDescriptor<dev.rasterwire.v1.PlanDownloadRequest, dev.rasterwire.v1.PlanDownloadResponse> getPlanDownloadMethod;
    if ((getPlanDownloadMethod = DownloadServiceGrpc.getPlanDownloadMethod) == null) {
      synchronized (DownloadServiceGrpc.class) {
        if ((getPlanDownloadMethod = DownloadServiceGrpc.getPlanDownloadMethod) == null) {
          DownloadServiceGrpc.getPlanDownloadMethod = getPlanDownloadMethod =
              io.grpc.MethodDescriptor.<dev.rasterwire.v1.PlanDownloadRequest, dev.rasterwire.v1.PlanDownloadResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "PlanDownload"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.rasterwire.v1.PlanDownloadRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.rasterwire.v1.PlanDownloadResponse.getDefaultInstance()))
              .setSchemaDescriptor(new DownloadServiceMethodDescriptorSupplier("PlanDownload"))
              .build();
        }
      }
    }
    return getPlanDownloadMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.rasterwire.v1.StreamDownloadRequest,
      dev.rasterwire.v1.StreamDownloadResponse> getStreamDownloadMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "StreamDownload",
      requestType = dev.rasterwire.v1.StreamDownloadRequest.class,
      responseType = dev.rasterwire.v1.StreamDownloadResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
  public static io.grpc.MethodDescriptor<dev.rasterwire.v1.StreamDownloadRequest,
      dev.rasterwire.v1.StreamDownloadResponse> getStreamDownloadMethod() {
    io.grpc.MethodDescriptor<dev.rasterwire.v1.StreamDownloadRequest, dev.rasterwire.v1.StreamDownloadResponse> getStreamDownloadMethod;
    if ((getStreamDownloadMethod = DownloadServiceGrpc.getStreamDownloadMethod) == null) {
      synchronized (DownloadServiceGrpc.class) {
        if ((getStreamDownloadMethod = DownloadServiceGrpc.getStreamDownloadMethod) == null) {
          DownloadServiceGrpc.getStreamDownloadMethod = getStreamDownloadMethod =
              io.grpc.MethodDescriptor.<dev.rasterwire.v1.StreamDownloadRequest, dev.rasterwire.v1.StreamDownloadResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "StreamDownload"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.rasterwire.v1.StreamDownloadRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.rasterwire.v1.StreamDownloadResponse.getDefaultInstance()))
              .setSchemaDescriptor(new DownloadServiceMethodDescriptorSupplier("StreamDownload"))
              .build();
        }
      }
    }
    return getStreamDownloadMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.rasterwire.v1.GetLimitsRequest,
      dev.rasterwire.v1.GetLimitsResponse> getGetLimitsMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetLimits",
      requestType = dev.rasterwire.v1.GetLimitsRequest.class,
      responseType = dev.rasterwire.v1.GetLimitsResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.rasterwire.v1.GetLimitsRequest,
      dev.rasterwire.v1.GetLimitsResponse> getGetLimitsMethod() {
    io.grpc.MethodDescriptor<dev.rasterwire.v1.GetLimitsRequest, dev.rasterwire.v1.GetLimitsResponse> getGetLimitsMethod;
    if ((getGetLimitsMethod = DownloadServiceGrpc.getGetLimitsMethod) == null) {
      synchronized (DownloadServiceGrpc.class) {
        if ((getGetLimitsMethod = DownloadServiceGrpc.getGetLimitsMethod) == null) {
          DownloadServiceGrpc.getGetLimitsMethod = getGetLimitsMethod =
              io.grpc.MethodDescriptor.<dev.rasterwire.v1.GetLimitsRequest, dev.rasterwire.v1.GetLimitsResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetLimits"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.rasterwire.v1.GetLimitsRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.rasterwire.v1.GetLimitsResponse.getDefaultInstance()))
              .setSchemaDescriptor(new DownloadServiceMethodDescriptorSupplier("GetLimits"))
              .build();
        }
      }
    }
    return getGetLimitsMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static DownloadServiceStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<DownloadServiceStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<DownloadServiceStub>() {
        @java.lang.Override
        public DownloadServiceStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new DownloadServiceStub(channel, callOptions);
        }
      };
    return DownloadServiceStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports all types of calls on the service
   */
  public static DownloadServiceBlockingV2Stub newBlockingV2Stub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<DownloadServiceBlockingV2Stub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<DownloadServiceBlockingV2Stub>() {
        @java.lang.Override
        public DownloadServiceBlockingV2Stub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new DownloadServiceBlockingV2Stub(channel, callOptions);
        }
      };
    return DownloadServiceBlockingV2Stub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static DownloadServiceBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<DownloadServiceBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<DownloadServiceBlockingStub>() {
        @java.lang.Override
        public DownloadServiceBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new DownloadServiceBlockingStub(channel, callOptions);
        }
      };
    return DownloadServiceBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static DownloadServiceFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<DownloadServiceFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<DownloadServiceFutureStub>() {
        @java.lang.Override
        public DownloadServiceFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new DownloadServiceFutureStub(channel, callOptions);
        }
      };
    return DownloadServiceFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * Delivers exact pieces of images as verified files.
   * Every error is a google.rpc.Status with an ErrorInfo (stable `reason`, domain `rasterwire`); a
   * refused request also carries a BadRequest with all its violations at once.
   * </pre>
   */
  public interface AsyncService {

    /**
     * <pre>
     * Checks a request completely and registers it under an unguessable id.
     * The counterpart of `ee.data.getDownloadId`. Answers in milliseconds: no pixel is read. With a
     * `request_id` a repeated call returns the first answer.
     * Errors: INVALID_ARGUMENT, NOT_FOUND (image), FAILED_PRECONDITION (unreadable raster),
     * INVALID_ARGUMENT with the name of a function (expressions).
     * </pre>
     */
    default void createDownload(dev.rasterwire.v1.CreateDownloadRequest request,
        io.grpc.stub.StreamObserver<dev.rasterwire.v1.CreateDownloadResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getCreateDownloadMethod(), responseObserver);
    }

    /**
     * <pre>
     * Streams the bytes of a registered download, rendering the file on the first call.
     * Messages with an empty chunk and progress mean that no byte of the file is there yet; an NPY is
     * sent while it is made. The last message has the size and checksum of the whole file. A lost stream is taken up again with
     * `read_offset` and `etag`.
     * Errors: NOT_FOUND (unknown or expired id, or wrong token), OUT_OF_RANGE (offset past the end),
     * FAILED_PRECONDITION (another etag, or the image changed or went away since the id was made),
     * INVALID_ARGUMENT (a negative offset or limit), RESOURCE_EXHAUSTED (too many renders at once; comes
     * with a RetryInfo), UNAVAILABLE (the server stops).
     * </pre>
     */
    default void readDownload(dev.rasterwire.v1.ReadDownloadRequest request,
        io.grpc.stub.StreamObserver<dev.rasterwire.v1.ReadDownloadResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getReadDownloadMethod(), responseObserver);
    }

    /**
     * <pre>
     * Makes the checks and the plan of CreateDownload and stores nothing.
     * Errors: as CreateDownload.
     * </pre>
     */
    default void planDownload(dev.rasterwire.v1.PlanDownloadRequest request,
        io.grpc.stub.StreamObserver<dev.rasterwire.v1.PlanDownloadResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getPlanDownloadMethod(), responseObserver);
    }

    /**
     * <pre>
     * Checks, renders and streams in one call and stores nothing.
     * For small pieces, where a second round trip counts. It cannot be resumed; it can be repeated.
     * Errors: as CreateDownload; RESOURCE_EXHAUSTED (too many streams at once; comes with a RetryInfo),
     * UNAVAILABLE (the server stops).
     * </pre>
     */
    default void streamDownload(dev.rasterwire.v1.StreamDownloadRequest request,
        io.grpc.stub.StreamObserver<dev.rasterwire.v1.StreamDownloadResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getStreamDownloadMethod(), responseObserver);
    }

    /**
     * <pre>
     * Returns what this server will serve at most.
     * </pre>
     */
    default void getLimits(dev.rasterwire.v1.GetLimitsRequest request,
        io.grpc.stub.StreamObserver<dev.rasterwire.v1.GetLimitsResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetLimitsMethod(), responseObserver);
    }
  }

  /**
   * Base class for the server implementation of the service DownloadService.
   * <pre>
   * Delivers exact pieces of images as verified files.
   * Every error is a google.rpc.Status with an ErrorInfo (stable `reason`, domain `rasterwire`); a
   * refused request also carries a BadRequest with all its violations at once.
   * </pre>
   */
  public static abstract class DownloadServiceImplBase
      implements io.grpc.BindableService, AsyncService {

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return DownloadServiceGrpc.bindService(this);
    }
  }

  /**
   * A stub to allow clients to do asynchronous rpc calls to service DownloadService.
   * <pre>
   * Delivers exact pieces of images as verified files.
   * Every error is a google.rpc.Status with an ErrorInfo (stable `reason`, domain `rasterwire`); a
   * refused request also carries a BadRequest with all its violations at once.
   * </pre>
   */
  public static final class DownloadServiceStub
      extends io.grpc.stub.AbstractAsyncStub<DownloadServiceStub> {
    private DownloadServiceStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected DownloadServiceStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new DownloadServiceStub(channel, callOptions);
    }

    /**
     * <pre>
     * Checks a request completely and registers it under an unguessable id.
     * The counterpart of `ee.data.getDownloadId`. Answers in milliseconds: no pixel is read. With a
     * `request_id` a repeated call returns the first answer.
     * Errors: INVALID_ARGUMENT, NOT_FOUND (image), FAILED_PRECONDITION (unreadable raster),
     * INVALID_ARGUMENT with the name of a function (expressions).
     * </pre>
     */
    public void createDownload(dev.rasterwire.v1.CreateDownloadRequest request,
        io.grpc.stub.StreamObserver<dev.rasterwire.v1.CreateDownloadResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getCreateDownloadMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Streams the bytes of a registered download, rendering the file on the first call.
     * Messages with an empty chunk and progress mean that no byte of the file is there yet; an NPY is
     * sent while it is made. The last message has the size and checksum of the whole file. A lost stream is taken up again with
     * `read_offset` and `etag`.
     * Errors: NOT_FOUND (unknown or expired id, or wrong token), OUT_OF_RANGE (offset past the end),
     * FAILED_PRECONDITION (another etag, or the image changed or went away since the id was made),
     * INVALID_ARGUMENT (a negative offset or limit), RESOURCE_EXHAUSTED (too many renders at once; comes
     * with a RetryInfo), UNAVAILABLE (the server stops).
     * </pre>
     */
    public void readDownload(dev.rasterwire.v1.ReadDownloadRequest request,
        io.grpc.stub.StreamObserver<dev.rasterwire.v1.ReadDownloadResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncServerStreamingCall(
          getChannel().newCall(getReadDownloadMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Makes the checks and the plan of CreateDownload and stores nothing.
     * Errors: as CreateDownload.
     * </pre>
     */
    public void planDownload(dev.rasterwire.v1.PlanDownloadRequest request,
        io.grpc.stub.StreamObserver<dev.rasterwire.v1.PlanDownloadResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getPlanDownloadMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Checks, renders and streams in one call and stores nothing.
     * For small pieces, where a second round trip counts. It cannot be resumed; it can be repeated.
     * Errors: as CreateDownload; RESOURCE_EXHAUSTED (too many streams at once; comes with a RetryInfo),
     * UNAVAILABLE (the server stops).
     * </pre>
     */
    public void streamDownload(dev.rasterwire.v1.StreamDownloadRequest request,
        io.grpc.stub.StreamObserver<dev.rasterwire.v1.StreamDownloadResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncServerStreamingCall(
          getChannel().newCall(getStreamDownloadMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Returns what this server will serve at most.
     * </pre>
     */
    public void getLimits(dev.rasterwire.v1.GetLimitsRequest request,
        io.grpc.stub.StreamObserver<dev.rasterwire.v1.GetLimitsResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetLimitsMethod(), getCallOptions()), request, responseObserver);
    }
  }

  /**
   * A stub to allow clients to do synchronous rpc calls to service DownloadService.
   * <pre>
   * Delivers exact pieces of images as verified files.
   * Every error is a google.rpc.Status with an ErrorInfo (stable `reason`, domain `rasterwire`); a
   * refused request also carries a BadRequest with all its violations at once.
   * </pre>
   */
  public static final class DownloadServiceBlockingV2Stub
      extends io.grpc.stub.AbstractBlockingStub<DownloadServiceBlockingV2Stub> {
    private DownloadServiceBlockingV2Stub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected DownloadServiceBlockingV2Stub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new DownloadServiceBlockingV2Stub(channel, callOptions);
    }

    /**
     * <pre>
     * Checks a request completely and registers it under an unguessable id.
     * The counterpart of `ee.data.getDownloadId`. Answers in milliseconds: no pixel is read. With a
     * `request_id` a repeated call returns the first answer.
     * Errors: INVALID_ARGUMENT, NOT_FOUND (image), FAILED_PRECONDITION (unreadable raster),
     * INVALID_ARGUMENT with the name of a function (expressions).
     * </pre>
     */
    public dev.rasterwire.v1.CreateDownloadResponse createDownload(dev.rasterwire.v1.CreateDownloadRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getCreateDownloadMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Streams the bytes of a registered download, rendering the file on the first call.
     * Messages with an empty chunk and progress mean that no byte of the file is there yet; an NPY is
     * sent while it is made. The last message has the size and checksum of the whole file. A lost stream is taken up again with
     * `read_offset` and `etag`.
     * Errors: NOT_FOUND (unknown or expired id, or wrong token), OUT_OF_RANGE (offset past the end),
     * FAILED_PRECONDITION (another etag, or the image changed or went away since the id was made),
     * INVALID_ARGUMENT (a negative offset or limit), RESOURCE_EXHAUSTED (too many renders at once; comes
     * with a RetryInfo), UNAVAILABLE (the server stops).
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<?, dev.rasterwire.v1.ReadDownloadResponse>
        readDownload(dev.rasterwire.v1.ReadDownloadRequest request) {
      return io.grpc.stub.ClientCalls.blockingV2ServerStreamingCall(
          getChannel(), getReadDownloadMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Makes the checks and the plan of CreateDownload and stores nothing.
     * Errors: as CreateDownload.
     * </pre>
     */
    public dev.rasterwire.v1.PlanDownloadResponse planDownload(dev.rasterwire.v1.PlanDownloadRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getPlanDownloadMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Checks, renders and streams in one call and stores nothing.
     * For small pieces, where a second round trip counts. It cannot be resumed; it can be repeated.
     * Errors: as CreateDownload; RESOURCE_EXHAUSTED (too many streams at once; comes with a RetryInfo),
     * UNAVAILABLE (the server stops).
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<?, dev.rasterwire.v1.StreamDownloadResponse>
        streamDownload(dev.rasterwire.v1.StreamDownloadRequest request) {
      return io.grpc.stub.ClientCalls.blockingV2ServerStreamingCall(
          getChannel(), getStreamDownloadMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Returns what this server will serve at most.
     * </pre>
     */
    public dev.rasterwire.v1.GetLimitsResponse getLimits(dev.rasterwire.v1.GetLimitsRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetLimitsMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do limited synchronous rpc calls to service DownloadService.
   * <pre>
   * Delivers exact pieces of images as verified files.
   * Every error is a google.rpc.Status with an ErrorInfo (stable `reason`, domain `rasterwire`); a
   * refused request also carries a BadRequest with all its violations at once.
   * </pre>
   */
  public static final class DownloadServiceBlockingStub
      extends io.grpc.stub.AbstractBlockingStub<DownloadServiceBlockingStub> {
    private DownloadServiceBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected DownloadServiceBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new DownloadServiceBlockingStub(channel, callOptions);
    }

    /**
     * <pre>
     * Checks a request completely and registers it under an unguessable id.
     * The counterpart of `ee.data.getDownloadId`. Answers in milliseconds: no pixel is read. With a
     * `request_id` a repeated call returns the first answer.
     * Errors: INVALID_ARGUMENT, NOT_FOUND (image), FAILED_PRECONDITION (unreadable raster),
     * INVALID_ARGUMENT with the name of a function (expressions).
     * </pre>
     */
    public dev.rasterwire.v1.CreateDownloadResponse createDownload(dev.rasterwire.v1.CreateDownloadRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getCreateDownloadMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Streams the bytes of a registered download, rendering the file on the first call.
     * Messages with an empty chunk and progress mean that no byte of the file is there yet; an NPY is
     * sent while it is made. The last message has the size and checksum of the whole file. A lost stream is taken up again with
     * `read_offset` and `etag`.
     * Errors: NOT_FOUND (unknown or expired id, or wrong token), OUT_OF_RANGE (offset past the end),
     * FAILED_PRECONDITION (another etag, or the image changed or went away since the id was made),
     * INVALID_ARGUMENT (a negative offset or limit), RESOURCE_EXHAUSTED (too many renders at once; comes
     * with a RetryInfo), UNAVAILABLE (the server stops).
     * </pre>
     */
    public java.util.Iterator<dev.rasterwire.v1.ReadDownloadResponse> readDownload(
        dev.rasterwire.v1.ReadDownloadRequest request) {
      return io.grpc.stub.ClientCalls.blockingServerStreamingCall(
          getChannel(), getReadDownloadMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Makes the checks and the plan of CreateDownload and stores nothing.
     * Errors: as CreateDownload.
     * </pre>
     */
    public dev.rasterwire.v1.PlanDownloadResponse planDownload(dev.rasterwire.v1.PlanDownloadRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getPlanDownloadMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Checks, renders and streams in one call and stores nothing.
     * For small pieces, where a second round trip counts. It cannot be resumed; it can be repeated.
     * Errors: as CreateDownload; RESOURCE_EXHAUSTED (too many streams at once; comes with a RetryInfo),
     * UNAVAILABLE (the server stops).
     * </pre>
     */
    public java.util.Iterator<dev.rasterwire.v1.StreamDownloadResponse> streamDownload(
        dev.rasterwire.v1.StreamDownloadRequest request) {
      return io.grpc.stub.ClientCalls.blockingServerStreamingCall(
          getChannel(), getStreamDownloadMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Returns what this server will serve at most.
     * </pre>
     */
    public dev.rasterwire.v1.GetLimitsResponse getLimits(dev.rasterwire.v1.GetLimitsRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetLimitsMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do ListenableFuture-style rpc calls to service DownloadService.
   * <pre>
   * Delivers exact pieces of images as verified files.
   * Every error is a google.rpc.Status with an ErrorInfo (stable `reason`, domain `rasterwire`); a
   * refused request also carries a BadRequest with all its violations at once.
   * </pre>
   */
  public static final class DownloadServiceFutureStub
      extends io.grpc.stub.AbstractFutureStub<DownloadServiceFutureStub> {
    private DownloadServiceFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected DownloadServiceFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new DownloadServiceFutureStub(channel, callOptions);
    }

    /**
     * <pre>
     * Checks a request completely and registers it under an unguessable id.
     * The counterpart of `ee.data.getDownloadId`. Answers in milliseconds: no pixel is read. With a
     * `request_id` a repeated call returns the first answer.
     * Errors: INVALID_ARGUMENT, NOT_FOUND (image), FAILED_PRECONDITION (unreadable raster),
     * INVALID_ARGUMENT with the name of a function (expressions).
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.rasterwire.v1.CreateDownloadResponse> createDownload(
        dev.rasterwire.v1.CreateDownloadRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getCreateDownloadMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Makes the checks and the plan of CreateDownload and stores nothing.
     * Errors: as CreateDownload.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.rasterwire.v1.PlanDownloadResponse> planDownload(
        dev.rasterwire.v1.PlanDownloadRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getPlanDownloadMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Returns what this server will serve at most.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.rasterwire.v1.GetLimitsResponse> getLimits(
        dev.rasterwire.v1.GetLimitsRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetLimitsMethod(), getCallOptions()), request);
    }
  }

  private static final int METHODID_CREATE_DOWNLOAD = 0;
  private static final int METHODID_READ_DOWNLOAD = 1;
  private static final int METHODID_PLAN_DOWNLOAD = 2;
  private static final int METHODID_STREAM_DOWNLOAD = 3;
  private static final int METHODID_GET_LIMITS = 4;

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
        case METHODID_CREATE_DOWNLOAD:
          serviceImpl.createDownload((dev.rasterwire.v1.CreateDownloadRequest) request,
              (io.grpc.stub.StreamObserver<dev.rasterwire.v1.CreateDownloadResponse>) responseObserver);
          break;
        case METHODID_READ_DOWNLOAD:
          serviceImpl.readDownload((dev.rasterwire.v1.ReadDownloadRequest) request,
              (io.grpc.stub.StreamObserver<dev.rasterwire.v1.ReadDownloadResponse>) responseObserver);
          break;
        case METHODID_PLAN_DOWNLOAD:
          serviceImpl.planDownload((dev.rasterwire.v1.PlanDownloadRequest) request,
              (io.grpc.stub.StreamObserver<dev.rasterwire.v1.PlanDownloadResponse>) responseObserver);
          break;
        case METHODID_STREAM_DOWNLOAD:
          serviceImpl.streamDownload((dev.rasterwire.v1.StreamDownloadRequest) request,
              (io.grpc.stub.StreamObserver<dev.rasterwire.v1.StreamDownloadResponse>) responseObserver);
          break;
        case METHODID_GET_LIMITS:
          serviceImpl.getLimits((dev.rasterwire.v1.GetLimitsRequest) request,
              (io.grpc.stub.StreamObserver<dev.rasterwire.v1.GetLimitsResponse>) responseObserver);
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
          getCreateDownloadMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.rasterwire.v1.CreateDownloadRequest,
              dev.rasterwire.v1.CreateDownloadResponse>(
                service, METHODID_CREATE_DOWNLOAD)))
        .addMethod(
          getReadDownloadMethod(),
          io.grpc.stub.ServerCalls.asyncServerStreamingCall(
            new MethodHandlers<
              dev.rasterwire.v1.ReadDownloadRequest,
              dev.rasterwire.v1.ReadDownloadResponse>(
                service, METHODID_READ_DOWNLOAD)))
        .addMethod(
          getPlanDownloadMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.rasterwire.v1.PlanDownloadRequest,
              dev.rasterwire.v1.PlanDownloadResponse>(
                service, METHODID_PLAN_DOWNLOAD)))
        .addMethod(
          getStreamDownloadMethod(),
          io.grpc.stub.ServerCalls.asyncServerStreamingCall(
            new MethodHandlers<
              dev.rasterwire.v1.StreamDownloadRequest,
              dev.rasterwire.v1.StreamDownloadResponse>(
                service, METHODID_STREAM_DOWNLOAD)))
        .addMethod(
          getGetLimitsMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.rasterwire.v1.GetLimitsRequest,
              dev.rasterwire.v1.GetLimitsResponse>(
                service, METHODID_GET_LIMITS)))
        .build();
  }

  private static abstract class DownloadServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    DownloadServiceBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return dev.rasterwire.v1.DownloadServiceProto.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("DownloadService");
    }
  }

  private static final class DownloadServiceFileDescriptorSupplier
      extends DownloadServiceBaseDescriptorSupplier {
    DownloadServiceFileDescriptorSupplier() {}
  }

  private static final class DownloadServiceMethodDescriptorSupplier
      extends DownloadServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final java.lang.String methodName;

    DownloadServiceMethodDescriptorSupplier(java.lang.String methodName) {
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
      synchronized (DownloadServiceGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new DownloadServiceFileDescriptorSupplier())
              .addMethod(getCreateDownloadMethod())
              .addMethod(getReadDownloadMethod())
              .addMethod(getPlanDownloadMethod())
              .addMethod(getStreamDownloadMethod())
              .addMethod(getGetLimitsMethod())
              .build();
        }
      }
    }
    return result;
  }
}
