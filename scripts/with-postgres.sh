#!/usr/bin/env bash
# Runs a command with a PostgreSQL of its own: a new cluster in a temporary directory, stopped and removed afterwards
# whatever the command did. The command finds its address in OUTLAST_TEST_POSTGRES.
#
# Nothing here is to survive, so nothing is fsynced. Text sorts by bytes (collation C), as in SQLite.
set -euo pipefail

if [ $# -eq 0 ]; then
  echo "usage: scripts/with-postgres.sh COMMAND..." >&2
  exit 2
fi

# Debian keeps the server's programs off PATH, one folder for each version; the newest is taken.
bin=$(compgen -G '/usr/lib/postgresql/*/bin/initdb' | sort -V | tail -n 1 | xargs -r dirname)
if [ -z "$bin" ]; then
  bin=$(dirname "$(command -v initdb)") || { echo "with-postgres.sh: no initdb; run scripts/deps.sh" >&2; exit 1; }
fi

# PostgreSQL refuses to run as root: it then runs as the package's user, or as nobody.
user=$(id -un)
as_user=()
if [ "$(id -u)" -eq 0 ]; then
  user=$(getent passwd postgres >/dev/null && echo postgres || echo nobody)
  as_user=(setpriv "--reuid=$user" "--regid=$(id -gn "$user")" --clear-groups env "HOME=/tmp")
fi

# Not under TMPDIR: a socket's path may have 107 bytes at most, and the other user must be able to get there.
dir=$(mktemp -d /tmp/outlast-pg.XXXXXX)
started=
cleanup() {
  local status=$?
  trap - EXIT
  if [ -n "$started" ]; then
    (cd "$dir" && "${as_user[@]}" "$bin/pg_ctl" -D "$dir/data" -m immediate -w -t 20 stop >/dev/null 2>&1) || true
  fi
  rm -rf "$dir"
  exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

if [ "$(id -u)" -eq 0 ]; then chown "$user" "$dir"; fi
chmod 0700 "$dir"

(cd "$dir" && "${as_user[@]}" "$bin/initdb" -D "$dir/data" -U outlast -A trust -E UTF8 --locale=C --no-sync >"$dir/initdb.log" 2>&1) || {
  cat "$dir/initdb.log" >&2
  exit 1
}

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# Between choosing a port and binding it another process may take it, hence several tries.
for _ in 1 2 3 4 5; do
  port=$(free_port)
  if (cd "$dir" && "${as_user[@]}" "$bin/pg_ctl" -D "$dir/data" -l "$dir/data/server.log" -w -t 60 start -o "\
      -c listen_addresses=127.0.0.1 -c port=$port -c unix_socket_directories=$dir \
      -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=200" >/dev/null 2>&1); then
    started=yes
    break
  fi
done
if [ -z "$started" ]; then
  cat "$dir/data/server.log" >&2
  exit 1
fi

export OUTLAST_TEST_POSTGRES="postgres://outlast@127.0.0.1:$port/postgres"
"$@"
