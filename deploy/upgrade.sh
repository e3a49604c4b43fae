#!/usr/bin/env bash
# Changes the installation to the release in this checkout, one process after the other, and back if that fails.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

require_root
require_python
old=$(current_release)
[[ -n $old ]] || die "there is no installation to upgrade; deploy/install.sh makes one"
if [[ $old == "$APP/releases/$(release_name)" ]]; then
    say "This release is installed already."
    exit
fi

restart_all() {
    local service
    if ! has_systemd; then return; fi
    systemctl reset-failed 'larder*' 2>/dev/null || true
    while read -r service; do
        # Returns when the process has said that it is ready, or was not in time.
        systemctl restart "$service" || return 1
    done < <(enabled_services)
}

go_back() {
    say "The new release does not become ready; going back to $(basename "$old")." >&2
    if has_systemd; then journalctl --quiet --no-pager --lines=20 --unit='larder*' >&2 || true; fi
    switch_to "$old"
    install_units "$old"
    restart_all || die "and the old one does not either: see journalctl -u 'larder*'; the backup is $backup"
    die "the old release runs again, with all data; the backup from before is $backup"
}

backup=$(flask_of "$old" backup create | tail -n 1)
say "Backup: $backup"
new=$(install_release)
say "Installed beside the old one: $(basename "$new")"
# What a migration does leaves the release before it working: it may go on while this runs, and may come back.
flask_of "$new" db upgrade || die "the database could not be migrated; nothing has changed, the old release runs"
switch_to "$new"
install -m 0755 "$new/deploy/larder" /usr/local/bin/larder
install_units "$new"
restart_all || go_back

# The latest releases stay, to go back to.
find "$APP/releases" -mindepth 1 -maxdepth 1 -type d ! -path "$new" ! -path "$old" -printf '%T@ %p\n' |
    sort -rn | tail -n +$((KEEP_RELEASES - 1)) | cut -d' ' -f2- | xargs -r rm -rf
say "Larder is $(basename "$new") now."
