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

  private static volatile io.grpc.MethodDescriptor<dev.rasterwire.v1.GetDownloadRequest,
      dev.rasterwire.v1.GetDownloadResponse> getGetDownloadMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetDownload",
      requestType = dev.rasterwire.v1.GetDownloadRequest.class,
      responseType = dev.rasterwire.v1.GetDownloadResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.rasterwire.v1.GetDownloadRequest,
      dev.rasterwire.v1.GetDownloadResponse> getGetDownloadMethod() {
    io.grpc.MethodDescriptor<dev.rasterwire.v1.GetDownloadRequest, dev.rasterwire.v1.GetDownloadResponse> getGetDownloadMethod;
    if ((getGetDownloadMethod = DownloadServiceGrpc.getGetDownloadMethod) == null) {
      synchronized (DownloadServiceGrpc.class) {
        if ((getGetDownloadMethod = DownloadServiceGrpc.getGetDownloadMethod) == null) {
          DownloadServiceGrpc.getGetDownloadMethod = getGetDownloadMethod =
              io.grpc.MethodDescriptor.<dev.rasterwire.v1.GetDownloadRequest, dev.rasterwire.v1.GetDownloadResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetDownload"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.rasterwire.v1.GetDownloadRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.rasterwire.v1.GetDownloadResponse.getDefaultInstance()))
              .setSchemaDescriptor(new DownloadServiceMethodDescriptorSupplier("GetDownload"))
              .build();
        }
      }
    }
    return getGetDownloadMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.rasterwire.v1.PrepareDownloadRequest,
      dev.rasterwire.v1.PrepareDownloadResponse> getPrepareDownloadMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "PrepareDownload",
      requestType = dev.rasterwire.v1.PrepareDownloadRequest.class,
      responseType = dev.rasterwire.v1.PrepareDownloadResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.rasterwire.v1.PrepareDownloadRequest,
      dev.rasterwire.v1.PrepareDownloadResponse> getPrepareDownloadMethod() {
    io.grpc.MethodDescriptor<dev.rasterwire.v1.PrepareDownloadRequest, dev.rasterwire.v1.PrepareDownloadResponse> getPrepareDownloadMethod;
    if ((getPrepareDownloadMethod = DownloadServiceGrpc.getPrepareDownloadMethod) == null) {
      synchronized (DownloadServiceGrpc.class) {
        if ((getPrepareDownloadMethod = DownloadServiceGrpc.getPrepareDownloadMethod) == null) {
          DownloadServiceGrpc.getPrepareDownloadMethod = getPrepareDownloadMethod =
              io.grpc.MethodDescriptor.<dev.rasterwire.v1.PrepareDownloadRequest, dev.rasterwire.v1.PrepareDownloadResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "PrepareDownload"))
              .setIdempotent(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.rasterwire.v1.PrepareDownloadRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.rasterwire.v1.PrepareDownloadResponse.getDefaultInstance()))
              .setSchemaDescriptor(new DownloadServiceMethodDescriptorSupplier("PrepareDownload"))
              .build();
        }
      }
    }
    return getPrepareDownloadMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.rasterwire.v1.ListDownloadsRequest,
      dev.rasterwire.v1.ListDownloadsResponse> getListDownloadsMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListDownloads",
      requestType = dev.rasterwire.v1.ListDownloadsRequest.class,
      responseType = dev.rasterwire.v1.ListDownloadsResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.rasterwire.v1.ListDownloadsRequest,
      dev.rasterwire.v1.ListDownloadsResponse> getListDownloadsMethod() {
    io.grpc.MethodDescriptor<dev.rasterwire.v1.ListDownloadsRequest, dev.rasterwire.v1.ListDownloadsResponse> getListDownloadsMethod;
    if ((getListDownloadsMethod = DownloadServiceGrpc.getListDownloadsMethod) == null) {
      synchronized (DownloadServiceGrpc.class) {
        if ((getListDownloadsMethod = DownloadServiceGrpc.getListDownloadsMethod) == null) {
          DownloadServiceGrpc.getListDownloadsMethod = getListDownloadsMethod =
              io.grpc.MethodDescriptor.<dev.rasterwire.v1.ListDownloadsRequest, dev.rasterwire.v1.ListDownloadsResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListDownloads"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.rasterwire.v1.ListDownloadsRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.rasterwire.v1.ListDownloadsResponse.getDefaultInstance()))
              .setSchemaDescriptor(new DownloadServiceMethodDescriptorSupplier("ListDownloads"))
              .build();
        }
      }
    }
    return getListDownloadsMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.rasterwire.v1.DeleteDownloadRequest,
      dev.rasterwire.v1.DeleteDownloadResponse> getDeleteDownloadMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "DeleteDownload",
      requestType = dev.rasterwire.v1.DeleteDownloadRequest.class,
      responseType = dev.rasterwire.v1.DeleteDownloadResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.rasterwire.v1.DeleteDownloadRequest,
      dev.rasterwire.v1.DeleteDownloadResponse> getDeleteDownloadMethod() {
    io.grpc.MethodDescriptor<dev.rasterwire.v1.DeleteDownloadRequest, dev.rasterwire.v1.DeleteDownloadResponse> getDeleteDownloadMethod;
    if ((getDeleteDownloadMethod = DownloadServiceGrpc.getDeleteDownloadMethod) == null) {
      synchronized (DownloadServiceGrpc.class) {
        if ((getDeleteDownloadMethod = DownloadServiceGrpc.getDeleteDownloadMethod) == null) {
          DownloadServiceGrpc.getDeleteDownloadMethod = getDeleteDownloadMethod =
              io.grpc.MethodDescriptor.<dev.rasterwire.v1.DeleteDownloadRequest, dev.rasterwire.v1.DeleteDownloadResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "DeleteDownload"))
              .setIdempotent(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.rasterwire.v1.DeleteDownloadRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.rasterwire.v1.DeleteDownloadResponse.getDefaultInstance()))
              .setSchemaDescriptor(new DownloadServiceMethodDescriptorSupplier("DeleteDownload"))
              .build();
        }
      }
    }
    return getDeleteDownloadMethod;
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
     * The counterpart of `ee.data.getDownloadId`. Answers in milliseconds: no pixel is read, but for an
     * overview of each band of the first picture that is stretched by it. With a `request_id` a repeated
     * call returns the first answer.
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
     * Returns how far a registered download is, and what it holds.
     * Errors: NOT_FOUND (unknown or expired name, that of another tenant, or wrong token).
     * </pre>
     */
    default void getDownload(dev.rasterwire.v1.GetDownloadRequest request,
        io.grpc.stub.StreamObserver<dev.rasterwire.v1.GetDownloadResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetDownloadMethod(), responseObserver);
    }

    /**
     * <pre>
     * Begins to render the file of a registered download, and answers at once.
     * It goes on when the client leaves; GetDownload tells when the file is there. Does nothing where it is there
     * or is rendered already. Errors: as ReadDownload.
     * </pre>
     */
    default void prepareDownload(dev.rasterwire.v1.PrepareDownloadRequest request,
        io.grpc.stub.StreamObserver<dev.rasterwire.v1.PrepareDownloadResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getPrepareDownloadMethod(), responseObserver);
    }

    /**
     * <pre>
     * Lists the registered downloads of the caller's tenant, a page at a time, in the order of their names.
     * A server that knows no tenants lists all. Errors: INVALID_ARGUMENT (a page token that this server did not give).
     * </pre>
     */
    default void listDownloads(dev.rasterwire.v1.ListDownloadsRequest request,
        io.grpc.stub.StreamObserver<dev.rasterwire.v1.ListDownloadsResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListDownloadsMethod(), responseObserver);
    }

    /**
     * <pre>
     * Makes a download unknown: its name, its token and its url are worth nothing afterwards.
     * What is being read is read to its end. A render that PrepareDownload began ends, unless somebody reads it.
     * The file, which may be that of other downloads too, leaves the cache when the cache needs its room.
     * Errors: as GetDownload.
     * </pre>
     */
    default void deleteDownload(dev.rasterwire.v1.DeleteDownloadRequest request,
        io.grpc.stub.StreamObserver<dev.rasterwire.v1.DeleteDownloadResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getDeleteDownloadMethod(), responseObserver);
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
     * The counterpart of `ee.data.getDownloadId`. Answers in milliseconds: no pixel is read, but for an
     * overview of each band of the first picture that is stretched by it. With a `request_id` a repeated
     * call returns the first answer.
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
     * Returns how far a registered download is, and what it holds.
     * Errors: NOT_FOUND (unknown or expired name, that of another tenant, or wrong token).
     * </pre>
     */
    public void getDownload(dev.rasterwire.v1.GetDownloadRequest request,
        io.grpc.stub.StreamObserver<dev.rasterwire.v1.GetDownloadResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetDownloadMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Begins to render the file of a registered download, and answers at once.
     * It goes on when the client leaves; GetDownload tells when the file is there. Does nothing where it is there
     * or is rendered already. Errors: as ReadDownload.
     * </pre>
     */
    public void prepareDownload(dev.rasterwire.v1.PrepareDownloadRequest request,
        io.grpc.stub.StreamObserver<dev.rasterwire.v1.PrepareDownloadResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getPrepareDownloadMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Lists the registered downloads of the caller's tenant, a page at a time, in the order of their names.
     * A server that knows no tenants lists all. Errors: INVALID_ARGUMENT (a page token that this server did not give).
     * </pre>
     */
    public void listDownloads(dev.rasterwire.v1.ListDownloadsRequest request,
        io.grpc.stub.StreamObserver<dev.rasterwire.v1.ListDownloadsResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListDownloadsMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Makes a download unknown: its name, its token and its url are worth nothing afterwards.
     * What is being read is read to its end. A render that PrepareDownload began ends, unless somebody reads it.
     * The file, which may be that of other downloads too, leaves the cache when the cache needs its room.
     * Errors: as GetDownload.
     * </pre>
     */
    public void deleteDownload(dev.rasterwire.v1.DeleteDownloadRequest request,
        io.grpc.stub.StreamObserver<dev.rasterwire.v1.DeleteDownloadResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getDeleteDownloadMethod(), getCallOptions()), request, responseObserver);
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
     * The counterpart of `ee.data.getDownloadId`. Answers in milliseconds: no pixel is read, but for an
     * overview of each band of the first picture that is stretched by it. With a `request_id` a repeated
     * call returns the first answer.
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
     * Returns how far a registered download is, and what it holds.
     * Errors: NOT_FOUND (unknown or expired name, that of another tenant, or wrong token).
     * </pre>
     */
    public dev.rasterwire.v1.GetDownloadResponse getDownload(dev.rasterwire.v1.GetDownloadRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetDownloadMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Begins to render the file of a registered download, and answers at once.
     * It goes on when the client leaves; GetDownload tells when the file is there. Does nothing where it is there
     * or is rendered already. Errors: as ReadDownload.
     * </pre>
     */
    public dev.rasterwire.v1.PrepareDownloadResponse prepareDownload(dev.rasterwire.v1.PrepareDownloadRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getPrepareDownloadMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Lists the registered downloads of the caller's tenant, a page at a time, in the order of their names.
     * A server that knows no tenants lists all. Errors: INVALID_ARGUMENT (a page token that this server did not give).
     * </pre>
     */
    public dev.rasterwire.v1.ListDownloadsResponse listDownloads(dev.rasterwire.v1.ListDownloadsRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getListDownloadsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Makes a download unknown: its name, its token and its url are worth nothing afterwards.
     * What is being read is read to its end. A render that PrepareDownload began ends, unless somebody reads it.
     * The file, which may be that of other downloads too, leaves the cache when the cache needs its room.
     * Errors: as GetDownload.
     * </pre>
     */
    public dev.rasterwire.v1.DeleteDownloadResponse deleteDownload(dev.rasterwire.v1.DeleteDownloadRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getDeleteDownloadMethod(), getCallOptions(), request);
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
     * The counterpart of `ee.data.getDownloadId`. Answers in milliseconds: no pixel is read, but for an
     * overview of each band of the first picture that is stretched by it. With a `request_id` a repeated
     * call returns the first answer.
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
     * Returns how far a registered download is, and what it holds.
     * Errors: NOT_FOUND (unknown or expired name, that of another tenant, or wrong token).
     * </pre>
     */
    public dev.rasterwire.v1.GetDownloadResponse getDownload(dev.rasterwire.v1.GetDownloadRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetDownloadMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Begins to render the file of a registered download, and answers at once.
     * It goes on when the client leaves; GetDownload tells when the file is there. Does nothing where it is there
     * or is rendered already. Errors: as ReadDownload.
     * </pre>
     */
    public dev.rasterwire.v1.PrepareDownloadResponse prepareDownload(dev.rasterwire.v1.PrepareDownloadRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getPrepareDownloadMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Lists the registered downloads of the caller's tenant, a page at a time, in the order of their names.
     * A server that knows no tenants lists all. Errors: INVALID_ARGUMENT (a page token that this server did not give).
     * </pre>
     */
    public dev.rasterwire.v1.ListDownloadsResponse listDownloads(dev.rasterwire.v1.ListDownloadsRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListDownloadsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Makes a download unknown: its name, its token and its url are worth nothing afterwards.
     * What is being read is read to its end. A render that PrepareDownload began ends, unless somebody reads it.
     * The file, which may be that of other downloads too, leaves the cache when the cache needs its room.
     * Errors: as GetDownload.
     * </pre>
     */
    public dev.rasterwire.v1.DeleteDownloadResponse deleteDownload(dev.rasterwire.v1.DeleteDownloadRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getDeleteDownloadMethod(), getCallOptions(), request);
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
     * The counterpart of `ee.data.getDownloadId`. Answers in milliseconds: no pixel is read, but for an
     * overview of each band of the first picture that is stretched by it. With a `request_id` a repeated
     * call returns the first answer.
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
     * Returns how far a registered download is, and what it holds.
     * Errors: NOT_FOUND (unknown or expired name, that of another tenant, or wrong token).
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.rasterwire.v1.GetDownloadResponse> getDownload(
        dev.rasterwire.v1.GetDownloadRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetDownloadMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Begins to render the file of a registered download, and answers at once.
     * It goes on when the client leaves; GetDownload tells when the file is there. Does nothing where it is there
     * or is rendered already. Errors: as ReadDownload.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.rasterwire.v1.PrepareDownloadResponse> prepareDownload(
        dev.rasterwire.v1.PrepareDownloadRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getPrepareDownloadMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Lists the registered downloads of the caller's tenant, a page at a time, in the order of their names.
     * A server that knows no tenants lists all. Errors: INVALID_ARGUMENT (a page token that this server did not give).
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.rasterwire.v1.ListDownloadsResponse> listDownloads(
        dev.rasterwire.v1.ListDownloadsRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListDownloadsMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Makes a download unknown: its name, its token and its url are worth nothing afterwards.
     * What is being read is read to its end. A render that PrepareDownload began ends, unless somebody reads it.
     * The file, which may be that of other downloads too, leaves the cache when the cache needs its room.
     * Errors: as GetDownload.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.rasterwire.v1.DeleteDownloadResponse> deleteDownload(
        dev.rasterwire.v1.DeleteDownloadRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getDeleteDownloadMethod(), getCallOptions()), request);
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
  private static final int METHODID_GET_DOWNLOAD = 4;
  private static final int METHODID_PREPARE_DOWNLOAD = 5;
  private static final int METHODID_LIST_DOWNLOADS = 6;
  private static final int METHODID_DELETE_DOWNLOAD = 7;
  private static final int METHODID_GET_LIMITS = 8;

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
        case METHODID_GET_DOWNLOAD:
          serviceImpl.getDownload((dev.rasterwire.v1.GetDownloadRequest) request,
              (io.grpc.stub.StreamObserver<dev.rasterwire.v1.GetDownloadResponse>) responseObserver);
          break;
        case METHODID_PREPARE_DOWNLOAD:
          serviceImpl.prepareDownload((dev.rasterwire.v1.PrepareDownloadRequest) request,
              (io.grpc.stub.StreamObserver<dev.rasterwire.v1.PrepareDownloadResponse>) responseObserver);
          break;
        case METHODID_LIST_DOWNLOADS:
          serviceImpl.listDownloads((dev.rasterwire.v1.ListDownloadsRequest) request,
              (io.grpc.stub.StreamObserver<dev.rasterwire.v1.ListDownloadsResponse>) responseObserver);
          break;
        case METHODID_DELETE_DOWNLOAD:
          serviceImpl.deleteDownload((dev.rasterwire.v1.DeleteDownloadRequest) request,
              (io.grpc.stub.StreamObserver<dev.rasterwire.v1.DeleteDownloadResponse>) responseObserver);
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
          getGetDownloadMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.rasterwire.v1.GetDownloadRequest,
              dev.rasterwire.v1.GetDownloadResponse>(
                service, METHODID_GET_DOWNLOAD)))
        .addMethod(
          getPrepareDownloadMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.rasterwire.v1.PrepareDownloadRequest,
              dev.rasterwire.v1.PrepareDownloadResponse>(
                service, METHODID_PREPARE_DOWNLOAD)))
        .addMethod(
          getListDownloadsMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.rasterwire.v1.ListDownloadsRequest,
              dev.rasterwire.v1.ListDownloadsResponse>(
                service, METHODID_LIST_DOWNLOADS)))
        .addMethod(
          getDeleteDownloadMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.rasterwire.v1.DeleteDownloadRequest,
              dev.rasterwire.v1.DeleteDownloadResponse>(
                service, METHODID_DELETE_DOWNLOAD)))
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
              .addMethod(getGetDownloadMethod())
              .addMethod(getPrepareDownloadMethod())
              .addMethod(getListDownloadsMethod())
              .addMethod(getDeleteDownloadMethod())
              .addMethod(getGetLimitsMethod())
              .build();
        }
      }
    }
    return result;
  }
}
