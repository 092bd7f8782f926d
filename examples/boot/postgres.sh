#!/bin/sh
# On boot of a machine of PostgreSQL: its server, and its membership in the service `postgresql`, as what the
# server says that it is: the primary with priority 10, a replica with 15. So who resolves the service comes
# to the primary while that can serve, and to a replica otherwise. docs/deployment.md
#
#   postgres.sh           a replica of the primary that DNS leads to; waits until there is one. This is for
#                         all boots, also of what was the primary when it died: none becomes it by booting
#   postgres.sh primary   the first primary, where there is no data yet
#
# A replica becomes the primary by `select pg_promote()`, which is an operator's to say; DNS follows.
#
#   WEIR_API, WEIR_CA, WEIR_TOKEN  as for join.sh; the token of `weir token create --service postgresql`
#   WEIR_DNS, WEIR_DOMAIN          a name server of weir (or `system`), and weir's domain
#   PGPASSWORD                     of the user weir, who is superuser and replicates
#   DATA, BIN, AS                  where data is kept, PostgreSQL's programs, and what becomes their user
set -eu
umask 077
DATA=${DATA:-/var/lib/postgresql/weir}
BIN=${BIN:-$(ls -d /usr/lib/postgresql/*/bin | tail -n1)}
AS=${AS-runuser -u postgres --}
export PGUSER=weir PGDATABASE=postgres PGSSLMODE=require PGCONNECT_TIMEOUT=2 PGPASSWORD
export HOME=/nonexistent  # root's own is not for that user
cd /
found=$(weir metadata --wait 60s -o env)  # the network may be on its way up
eval "$found"
address=${WEIR_PUBLIC_ADDRESS:-$WEIR_PRIVATE_ADDRESS}
mine=$(mktemp -d)  # for what is root's: the token, and what the agent is told
agent='' server='' role='' told=''

say() { echo "postgres.sh: $*"; }
ask() { "$BIN/psql" -h "$1" -AtXqc "$2" 2>/dev/null; }
has() { $AS test -e "$DATA/db/$1"; }

# The address of another machine that says of itself that it is the primary.
primary() {
  weir resolve _postgresql._tcp --dns "$WEIR_DNS" --domain "$WEIR_DOMAIN" -o json 2>/dev/null |
    sed -n 's/.*"address": *"\([^"]*\):[0-9]*".*/\1/p' | sort -u |
    while read -r host; do
      if [ "$host" != "$address" ] && [ "$(ask "$host" 'select pg_is_in_recovery()')" = f ]; then
        echo "$host"
        break
      fi
    done
}

make_primary() {
  say "the first primary"
  $AS sh -euc 'mkdir -p "$1"; printf "%s\n" "$PGPASSWORD" >"$1/password"
    "$2/initdb" -D "$1/db" -U weir -A scram-sha-256 --pwfile="$1/password" >/dev/null
    rm "$1/password"; cd "$1/db"
    echo "hostssl all,replication weir all scram-sha-256" >>pg_hba.conf
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 \
      -subj /CN=postgresql -keyout server.key -out server.crt 2>openssl.log' sh "$DATA" "$BIN"
}

# What was here before is kept beside it, for whoever looks for what was never copied.
make_replica() {
  say "a new replica of $1"
  $AS sh -euc 'mkdir -p "$1"; if [ -e "$1/db" ]; then mv "$1/db" "$1/before-$(date +%s)"; fi
    exec "$2/pg_basebackup" -h "$3" -D "$1/db" -R -X stream -c fast' sh "$DATA" "$BIN" "$1"
}

prepare() {
  if [ "${1:-}" = primary ]; then
    if has PG_VERSION; then
      say "there is data in $DATA/db; nobody becomes the primary by booting"
      exit 2
    fi
    make_primary
  elif ! has standby.signal; then
    other=$(primary)
    if [ -z "$other" ]; then say "waits for a primary"; fi
    while [ -z "$other" ]; do
      sleep 0.5
      other=$(primary)
    done
    make_replica "$other"
  fi
}

# The agent watches the file.
join_as() {
  role=$1
  say "is $role"
  cat >"$mine/agent.new" <<END
join:
  apis: ["$WEIR_API"]
  token_file: $mine/token
  ca_file: $WEIR_CA
  lease: 10s
  services:
  - {name: postgresql, port: 5432, address: "$address", endpoint: "postgresql-$WEIR_INSTANCE", priority: $2,
     instance: "$WEIR_INSTANCE", text: ["role=$role", "provider=$WEIR_PROVIDER", "region=$WEIR_REGION"]}
END
  mv "$mine/agent.new" "$mine/agent.yaml"
  if [ -z "$agent" ]; then
    weir agent --config "$mine/agent.yaml" &
    agent=$!
  fi
}

# Leaves, and ends then.
end() {
  told=yes
  if [ -n "$agent" ]; then
    kill "$agent"
    wait "$agent" || true
  fi
  $AS "$BIN/pg_ctl" stop -s -m fast -D "$DATA/db" || true
}

printf '%s\n' "$WEIR_TOKEN" >"$mine/token"
prepare "$@"
$AS "$BIN/postgres" -D "$DATA/db" -c listen_addresses='*' -c unix_socket_directories= -c ssl=on &
server=$!
trap end TERM INT
while [ -z "$told" ] && kill -0 "$server" 2>/dev/null; do
  case $(ask "$address" 'select pg_is_in_recovery()') in
    "f") if [ "$role" != primary ]; then join_as primary 10; fi ;;
    "t") if [ "$role" != replica ]; then join_as replica 15; fi ;;
  esac
  sleep 0.5 &
  wait $! || true
done
if [ -z "$told" ]; then end; fi
rm -rf "$mine"
