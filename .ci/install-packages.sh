#!/bin/sh
# Installs Debian packages by purpose, if they are not there yet: sh .ci/install-packages.sh build [quickstart] [test] ...
# Runs apt-get as root, or through sudo; does nothing, and needs neither, where all of them are installed.
set -eu

build="gcc musl-tools libc6-dev cmake ninja-build pkg-config libnng-dev libmbedtls-dev libprotobuf-c-dev protobuf-c-compiler
       libgsl-dev libopenblas-dev libsqlite3-dev libcjson-dev libyaml-dev libpcre2-dev uthash-dev
       libnghttp2-dev libgnutls28-dev libmicrohttpd-dev libcurl4-gnutls-dev libjs-d3"
quickstart="libsvm-tools"
test="libcmocka-dev libsvm-tools curl jq openssl sqlite3 procps git kubernetes-client"
plugins="python3 python3-grpcio python3-protobuf python3-venv python3-pip protobuf-compiler"
lint="clang-format clang-tidy"
fuzz="clang libclang-rt-14-dev"
browser="chromium chromium-driver python3-selenium fonts-dejavu-core"
kubernetes="containerd runc busybox-static iproute2 util-linux openssl"

wanted=
for purpose in "$@"; do
    case $purpose in
    build | quickstart | test | plugins | lint | fuzz | browser | kubernetes) eval "wanted=\"\$wanted \$$purpose\"" ;;
    *) echo "install-packages: no purpose \"$purpose\"" >&2; exit 2 ;;
    esac
done

missing=
for package in $wanted; do
    [ "$package" != kubernetes-client ] || ! command -v kubectl >/dev/null || continue # Kubernetes' own package collides with it
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || { echo "These packages are missing, and there is no sudo:$missing" >&2; exit 1; }
    as_root=sudo
fi
echo "Installing:$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086
if ! { $as_root apt-get update -q && $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing; } >"$log" 2>&1; then
    tail -n 30 "$log" >&2
    echo "install-packages: apt-get could not install:$missing" >&2
    exit 1
fi
