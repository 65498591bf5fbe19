# One image for every role: `mercat serve product`, `mercat serve gateway`, …
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --bin mercat

FROM debian:bookworm-slim
# A number, not a name: an orchestrator that demands "not root" can tell without looking into the image. A volume that is
# mounted on /data for the first time takes over its owner.
RUN mkdir /data && chown 10001:10001 /data
COPY --from=build /src/target/release/mercat /usr/local/bin/mercat
USER 10001:10001
ENV MERCAT_DATA=/data
ENTRYPOINT ["mercat"]
