#!/bin/sh
# Runs its arguments beside a PostgreSQL server of their own, and stops it: sh scripts/with_postgres.sh make test
# The server lives in a temporary folder and listens on a socket in it, so it meets no other one. Where PostgreSQL is
# missing, root gets Debian's package; another user is told to install it.
set -eu

found() { command -v initdb || ls -d /usr/lib/postgresql/*/bin/initdb 2>/dev/null | tail -n 1; }

initdb=$(found) || true
if [ -z "$initdb" ]; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "with_postgres.sh: no initdb; install PostgreSQL's server (Debian: apt-get install postgresql)" >&2
        exit 1
    fi
    settings=/etc/postgresql-common/createcluster.conf
    mkdir -p "$(dirname "$settings")"
    [ -e "$settings" ] || echo "create_main_cluster = false" >"$settings" # no server that nobody asked for
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q >&2
    apt-get install -q -y --no-install-recommends -o Dpkg::Options::=--force-confold postgresql >&2
    initdb=$(found)
fi
bin=$(dirname "$(readlink -f "$initdb")")

work=$(TMPDIR=/tmp mktemp -d)  # short: a socket's path ends at 107 letters
as=""
if [ "$(id -u)" = 0 ]; then  # PostgreSQL refuses to run as root
    user=postgres
    id "$user" >/dev/null 2>&1 || user=nobody
    chown "$user" "$work"
    as="setpriv --reuid=$user --regid=$(id -g "$user") --clear-groups --"
fi
chmod 755 "$work"

stop() {
    trap - EXIT INT TERM HUP
    (cd / && $as "$bin/pg_ctl" -D "$work/data" -m immediate -w stop >/dev/null 2>&1) || true
    rm -rf "$work"
}
trap stop EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# What a test wrote need not outlive the machine, so nothing waits for the disk.
(
    cd /
    $as "$bin/initdb" -D "$work/data" -U postgres --auth=trust --encoding=UTF8 --locale=C --no-sync >"$work/log" 2>&1 &&
        $as "$bin/pg_ctl" -D "$work/data" -l "$work/data/log" -w -t 60 \
            -o "-c listen_addresses='' -c unix_socket_directories='$work' -c fsync=off -c max_connections=50" start \
            >>"$work/log" 2>&1
) || {
    cat "$work/log" "$work/data/log" >&2 || true
    exit 1
}
HYBRID_ROUTER_POSTGRES="postgresql+psycopg://postgres@/postgres?host=$work"
export HYBRID_ROUTER_POSTGRES
"$@"
