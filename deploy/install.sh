#!/usr/bin/env bash
# Installs Larder on Debian or Ubuntu, from this checkout. Running it again changes only what is missing.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage() {
    cat <<END
usage: install.sh [--processes N] [--admin EMAIL]

  --processes N   server processes on the one socket, 2 by default
  --admin EMAIL   the first admin, whose password is made and shown once; admin@example.com by default

Puts the program into $APP, data into $DATA, settings into $ETC/larder.env, units into $UNITS,
and the command line into /usr/local/bin/larder.
END
}

processes=2 admin=admin@example.com
while (($#)); do
    case $1 in
        --processes) processes=${2:?} && shift 2 ;;
        --admin) admin=${2:?} && shift 2 ;;
        --help) usage && exit ;;
        *) usage >&2 && exit 2 ;;
    esac
done
[[ $processes =~ ^[1-9][0-9]?$ ]] || die "--processes wants a number from 1 to 99"
require_root
require_python
[[ -f /etc/debian_version ]] || say "This is neither Debian nor Ubuntu; going on."

if ! id -u "$ACCOUNT" >/dev/null 2>&1; then
    useradd --system --user-group --home-dir "$DATA" --no-create-home --shell /usr/sbin/nologin "$ACCOUNT"
fi
install -d -m 0700 -o "$ACCOUNT" -g "$ACCOUNT" "$DATA"
install -d -m 0755 "$ETC"
if [[ ! -e $ETC/larder.env ]]; then
    install -m 0640 -g "$ACCOUNT" "$SOURCE/deploy/larder.env" "$ETC/larder.env"
fi
# Larder reads `.env` of the folder that it runs in: so do the services, and so does the command line.
if [[ ! -L $DATA/.env ]]; then ln -s "$ETC/larder.env" "$DATA/.env"; fi

if [[ -n $(current_release) ]]; then
    release=$(current_release)
    [[ $release == "$APP/releases/$(release_name)" ]] || say "Another release is installed: deploy/upgrade.sh changes to this one."
else
    release=$(install_release)
    flask_of "$release" db upgrade
    LARDER_ADMIN_EMAIL=$admin flask_of "$release" users first-admin
    switch_to "$release"
fi
install -m 0755 "$release/deploy/larder" /usr/local/bin/larder
install_units "$release"

services=(larder-jobs.service)
for ((i = 1; i <= processes; i++)); do services+=("larder@$i.service"); done
if has_systemd; then
    systemctl enable --quiet --now larder.socket "${services[@]}" || die "does not start: see journalctl --unit='larder*'"
    say "Larder runs: http://127.0.0.1:8000/docs"
else
    systemctl enable --quiet --root=/ larder.socket "${services[@]}"
    say "There is no systemd running here: Larder starts with the next boot."
fi
say "Settings: $ETC/larder.env, then systemctl restart 'larder@*' larder-jobs. Proxy: $release/deploy/Caddyfile."
say "See how it is: larder doctor"
