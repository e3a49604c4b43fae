# Larder in a container: docs/docker.md. The Python is that of the tests; the Postgres client is for backups of Postgres.
FROM python:3.11-slim-trixie AS build

WORKDIR /opt/larder
COPY requirements.lock requirements-thumbnails.lock ./
# With `--build-arg THUMBNAILS=yes` the image draws thumbnails of pictures.
ARG THUMBNAILS=no
RUN python -m venv --without-pip .venv && \
    python -m pip --python .venv/bin/python --no-cache-dir --disable-pip-version-check install --quiet \
        --require-hashes --no-deps --requirement requirements.lock && \
    if [ "$THUMBNAILS" = yes ]; then \
        python -m pip --python .venv/bin/python --no-cache-dir --disable-pip-version-check install --quiet \
            --require-hashes --no-deps --requirement requirements-thumbnails.lock; \
    fi && \
    python -m pip --python .venv/bin/python check
COPY . .
# Compiled here, because the folder is read-only later. The checkout may be readable by its owner only.
RUN .venv/bin/python -m compileall -q backend wsgi.py && chmod -R go=u-w .


FROM python:3.11-slim-trixie

# The newest 17 of Debian, with its security updates.
# hadolint ignore=DL3008
RUN apt-get update && \
    apt-get install --yes --no-install-recommends postgresql-client-17 && \
    rm -rf /var/lib/apt/lists/* && \
    groupadd --gid 10001 larder && \
    useradd --uid 10001 --gid larder --home-dir /data --no-create-home --shell /usr/sbin/nologin larder && \
    install -d -m 0700 -o larder -g larder /data
COPY --from=build /opt/larder /opt/larder

# Temporary files, such as exports for slow clients, can be large: they are in the volume, not in memory.
ENV LARDER_DATA_DIR=/data LARDER_HOST=0.0.0.0 LARDER_PORT=8000 \
    TMPDIR=/data FLASK_APP=/opt/larder/wsgi.py PATH=/opt/larder/.venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1
WORKDIR /data
VOLUME /data
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s \
    CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8000, timeout=8); c.request('GET', '/health/ready'); raise SystemExit(c.getresponse().status != 200)"]
CMD ["python", "/opt/larder/wsgi.py"]
