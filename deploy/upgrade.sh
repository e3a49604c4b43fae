#!/usr/bin/env bash
# Upgrades the installation to the release in this checkout, one process after the other; rolls back if that fails.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

require_root
require_python
old=$(current_release)
[[ -n $old ]] || die "there is no installation to upgrade; run deploy/install.sh first"
if [[ $old == "$APP/releases/$(release_name)" ]]; then
    say "This release is already installed."
    exit
fi

restart_all() {
    local service
    if ! has_systemd; then return; fi
    systemctl reset-failed 'larder*' 2>/dev/null || true
    while read -r service; do
        # Returns when the process reports that it is ready, or when it takes too long.
        systemctl restart "$service" || return 1
    done < <(enabled_services)
}

go_back() {
    say "The new release did not become ready; rolling back to $(basename "$old")." >&2
    if has_systemd; then journalctl --quiet --no-pager --lines=20 --unit='larder*' >&2 || true; fi
    switch_to "$old"
    install_units "$old"
    restart_all || die "the old release did not become ready either: see journalctl -u 'larder*'; the backup is $backup"
    die "the old release is running again, with all data; the backup made before the upgrade is $backup"
}

backup=$(flask_of "$old" backup create | tail -n 1)
say "Backup: $backup"
new=$(install_release)
say "Installed beside the old release: $(basename "$new")"
# A migration keeps everything that the previous release needs: that release keeps running meanwhile, and a rollback is possible.
flask_of "$new" db upgrade || die "the database could not be migrated; nothing has changed, and the old release is still running"
switch_to "$new"
install -m 0755 "$new/deploy/larder" /usr/local/bin/larder
install_units "$new"
restart_all || go_back

# Keep the latest releases, so that a rollback is possible.
find "$APP/releases" -mindepth 1 -maxdepth 1 -type d ! -path "$new" ! -path "$old" -printf '%T@ %p\n' |
    sort -rn | tail -n +$((KEEP_RELEASES - 1)) | cut -d' ' -f2- | xargs -r rm -rf
say "Larder was upgraded to $(basename "$new")."
