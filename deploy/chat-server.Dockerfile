# syntax=docker/dockerfile:1
# kez-chat-server with its pages. Built from the root of a checkout:
#   docker build -f deploy/chat-server.Dockerfile -t kez-chat-server:0.1.0 .

FROM rust:1.95.0-trixie AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends nodejs npm \
 && rm -rf /var/lib/apt/lists/*
ENV XDG_CACHE_HOME=/tools CARGO_TERM_COLOR=never
WORKDIR /src
# The tools take a quarter of an hour and change seldom: a layer of their own.
COPY Cargo.toml Cargo.lock ./
COPY scripts/setup scripts/debian scripts/env scripts/
COPY scripts/locks scripts/locks/
COPY broker/package.json broker/package-lock.json broker/.npmrc broker/
RUN scripts/setup build
COPY . .
RUN --mount=type=cache,id=kez-cargo,target=/usr/local/cargo/registry \
    --mount=type=cache,id=kez-chat-target,target=/src/target \
    make build \
 && install -D -m 755 target/release/kez-chat-server /out/kez-chat-server \
 && cp -R target/site /out/site

FROM debian:13-slim
# The volume that is mounted here takes its owner from this folder.
RUN install -d -o 10001 -g 10001 -m 700 /var/lib/kez-chat
# Program and site lie side by side, where the program looks for it.
COPY --from=build /out /opt/kez-chat
ENV KEZ_CHAT_BIND=0.0.0.0:6969 KEZ_CHAT_DB=/var/lib/kez-chat/kez-chat.db
USER 10001:10001
WORKDIR /var/lib/kez-chat
EXPOSE 6969
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["/opt/kez-chat/kez-chat-server", "healthcheck"]
ENTRYPOINT ["/opt/kez-chat/kez-chat-server"]
