#!/usr/bin/env bash
# Installs Larder from this checkout, on Debian or Ubuntu. Running it again adds only what is missing.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage() {
    cat <<END
usage: install.sh [--processes N] [--admin EMAIL] [--thumbnails]

  --processes N   number of server processes (default: 2)
  --admin EMAIL   e-mail address of the first admin (default: admin@example.com); the password is printed once
  --thumbnails    install what draws thumbnails of pictures, too; upgrades keep it

Installs the program in $APP, data in $DATA, settings in $ETC/larder.env, systemd units in $UNITS,
and the command in /usr/local/bin/larder.
END
}

processes=2 admin=admin@example.com thumbnails=
while (($#)); do
    case $1 in
        --processes) processes=${2:?} && shift 2 ;;
        --admin) admin=${2:?} && shift 2 ;;
        --thumbnails) thumbnails=yes && shift ;;
        --help) usage && exit ;;
        *) usage >&2 && exit 2 ;;
    esac
done
[[ $processes =~ ^[1-9][0-9]?$ ]] || die "--processes must be a number from 1 to 99"
require_root
require_python
[[ -f /etc/debian_version ]] || say "This system is neither Debian nor Ubuntu; continuing anyway."

if ! id -u "$ACCOUNT" >/dev/null 2>&1; then
    useradd --system --user-group --home-dir "$DATA" --no-create-home --shell /usr/sbin/nologin "$ACCOUNT"
fi
install -d -m 0700 -o "$ACCOUNT" -g "$ACCOUNT" "$DATA"
install -d -m 0755 "$ETC"
if [[ ! -e $ETC/larder.env ]]; then
    install -m 0640 -g "$ACCOUNT" "$SOURCE/deploy/larder.env" "$ETC/larder.env"
fi
# Larder reads `.env` in its current folder; the services and the command both run in this one.
if [[ ! -L $DATA/.env ]]; then ln -s "$ETC/larder.env" "$DATA/.env"; fi

if [[ -n $(current_release) ]]; then
    release=$(current_release)
    [[ $release == "$APP/releases/$(release_name)" ]] || say "A different release is installed; run deploy/upgrade.sh to change to this one."
else
    release=$(install_release)
    flask_of "$release" db upgrade
    LARDER_ADMIN_EMAIL=$admin flask_of "$release" users first-admin
    switch_to "$release"
fi
if [[ $thumbnails ]] && ! draws_thumbnails "$release"; then
    install_locked "$release" requirements-thumbnails.lock
    chmod -R go=u-w "$release/.venv"
    say "Thumbnails can be declared after: systemctl restart 'larder@*'"
fi
install -m 0755 "$release/deploy/larder" /usr/local/bin/larder
install_units "$release"

services=(larder-jobs.service)
for ((i = 1; i <= processes; i++)); do services+=("larder@$i.service"); done
if has_systemd; then
    systemctl enable --quiet --now larder.socket "${services[@]}" || die "Larder did not start: see journalctl --unit='larder*'"
    say "Larder is running: http://127.0.0.1:8000/docs"
else
    systemctl enable --quiet --root=/ larder.socket "${services[@]}"
    say "systemd is not running here: Larder starts at the next boot."
fi
say "To change settings, edit $ETC/larder.env, then run: systemctl try-restart 'larder@*' larder-jobs larder-streams"
say "For streams of changes, run: systemctl enable --now larder-streams"
say "For a proxy, see $release/deploy/Caddyfile."
say "To check the installation, run: larder doctor"
