# The image holds one static binary and nothing else: no shell, no JVM, no package manager.
#
#   docker build -t skylark .
#   docker run --rm -p 9876:9876 -p 10911:10911 -p 10909:10909 -v skylark:/data skylark standalone -storePathRootDir /data -brokerIP1 127.0.0.1
#
# What follows the image's name replaces CMD below, so it has to say again where the store is.
#
# GO_IMAGE is any image with the Go toolchain. Nothing here needs BuildKit, and the commands are in exec form, so that image needs
# no shell either.
ARG GO_IMAGE=golang:1.26
FROM ${GO_IMAGE} AS build
ARG VERSION=docker
ARG GOPROXY
ENV CGO_ENABLED=0 GOTOOLCHAIN=local GOPROXY=${GOPROXY} GOFLAGS="-trimpath '-ldflags=-s -w -X main.version=${VERSION}'"
WORKDIR /src
COPY go.mod go.sum ./
RUN ["go", "mod", "download"]
COPY . .
RUN ["go", "build", "-o", "/out/bin/skylark", "./cmd/skylark"]

FROM scratch
COPY --from=build /out/bin/skylark /bin/skylark
# HOME is where a broker or a name server without a configuration file keeps its data.
ENV HOME=/data
WORKDIR /data
VOLUME /data
# 9876 name server; 10911 broker, and 10909, its second port for clients
EXPOSE 9876 10911 10909
ENTRYPOINT ["/bin/skylark"]
CMD ["standalone", "-storePathRootDir", "/data"]
