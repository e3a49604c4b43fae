# Functions and paths for install.sh, upgrade.sh and uninstall.sh.
# shellcheck shell=bash disable=SC2034  # the scripts that source this file use the variables

# A failure within $(…) stops the script, too.
shopt -s inherit_errexit

APP=/opt/larder
DATA=/var/lib/larder
ETC=/etc/larder
UNITS=/etc/systemd/system
ACCOUNT=larder
KEEP_RELEASES=3
PYTHON=${PYTHON:-python3}
SOURCE=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")/..")

say() { printf '%s\n' "$*"; }
die() { printf 'larder: %s\n' "$*" >&2; exit 1; }

require_root() { ((EUID == 0)) || die "run this script as root"; }

require_python() {
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
        die "$PYTHON must be Python 3.11 or newer; to use a different one, run: PYTHON=python3.12 $0"
    "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null ||
        die "$PYTHON cannot create virtual environments; run: apt-get install python3-venv"
}

# Succeed if systemd is running. Units are installed without it, too.
has_systemd() { [[ -d /run/systemd/system ]]; }

# Print the name of the release in $SOURCE: its version and a hash of its content.
release_name() {
    local version content
    version=$(sed -n 's/^VERSION = "\(.*\)"$/\1/p' "$SOURCE/backend/utils/version.py")
    content=$(cd "$SOURCE" && find backend deploy wsgi.py requirements.lock requirements-thumbnails.lock -type f ! -path '*/__pycache__/*' -print0 |
        sort -z | xargs -0 sha256sum | sha256sum | cut -c1-8)
    [[ -n $version ]] || die "$SOURCE is not a release of Larder"
    echo "$version-$content"
}

# Install what a lock file of a release lists into its virtual environment.
install_locked() {
    "$1/.venv/bin/python" -m pip install --quiet --no-cache-dir --require-hashes --no-deps -r "$1/$2" >&2
}

# Succeed if a release has what draws thumbnails.
draws_thumbnails() { "$1/.venv/bin/python" -c 'import PIL' 2>/dev/null; }

# Copy $SOURCE beside the other releases, with its own virtual environment; print the path.
install_release() {
    local release
    release=$APP/releases/$(release_name)
    if [[ ! -e $release/.complete ]]; then
        rm -rf "$release"
        install -d -m 0755 "$APP" "$APP/releases" "$release"
        tar -C "$SOURCE" --exclude=__pycache__ -cf - backend deploy examples wsgi.py requirements.lock requirements-thumbnails.lock README.md CHANGELOG.md LICENSE |
            tar -C "$release" --no-same-owner -xf -
        "$PYTHON" -m venv "$release/.venv"
        install_locked "$release" requirements.lock
        # A new release draws thumbnails if the current one does.
        if draws_thumbnails "$APP/current"; then install_locked "$release" requirements-thumbnails.lock; fi
        "$release/.venv/bin/python" -m pip check >&2
        "$release/.venv/bin/python" -m compileall -q "$release/backend" "$release/wsgi.py"
        chmod -R go=u-w "$release"
        touch "$release/.complete"
    fi
    echo "$release"
}

current_release() { readlink -e "$APP/current" 2>/dev/null || true; }

# Make a release the current one, atomically.
switch_to() {
    ln -sfn "$1" "$APP/.current"
    mv -T "$APP/.current" "$APP/current"
}

# Run `flask …` of a release like the service: with its user, its folder and so its settings.
flask_of() {
    local release=$1
    shift
    (cd "$DATA" && runuser -u "$ACCOUNT" -- "$release/.venv/bin/flask" --app "$release/wsgi.py" "$@")
}

# Install the units of a release if they differ from the installed ones.
install_units() {
    local unit changed=
    for unit in larder.socket larder@.service larder-jobs.service larder-streams.service; do
        if ! cmp -s "$1/deploy/systemd/$unit" "$UNITS/$unit"; then
            install -m 0644 "$1/deploy/systemd/$unit" "$UNITS/$unit"
            changed=1
        fi
    done
    if [[ -n $changed ]] && has_systemd; then systemctl daemon-reload; fi
}

# Print the enabled services, such as larder@1.service.
enabled_services() {
    local unit
    for unit in "$UNITS"/*.wants/larder@*.service "$UNITS"/*.wants/larder-jobs.service "$UNITS"/*.wants/larder-streams.service; do
        if [[ -L $unit ]]; then basename "$unit"; fi
    done | sort -u
}
