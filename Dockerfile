# The last stage has the Python of this image and the libraries it needs, and neither its shell tools nor its package
# manager.
ARG BASE_IMAGE=python:3.11-slim-bookworm

FROM ${BASE_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /build
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends binutils ca-certificates netbase tzdata \
    && rm -rf /var/lib/apt/lists/*
# The environment has no pip; the lock names all that it holds, and not what its packages can do without.
RUN python3 -m venv --without-pip /opt/venv && python3 -m venv /build/pip
COPY requirements-image.lock ./
RUN /build/pip/bin/pip --python /opt/venv/bin/python install --no-compile --no-deps \
      --require-hashes --only-binary=:all: -r requirements-image.lock
COPY LICENSE README.md pyproject.toml ./
COPY src src
RUN /build/pip/bin/pip wheel --no-deps --wheel-dir /build/dist . \
    && /build/pip/bin/pip --python /opt/venv/bin/python install --no-compile --no-deps /build/dist/*.whl \
    && mkdir -p /var/lib/rasterwire /data
# A third of what the packages take are symbols for debuggers, and much of the rest is for others than servers. Each
# library that lost symbols is loaded once.
COPY .ci/shrink.py .ci/make_root.py ./
RUN /opt/venv/bin/python shrink.py src
# for any processor of the architecture; with NUMBA_CPU_NAME empty, a server compiles for its own at the first start
ENV NUMBA_CPU_NAME=generic
# The demo has Python compile the modules that a server imports, and no others.
RUN NUMBA_CACHE_DIR=/build/loops /opt/venv/bin/rasterwire warm --install \
    && env --unset=PYTHONDONTWRITEBYTECODE PYTHONPYCACHEPREFIX=/build/modules /opt/venv/bin/rasterwire demo /build/demo \
    && /opt/venv/bin/python make_root.py /build/root /opt/venv /build/modules

FROM scratch
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="rasterwire" \
      org.opencontainers.image.description="Exact pieces of your rasters, as verified files, over gRPC and HTTP" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /build/root /
COPY --from=build /opt/venv /opt/venv
COPY --from=build --chown=10001:10001 /var/lib/rasterwire /var/lib/rasterwire
COPY --from=build /data /data
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin \
    LANG=C.UTF-8 \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    NUMBA_CPU_NAME=generic \
    NUMBA_CACHE_DIR=/var/lib/rasterwire/loops \
    RASTERWIRE_LAME_DUCK_SECONDS=5
USER 10001:10001
WORKDIR /var/lib/rasterwire
# The rest of the file system can be read-only, but for /tmp.
VOLUME ["/var/lib/rasterwire"]
EXPOSE 50051 8080
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s CMD ["rasterwire", "health"]
ENTRYPOINT ["rasterwire"]
CMD ["serve", "/data", "--host", "0.0.0.0", "--state-dir", "/var/lib/rasterwire"]
