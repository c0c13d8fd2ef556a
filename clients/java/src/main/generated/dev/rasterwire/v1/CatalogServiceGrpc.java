package dev.rasterwire.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * Tells which images a server can deliver, and what each holds.
 * </pre>
 */
@io.grpc.stub.annotations.GrpcGenerated
public final class CatalogServiceGrpc {

  private CatalogServiceGrpc() {}

  public static final java.lang.String SERVICE_NAME = "rasterwire.v1.CatalogService";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<dev.rasterwire.v1.ListImagesRequest,
      dev.rasterwire.v1.ListImagesResponse> getListImagesMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListImages",
      requestType = dev.rasterwire.v1.ListImagesRequest.class,
      responseType = dev.rasterwire.v1.ListImagesResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.rasterwire.v1.ListImagesRequest,
      dev.rasterwire.v1.ListImagesResponse> getListImagesMethod() {
    io.grpc.MethodDescriptor<dev.rasterwire.v1.ListImagesRequest, dev.rasterwire.v1.ListImagesResponse> getListImagesMethod;
    if ((getListImagesMethod = CatalogServiceGrpc.getListImagesMethod) == null) {
      synchronized (CatalogServiceGrpc.class) {
        if ((getListImagesMethod = CatalogServiceGrpc.getListImagesMethod) == null) {
          CatalogServiceGrpc.getListImagesMethod = getListImagesMethod =
              io.grpc.MethodDescriptor.<dev.rasterwire.v1.ListImagesRequest, dev.rasterwire.v1.ListImagesResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListImages"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.rasterwire.v1.ListImagesRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.rasterwire.v1.ListImagesResponse.getDefaultInstance()))
              .setSchemaDescriptor(new CatalogServiceMethodDescriptorSupplier("ListImages"))
              .build();
        }
      }
    }
    return getListImagesMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.rasterwire.v1.GetImageRequest,
      dev.rasterwire.v1.GetImageResponse> getGetImageMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetImage",
      requestType = dev.rasterwire.v1.GetImageRequest.class,
      responseType = dev.rasterwire.v1.GetImageResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.rasterwire.v1.GetImageRequest,
      dev.rasterwire.v1.GetImageResponse> getGetImageMethod() {
    io.grpc.MethodDescriptor<dev.rasterwire.v1.GetImageRequest, dev.rasterwire.v1.GetImageResponse> getGetImageMethod;
    if ((getGetImageMethod = CatalogServiceGrpc.getGetImageMethod) == null) {
      synchronized (CatalogServiceGrpc.class) {
        if ((getGetImageMethod = CatalogServiceGrpc.getGetImageMethod) == null) {
          CatalogServiceGrpc.getGetImageMethod = getGetImageMethod =
              io.grpc.MethodDescriptor.<dev.rasterwire.v1.GetImageRequest, dev.rasterwire.v1.GetImageResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetImage"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.rasterwire.v1.GetImageRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.rasterwire.v1.GetImageResponse.getDefaultInstance()))
              .setSchemaDescriptor(new CatalogServiceMethodDescriptorSupplier("GetImage"))
              .build();
        }
      }
    }
    return getGetImageMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.rasterwire.v1.ComputeHistogramRequest,
      dev.rasterwire.v1.ComputeHistogramResponse> getComputeHistogramMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ComputeHistogram",
      requestType = dev.rasterwire.v1.ComputeHistogramRequest.class,
      responseType = dev.rasterwire.v1.ComputeHistogramResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.rasterwire.v1.ComputeHistogramRequest,
      dev.rasterwire.v1.ComputeHistogramResponse> getComputeHistogramMethod() {
    io.grpc.MethodDescriptor<dev.rasterwire.v1.ComputeHistogramRequest, dev.rasterwire.v1.ComputeHistogramResponse> getComputeHistogramMethod;
    if ((getComputeHistogramMethod = CatalogServiceGrpc.getComputeHistogramMethod) == null) {
      synchronized (CatalogServiceGrpc.class) {
        if ((getComputeHistogramMethod = CatalogServiceGrpc.getComputeHistogramMethod) == null) {
          CatalogServiceGrpc.getComputeHistogramMethod = getComputeHistogramMethod =
              io.grpc.MethodDescriptor.<dev.rasterwire.v1.ComputeHistogramRequest, dev.rasterwire.v1.ComputeHistogramResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ComputeHistogram"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.rasterwire.v1.ComputeHistogramRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.rasterwire.v1.ComputeHistogramResponse.getDefaultInstance()))
              .setSchemaDescriptor(new CatalogServiceMethodDescriptorSupplier("ComputeHistogram"))
              .build();
        }
      }
    }
    return getComputeHistogramMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static CatalogServiceStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<CatalogServiceStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<CatalogServiceStub>() {
        @java.lang.Override
        public CatalogServiceStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new CatalogServiceStub(channel, callOptions);
        }
      };
    return CatalogServiceStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports all types of calls on the service
   */
  public static CatalogServiceBlockingV2Stub newBlockingV2Stub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<CatalogServiceBlockingV2Stub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<CatalogServiceBlockingV2Stub>() {
        @java.lang.Override
        public CatalogServiceBlockingV2Stub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new CatalogServiceBlockingV2Stub(channel, callOptions);
        }
      };
    return CatalogServiceBlockingV2Stub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static CatalogServiceBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<CatalogServiceBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<CatalogServiceBlockingStub>() {
        @java.lang.Override
        public CatalogServiceBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new CatalogServiceBlockingStub(channel, callOptions);
        }
      };
    return CatalogServiceBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static CatalogServiceFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<CatalogServiceFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<CatalogServiceFutureStub>() {
        @java.lang.Override
        public CatalogServiceFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new CatalogServiceFutureStub(channel, callOptions);
        }
      };
    return CatalogServiceFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * Tells which images a server can deliver, and what each holds.
   * </pre>
   */
  public interface AsyncService {

    /**
     * <pre>
     * Lists images in the order of their ids, a page at a time.
     * Where one of several catalogs fails, the images of the others are listed, and `unreachable` names it.
     * Errors: INVALID_ARGUMENT for a page token that this server did not give, FAILED_PRECONDITION where no
     * catalog that has such images can be reached.
     * </pre>
     */
    default void listImages(dev.rasterwire.v1.ListImagesRequest request,
        io.grpc.stub.StreamObserver<dev.rasterwire.v1.ListImagesResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListImagesMethod(), responseObserver);
    }

    /**
     * <pre>
     * Returns one image with its bands.
     * Errors: NOT_FOUND for an unknown id, FAILED_PRECONDITION for an image whose rasters cannot be read.
     * </pre>
     */
    default void getImage(dev.rasterwire.v1.GetImageRequest request,
        io.grpc.stub.StreamObserver<dev.rasterwire.v1.GetImageResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetImageMethod(), responseObserver);
    }

    /**
     * <pre>
     * Counts the values of bands, within a region where one is given, as an overview has them.
     * For the handles of a picture's minimum and maximum. The work is bounded: at most about a million pixels of a
     * band are looked at, and `is_exact` tells where these were all there are.
     * Errors: NOT_FOUND for an unknown id, FAILED_PRECONDITION for an image whose rasters cannot be read,
     * INVALID_ARGUMENT for a band that the image lacks and for a region that does not touch it.
     * </pre>
     */
    default void computeHistogram(dev.rasterwire.v1.ComputeHistogramRequest request,
        io.grpc.stub.StreamObserver<dev.rasterwire.v1.ComputeHistogramResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getComputeHistogramMethod(), responseObserver);
    }
  }

  /**
   * Base class for the server implementation of the service CatalogService.
   * <pre>
   * Tells which images a server can deliver, and what each holds.
   * </pre>
   */
  public static abstract class CatalogServiceImplBase
      implements io.grpc.BindableService, AsyncService {

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return CatalogServiceGrpc.bindService(this);
    }
  }

  /**
   * A stub to allow clients to do asynchronous rpc calls to service CatalogService.
   * <pre>
   * Tells which images a server can deliver, and what each holds.
   * </pre>
   */
  public static final class CatalogServiceStub
      extends io.grpc.stub.AbstractAsyncStub<CatalogServiceStub> {
    private CatalogServiceStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected CatalogServiceStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new CatalogServiceStub(channel, callOptions);
    }

    /**
     * <pre>
     * Lists images in the order of their ids, a page at a time.
     * Where one of several catalogs fails, the images of the others are listed, and `unreachable` names it.
     * Errors: INVALID_ARGUMENT for a page token that this server did not give, FAILED_PRECONDITION where no
     * catalog that has such images can be reached.
     * </pre>
     */
    public void listImages(dev.rasterwire.v1.ListImagesRequest request,
        io.grpc.stub.StreamObserver<dev.rasterwire.v1.ListImagesResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListImagesMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Returns one image with its bands.
     * Errors: NOT_FOUND for an unknown id, FAILED_PRECONDITION for an image whose rasters cannot be read.
     * </pre>
     */
    public void getImage(dev.rasterwire.v1.GetImageRequest request,
        io.grpc.stub.StreamObserver<dev.rasterwire.v1.GetImageResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetImageMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Counts the values of bands, within a region where one is given, as an overview has them.
     * For the handles of a picture's minimum and maximum. The work is bounded: at most about a million pixels of a
     * band are looked at, and `is_exact` tells where these were all there are.
     * Errors: NOT_FOUND for an unknown id, FAILED_PRECONDITION for an image whose rasters cannot be read,
     * INVALID_ARGUMENT for a band that the image lacks and for a region that does not touch it.
     * </pre>
     */
    public void computeHistogram(dev.rasterwire.v1.ComputeHistogramRequest request,
        io.grpc.stub.StreamObserver<dev.rasterwire.v1.ComputeHistogramResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getComputeHistogramMethod(), getCallOptions()), request, responseObserver);
    }
  }

  /**
   * A stub to allow clients to do synchronous rpc calls to service CatalogService.
   * <pre>
   * Tells which images a server can deliver, and what each holds.
   * </pre>
   */
  public static final class CatalogServiceBlockingV2Stub
      extends io.grpc.stub.AbstractBlockingStub<CatalogServiceBlockingV2Stub> {
    private CatalogServiceBlockingV2Stub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected CatalogServiceBlockingV2Stub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new CatalogServiceBlockingV2Stub(channel, callOptions);
    }

    /**
     * <pre>
     * Lists images in the order of their ids, a page at a time.
     * Where one of several catalogs fails, the images of the others are listed, and `unreachable` names it.
     * Errors: INVALID_ARGUMENT for a page token that this server did not give, FAILED_PRECONDITION where no
     * catalog that has such images can be reached.
     * </pre>
     */
    public dev.rasterwire.v1.ListImagesResponse listImages(dev.rasterwire.v1.ListImagesRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getListImagesMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Returns one image with its bands.
     * Errors: NOT_FOUND for an unknown id, FAILED_PRECONDITION for an image whose rasters cannot be read.
     * </pre>
     */
    public dev.rasterwire.v1.GetImageResponse getImage(dev.rasterwire.v1.GetImageRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetImageMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Counts the values of bands, within a region where one is given, as an overview has them.
     * For the handles of a picture's minimum and maximum. The work is bounded: at most about a million pixels of a
     * band are looked at, and `is_exact` tells where these were all there are.
     * Errors: NOT_FOUND for an unknown id, FAILED_PRECONDITION for an image whose rasters cannot be read,
     * INVALID_ARGUMENT for a band that the image lacks and for a region that does not touch it.
     * </pre>
     */
    public dev.rasterwire.v1.ComputeHistogramResponse computeHistogram(dev.rasterwire.v1.ComputeHistogramRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getComputeHistogramMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do limited synchronous rpc calls to service CatalogService.
   * <pre>
   * Tells which images a server can deliver, and what each holds.
   * </pre>
   */
  public static final class CatalogServiceBlockingStub
      extends io.grpc.stub.AbstractBlockingStub<CatalogServiceBlockingStub> {
    private CatalogServiceBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected CatalogServiceBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new CatalogServiceBlockingStub(channel, callOptions);
    }

    /**
     * <pre>
     * Lists images in the order of their ids, a page at a time.
     * Where one of several catalogs fails, the images of the others are listed, and `unreachable` names it.
     * Errors: INVALID_ARGUMENT for a page token that this server did not give, FAILED_PRECONDITION where no
     * catalog that has such images can be reached.
     * </pre>
     */
    public dev.rasterwire.v1.ListImagesResponse listImages(dev.rasterwire.v1.ListImagesRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListImagesMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Returns one image with its bands.
     * Errors: NOT_FOUND for an unknown id, FAILED_PRECONDITION for an image whose rasters cannot be read.
     * </pre>
     */
    public dev.rasterwire.v1.GetImageResponse getImage(dev.rasterwire.v1.GetImageRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetImageMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Counts the values of bands, within a region where one is given, as an overview has them.
     * For the handles of a picture's minimum and maximum. The work is bounded: at most about a million pixels of a
     * band are looked at, and `is_exact` tells where these were all there are.
     * Errors: NOT_FOUND for an unknown id, FAILED_PRECONDITION for an image whose rasters cannot be read,
     * INVALID_ARGUMENT for a band that the image lacks and for a region that does not touch it.
     * </pre>
     */
    public dev.rasterwire.v1.ComputeHistogramResponse computeHistogram(dev.rasterwire.v1.ComputeHistogramRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getComputeHistogramMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do ListenableFuture-style rpc calls to service CatalogService.
   * <pre>
   * Tells which images a server can deliver, and what each holds.
   * </pre>
   */
  public static final class CatalogServiceFutureStub
      extends io.grpc.stub.AbstractFutureStub<CatalogServiceFutureStub> {
    private CatalogServiceFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected CatalogServiceFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new CatalogServiceFutureStub(channel, callOptions);
    }

    /**
     * <pre>
     * Lists images in the order of their ids, a page at a time.
     * Where one of several catalogs fails, the images of the others are listed, and `unreachable` names it.
     * Errors: INVALID_ARGUMENT for a page token that this server did not give, FAILED_PRECONDITION where no
     * catalog that has such images can be reached.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.rasterwire.v1.ListImagesResponse> listImages(
        dev.rasterwire.v1.ListImagesRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListImagesMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Returns one image with its bands.
     * Errors: NOT_FOUND for an unknown id, FAILED_PRECONDITION for an image whose rasters cannot be read.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.rasterwire.v1.GetImageResponse> getImage(
        dev.rasterwire.v1.GetImageRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetImageMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Counts the values of bands, within a region where one is given, as an overview has them.
     * For the handles of a picture's minimum and maximum. The work is bounded: at most about a million pixels of a
     * band are looked at, and `is_exact` tells where these were all there are.
     * Errors: NOT_FOUND for an unknown id, FAILED_PRECONDITION for an image whose rasters cannot be read,
     * INVALID_ARGUMENT for a band that the image lacks and for a region that does not touch it.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.rasterwire.v1.ComputeHistogramResponse> computeHistogram(
        dev.rasterwire.v1.ComputeHistogramRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getComputeHistogramMethod(), getCallOptions()), request);
    }
  }

  private static final int METHODID_LIST_IMAGES = 0;
  private static final int METHODID_GET_IMAGE = 1;
  private static final int METHODID_COMPUTE_HISTOGRAM = 2;

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
        case METHODID_LIST_IMAGES:
          serviceImpl.listImages((dev.rasterwire.v1.ListImagesRequest) request,
              (io.grpc.stub.StreamObserver<dev.rasterwire.v1.ListImagesResponse>) responseObserver);
          break;
        case METHODID_GET_IMAGE:
          serviceImpl.getImage((dev.rasterwire.v1.GetImageRequest) request,
              (io.grpc.stub.StreamObserver<dev.rasterwire.v1.GetImageResponse>) responseObserver);
          break;
        case METHODID_COMPUTE_HISTOGRAM:
          serviceImpl.computeHistogram((dev.rasterwire.v1.ComputeHistogramRequest) request,
              (io.grpc.stub.StreamObserver<dev.rasterwire.v1.ComputeHistogramResponse>) responseObserver);
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
          getListImagesMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.rasterwire.v1.ListImagesRequest,
              dev.rasterwire.v1.ListImagesResponse>(
                service, METHODID_LIST_IMAGES)))
        .addMethod(
          getGetImageMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.rasterwire.v1.GetImageRequest,
              dev.rasterwire.v1.GetImageResponse>(
                service, METHODID_GET_IMAGE)))
        .addMethod(
          getComputeHistogramMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.rasterwire.v1.ComputeHistogramRequest,
              dev.rasterwire.v1.ComputeHistogramResponse>(
                service, METHODID_COMPUTE_HISTOGRAM)))
        .build();
  }

  private static abstract class CatalogServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    CatalogServiceBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return dev.rasterwire.v1.CatalogServiceProto.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("CatalogService");
    }
  }

  private static final class CatalogServiceFileDescriptorSupplier
      extends CatalogServiceBaseDescriptorSupplier {
    CatalogServiceFileDescriptorSupplier() {}
  }

  private static final class CatalogServiceMethodDescriptorSupplier
      extends CatalogServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final java.lang.String methodName;

    CatalogServiceMethodDescriptorSupplier(java.lang.String methodName) {
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
      synchronized (CatalogServiceGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new CatalogServiceFileDescriptorSupplier())
              .addMethod(getListImagesMethod())
              .addMethod(getGetImageMethod())
              .addMethod(getComputeHistogramMethod())
              .build();
        }
      }
    }
    return result;
  }
}
