#!/bin/sh
# Debian packages that tests need: installs the missing ones when it may, else says what will be skipped.
set -eu

missing=""
while read -r program package; do
    case "$program" in '#'*|'') continue ;; esac
    # shellcheck disable=SC2086
    command -v "$program" >/dev/null 2>&1 || ls -d $program >/dev/null 2>&1 || [ -x "/usr/sbin/$program" ] || missing="$missing $package"
done < "$(dirname "$0")/packages.txt"
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "Not Debian: tests that need these are skipped:$missing"
    exit 0
fi
if [ "$(id -u)" = 0 ]; then
    root=""
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    root="sudo -n"
else
    echo "No right to install packages: tests that need these are skipped:$missing"
    exit 0
fi
echo "Installing for the tests:$missing"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086
$root apt-get update -qq
# shellcheck disable=SC2086
$root apt-get install -y -qq --no-install-recommends $missing >/dev/null
