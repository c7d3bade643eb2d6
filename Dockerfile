# Both APIs on port 7357. The control plane asks for a token, so give one:
#   docker build -t segment-mock .
#   docker run --rm -p 127.0.0.1:7357:7357 -e SEGMENT_MOCK_ADMIN_TOKEN=choose-one segment-mock serve --data demo
FROM python:3.12-slim AS wheel
WORKDIR /build
RUN pip install --no-cache-dir build==1.3.0
COPY . .
RUN python -m build --wheel --outdir /dist

FROM python:3.12-slim
# Mounted, not copied, so that the wheel does not become part of the image.
RUN --mount=type=bind,from=wheel,source=/dist,target=/dist \
    pip install --no-cache-dir "$(echo /dist/*.whl)[front,metrics,redis]"
# For a volume with the file of --store; a new volume gets the owner of this folder.
RUN install -d -o 10001 -g 10001 /store
# A number, so that Kubernetes can see that the user is not root.
USER 10001:10001
WORKDIR /data
ENV SEGMENT_MOCK_HOST=0.0.0.0
EXPOSE 7357
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s --retries=3 CMD ["segment-mock", "health"]
ENTRYPOINT ["segment-mock"]
CMD ["serve"]
