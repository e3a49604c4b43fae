#!/usr/bin/env bash
# Removes Larder and keeps its data and settings; --purge deletes those, too.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

[[ ${1:-} == "" || ${1:-} == --purge ]] || { say "usage: uninstall.sh [--purge]" >&2 && exit 2; }
require_root
mapfile -t units < <(enabled_services)
units+=(larder.socket)
if has_systemd; then
    systemctl disable --quiet --now "${units[@]}" || true
else
    systemctl disable --quiet --root=/ "${units[@]}" || true
fi
rm -f "$UNITS/larder.socket" "$UNITS/larder@.service" "$UNITS/larder-jobs.service" "$UNITS/larder-streams.service" /usr/local/bin/larder
if has_systemd; then systemctl daemon-reload; fi
rm -rf "$APP"
if [[ ${1:-} == --purge ]]; then
    rm -rf "$DATA" "$ETC"
    if id -u "$ACCOUNT" >/dev/null 2>&1; then userdel "$ACCOUNT"; fi
    say "Larder and its data were deleted."
else
    say "Larder was removed. $DATA, $ETC and the user $ACCOUNT were kept; --purge deletes them, too."
fi
