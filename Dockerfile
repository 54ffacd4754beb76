# calpair as an image: a small one, without compilers, without root.
#
#   docker build -t calpair .
#   docker run -d --name calpair -v calpair-state:/var/lib/calpair \
#     -v ./calpair.toml:/etc/calpair/calpair.toml:ro calpair
#   docker exec -it calpair calpair connect home

FROM rust:1.95-slim-trixie AS build
WORKDIR /src
COPY . .
# --locked: what was tested is what is built. The simulated servers of the demo stay out.
RUN cargo build --release --locked --package calpair --no-default-features

FROM debian:trixie-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && install -d -m 0700 -o 10001 -g 10001 /var/lib/calpair
COPY --from=build /src/target/release/calpair /usr/local/bin/calpair
# Where the command line and the daemon both find the state.
ENV STATE_DIRECTORY=/var/lib/calpair \
    CALPAIR_CONFIG=/etc/calpair/calpair.toml
USER 10001:10001
VOLUME /var/lib/calpair
STOPSIGNAL SIGTERM
ENTRYPOINT ["calpair"]
CMD ["run"]
