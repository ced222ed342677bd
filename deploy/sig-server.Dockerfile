# syntax=docker/dockerfile:1
# kez-sig-server, which serves sigchains and no pages. Built from the root of a checkout:
#   docker build -f deploy/sig-server.Dockerfile -t kez-sig-server:0.1.0 .

FROM rust:1.95.0-trixie AS build
ENV CARGO_TERM_COLOR=never
WORKDIR /src
COPY . .
RUN --mount=type=cache,id=kez-cargo,target=/usr/local/cargo/registry \
    --mount=type=cache,id=kez-sig-target,target=/src/target \
    cargo build --release --locked -p kez-sig-server \
 && install -D -m 755 target/release/kez-sig-server /out/kez-sig-server

FROM debian:13-slim
# The volume that is mounted here takes its owner from this folder.
RUN install -d -o 10001 -g 10001 -m 700 /var/lib/kez-sig
COPY --from=build /out /opt/kez-sig
COPY deploy/healthz /opt/kez-sig/healthz
USER 10001:10001
WORKDIR /var/lib/kez-sig
EXPOSE 7878
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["bash", "/opt/kez-sig/healthz", "7878"]
ENTRYPOINT ["/opt/kez-sig/kez-sig-server"]
CMD ["--bind", "0.0.0.0:7878", "--db", "/var/lib/kez-sig/kez-sig.db"]
