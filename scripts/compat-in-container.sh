#!/bin/sh
# Runs in the compat service of docker-compose.yml: build the scenarios with Maven, run them with the official client 5.5.0.
# compat-in-container.sh NAMESRV [-only a,b]
set -eu
cd /compat
${MVN:-mvn} -q -B -pl client-5.5 process-classes
exec java -cp "client-5.5/target/classes:client-5.5/target/lib/*" skylarkmq.compat.Main -n "$@"
