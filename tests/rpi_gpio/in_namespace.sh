#!/bin/sh
# Runs a command where /dev/gpiomem is a register file and /proc/cpuinfo that of a Raspberry Pi 4.
#   unshare --mount tests/rpi_gpio/in_namespace.sh STAGE COMMAND...
# STAGE is an empty folder. Everything is made inside a tmpfs of a private mount namespace and ends with it: the
# machine's own /dev and /proc are never written to.
set -eu
stage=$1
shift
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$stage"
mkdir "$stage/dev" "$stage/dev/shm"
for node in null zero random urandom; do
    : >"$stage/dev/$node"
    mount --bind "/dev/$node" "$stage/dev/$node"
done
truncate -s 4096 "$stage/dev/gpiomem"
printf 'Hardware\t: BCM2711\nRevision\t: c03114\n' >"$stage/cpuinfo"
mount --bind "$stage/cpuinfo" /proc/cpuinfo
mount --rbind "$stage/dev" /dev
exec "$@"
