#!/bin/sh
# On boot: finds out which cloud this machine is in, and joins a service of weir as what it is. Stays until it
# is told to end, and leaves then; when the machine dies without a word, its lease ends by itself.
#
#   WEIR_API      the controller: https://weir.example:8480
#   WEIR_TOKEN    of `weir token create --service SERVICE`, when the service is there; or of an admin
#   WEIR_SERVICE  the service to join: web
#   WEIR_PORT     where this machine serves it: 8080
#   WEIR          the program, when it is not on the path
#   WEIR_LEASE    how long it stays when it dies without a word: 10s; absent: 30s
#   WEIR_DRAIN_WAIT  how long it goes on serving when it has left: the TTL of the records; absent: not at all
#   WEIR_VERSION, WEIR_PRIORITY, WEIR_WEIGHT  as the flags of `weir join`
#   WEIR_METADATA_URL  where the cloud tells of this machine, when it is not where it always is
#
# With words, these are the command that serves: it is started, the machine is a member for as long as it
# runs, and it is told to end when the machine has left.
set -eu
weir=${WEIR:-weir}
found=$("$weir" metadata -o env --wait 60s ${WEIR_METADATA_URL:+--metadata-url "$WEIR_METADATA_URL"})
eval "$found"
address=${WEIR_PUBLIC_ADDRESS:-$WEIR_PRIVATE_ADDRESS}
# Machines of several clouds may call themselves the same; none has another's instance.
name=$(printf %s "$WEIR_SERVICE-$WEIR_PORT-$WEIR_INSTANCE" | tr 'A-Z' 'a-z' | tr -c 'a-z0-9-' '-')
name=$(printf %.63s "$name")
if [ $# -gt 0 ]; then set -- -- "$@"; fi
for flag in lease drain-wait version priority weight; do
  variable=WEIR_$(printf %s "$flag" | tr 'a-z-' 'A-Z_')
  eval "value=\${$variable:-}"
  if [ -n "$value" ]; then set -- "--$flag" "$value" "$@"; fi
done
if [ -n "$WEIR_REGION" ]; then set -- --txt "region=$WEIR_REGION" "$@"; fi
set -- --address "$address" --instance "$WEIR_INSTANCE" --txt "provider=$WEIR_PROVIDER" "$@"
exec "$weir" join "$WEIR_SERVICE" --name "$name" --port "$WEIR_PORT" "$@"
