#!/usr/bin/env bash
# Sees to it that a tool of the tests is there: need.sh jvm | cc | docker | disk.
# Installs Debian's packages where it may (root, or sudo without a password), and says plainly what to do where it may not.
set -euo pipefail

have() { for tool; do command -v "$tool" >/dev/null || return 1; done; }
java_is_new_enough() { [ "$(java -version 2>&1 | sed -nE 's/.*version "([0-9]+).*/\1/p' | head -1)" -ge 17 ]; }
present() {
	case $1 in
	jvm) have java javac mvn && java_is_new_enough ;;
	cc) have gcc || have cc || have clang ;;
	docker) have dockerd docker ;;
	disk) have strace mkfs.ext4 mkfs.xfs mount fsfreeze fallocate ;;
	esac
}

case ${1:-} in
jvm) packages="openjdk-17-jdk-headless maven" what="a JDK 17 and Maven, for the official Java clients" ;;
cc) packages="gcc libc6-dev" what="a C compiler, for the race detector" ;;
docker) packages="docker.io docker-compose" what="Docker" ;;
disk) packages="strace e2fsprogs xfsprogs mount util-linux" what="strace, ext4, xfs and the tools of disks, for the tests of disks that fail" ;;
*) echo "usage: need.sh jvm|cc|docker|disk" >&2 && exit 2 ;;
esac
if present "$1"; then exit 0; fi

as_root=
if [ "$(id -u)" != 0 ]; then as_root="sudo -n"; fi
if have apt-get && { [ -z "$as_root" ] || sudo -n true 2>/dev/null; }; then
	echo "== installing $packages ($what)"
	export DEBIAN_FRONTEND=noninteractive
	install() { $as_root apt-get install -y -q --no-install-recommends $packages; }
	install >/dev/null 2>&1 || { $as_root apt-get update -q && install; } >/dev/null || true
	if present "$1"; then exit 0; fi
fi
cat >&2 <<EOF
This step needs $what.
  Debian, Ubuntu:  sudo apt-get install $packages
  elsewhere:       your package manager's equivalents of these packages
EOF
exit 1
