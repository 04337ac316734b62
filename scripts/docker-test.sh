#!/usr/bin/env bash
# Builds the image and runs docker-compose.yml with its compat profile.
#
# Base images come from GO_IMAGE and JVM_IMAGE when they are set. Otherwise stand-ins are made of this machine: its Go toolchain and
# module cache as a build image, its JDK and Maven (mounted) as the JVM image. So the test needs no image registry.
#
# Without an engine: as root on Debian one is installed and started here; elsewhere the test is skipped, and says so.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d /tmp/skylark-docker.XXXXXX)
daemon=
skip() { printf '\n== SKIPPED: the Docker test: %s\n\n' "$1"; exit 0; }
finish() {
	status=$?
	if [ $status -ne 0 ]; then compose logs --no-color --tail 40 2>/dev/null || true; fi
	compose --profile compat down -v >/dev/null 2>&1 || true
	if [ -n "$daemon" ]; then kill "$daemon" 2>/dev/null && wait "$daemon" 2>/dev/null || true; fi
	if [ "${SKYLARK_KEEP_DOCKER:-}" = "" ]; then rm -rf "$work" 2>/dev/null || true; fi
	exit $status
}

engine() {
	if docker info >/dev/null 2>&1; then return; fi
	[ "$(id -u)" = 0 ] || skip "no engine answers, and only root can start one"
	scripts/need.sh docker 2>/dev/null || skip "no engine answers, and none could be installed"
	export DOCKER_HOST=unix://$work/docker.sock
	# In a network of its own: the bridge and the address translation that it sets up would stay behind, and slow every later test on loopback.
	unshare --net -- sh -c 'ip link set lo up; exec dockerd "$@"' dockerd \
		--data-root "$work/data" --exec-root "$work/exec" --host "$DOCKER_HOST" --pidfile "$work/pid" >"$work/dockerd.log" 2>&1 &
	daemon=$!
	for _ in $(seq 60); do
		if docker info >/dev/null 2>&1; then return; fi
		kill -0 "$daemon" 2>/dev/null || break
		sleep 0.5
	done
	tail -3 "$work/dockerd.log"
	skip "this machine cannot run an engine (the last lines of its log are above)"
}

compose() { scripts/compose.sh -p skylark-test -f docker-compose.yml -f "$work/override.yml" "$@"; }

go_image() {
	[ -z "${GO_IMAGE:-}" ] || return 0
	export GO_IMAGE=skylark-stand-in-go
	go mod download
	tar -cf - -C "$(go env GOROOT)" --transform 's,^\.,go,' --exclude=./test --exclude=./doc --exclude=./api . |
		docker import -c 'ENV PATH=/go/bin HOME=/ GOROOT=/go GOMODCACHE=/mod' - skylark-stand-in-toolchain >/dev/null
	mkdir -p "$work/go" && cp -r "$(go env GOMODCACHE)/cache/download" "$work/go/download"
	# The module cache serves as the proxy: the build is the real one, downloads included.
	printf 'FROM skylark-stand-in-toolchain\nCOPY download /download\nWORKDIR /tmp\nWORKDIR /mod\n' >"$work/go/Dockerfile"
	docker build -q -t "$GO_IMAGE" "$work/go" >/dev/null
	export GOPROXY=file:///download GOFLAGS=
}

# The stand-in for the JVM image is empty; the compat service mounts this machine's programs into it. It has no user
# data base, so that Java must be told where home is (it would be a folder named "?").
jvm_override() {
	echo 'services: {}' >"$work/override.yml"
	[ -z "${JVM_IMAGE:-}" ] || return 0
	scripts/need.sh jvm
	# Maven's downloads happen here, where there is a network; in the container it reads what is in the local repository.
	mvn -q -B -f compat-tests/java/pom.xml -pl client-5.5 process-classes
	export JVM_IMAGE=skylark-stand-in-jvm
	tar -cf - -T /dev/null | docker import - "$JVM_IMAGE" >/dev/null
	local java
	java=$(dirname "$(dirname "$(readlink -f "$(command -v javac)")")")
	{
		printf 'services:\n  compat:\n    environment: ["PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/root", "JAVA_HOME=%s", "MAVEN_OPTS=-Duser.home=/root", "MVN=mvn -o"]\n    volumes:\n' "$java"
		for d in /usr /lib /lib64 /bin /etc/maven /etc/java-17-openjdk /etc/ssl /etc/alternatives /opt "$java" "$HOME/.m2"; do
			if [ -e "$d" ]; then printf '      - "%s:%s%s"\n' "$d" "${d/#$HOME\/.m2//root/.m2}" "$([ "$d" = "$HOME/.m2" ] || echo :ro)"; fi
		done
	} >"$work/override.yml"
}

command -v docker >/dev/null || [ "$(id -u)" = 0 ] || skip "no Docker here"
echo 'services: {}' >"$work/override.yml"
trap finish EXIT
engine
export DOCKER_BUILDKIT=0 COMPOSE_DOCKER_CLI_BUILD=0 TAG=test
echo "== docker: image"
go_image
jvm_override
compose build -q 2>/dev/null || compose build
docker run --rm skylark:test version
docker image inspect -f 'image of {{.Size}} bytes' skylark:test

echo "== docker: name server and broker"
compose up -d
echo "== docker: the official Java client against them"
# All scenarios take minutes and run in `make compat` anyway; COMPAT_ONLY= (empty) runs them here too.
only=${COMPAT_ONLY-send-sync,send-batch,send-oneway,auto-created-topic,pull-consumer,key-query}
compose --profile compat run --rm -T compat sh /scripts/compat-in-container.sh namesrv:9876 ${only:+-only "$only"}
compose stop -t 30
for s in namesrv broker; do
	code=$(docker inspect -f '{{.State.ExitCode}}' "$(compose ps -q $s)")
	[ "$code" = 0 ] || { echo "$s stopped with exit code $code" >&2; exit 1; }
done
echo "== docker: passed"
