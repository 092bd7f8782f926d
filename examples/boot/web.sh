#!/bin/sh
# User-data, the same for the machines of all clouds: nginx, which joins a service of weir when the machine
# boots, goes on serving for as long as resolvers may still send somebody when it shuts down, and is forgotten
# when it dies. docs/deployment.md fills in these lines.
set -eu
API=https://weir.example:8480
TOKEN=weir_            # of weir token create --service web
CA=                    # what `weir ca | base64 -w0` prints
PACKAGE=               # where weir's Debian package is; empty: the image has it
SHA256=                # of the package
VERSION=1.0            # of what is served
PRIORITY=0             # 1: only those that ask for this version come here, while others serve

export DEBIAN_FRONTEND=noninteractive
if ! command -v nginx >/dev/null; then
  apt-get -qq update
  apt-get -qq install -y nginx curl
fi
if ! command -v weir >/dev/null; then
  curl -fsSLo /tmp/weir.deb "$PACKAGE"
  echo "$SHA256  /tmp/weir.deb" | sha256sum -c
  apt-get -qq install -y /tmp/weir.deb
fi

found=$(weir metadata --wait 60s -o env)  # the network may be on its way up
eval "$found"
rm -f /etc/nginx/sites-enabled/default
cat >/etc/nginx/conf.d/web.conf <<END
server {
  listen 80 default_server;
  location / { return 200 "$WEIR_INSTANCE $WEIR_PROVIDER $WEIR_REGION $VERSION\n"; }
}
END
nginx -qt

# Resolvers keep records for 5 seconds, as weir's domain has them.
umask 077
mkdir -p /etc/weir/join
cat >/etc/weir/join/web.env <<END
WEIR_API=$API
WEIR_CA=/etc/weir/ca.pem
WEIR_TOKEN=$TOKEN
WEIR_SERVICE=web
WEIR_PORT=80
WEIR_VERSION=$VERSION
WEIR_PRIORITY=$PRIORITY
WEIR_LEASE=10s
WEIR_DRAIN_WAIT=6s
END
printf %s "$CA" | base64 -d >/etc/weir/ca.pem
chmod 755 /etc/weir
chmod 644 /etc/weir/ca.pem

if [ -d /run/systemd/system ]; then
  # Who stops nginx, by a shutdown or by hand, stops this before: nginx serves until the machine has left.
  unit=/etc/systemd/system/weir-join@web.service.d
  mkdir -p "$unit"
  printf '[Unit]\nRequires=nginx.service\nAfter=nginx.service\n' >"$unit/nginx.conf"
  systemctl daemon-reload
  systemctl reload-or-restart nginx
  systemctl enable --now --no-block weir-join@web
else
  # A container: this is its first process.
  set -a
  . /etc/weir/join/web.env
  exec /usr/libexec/weir/join nginx -g 'daemon off;'
fi
