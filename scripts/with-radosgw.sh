#!/usr/bin/env bash
# Runs a command with an S3 service of its own that has Object Lock: Ceph's radosgw over one monitor and one storage daemon
# that keeps everything in memory, in a temporary directory; stopped and removed afterwards whatever the command did. The
# command finds a bucket's URL in OUTLAST_TEST_S3, and the keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
#
# It starts while the command already runs, because most tests don't need it: a test that does waits for the file that
# OUTLAST_TEST_S3_READY names (it appears when the bucket is there, and holds the reason when it will never be).
set -euo pipefail

if [ $# -eq 0 ]; then
  echo "usage: scripts/with-radosgw.sh COMMAND..." >&2
  exit 2
fi
for program in ceph-mon ceph-osd radosgw radosgw-admin ceph monmaptool; do
  command -v "$program" >/dev/null || { echo "with-radosgw.sh: no $program; run scripts/deps.sh test" >&2; exit 1; }
done

# Not under TMPDIR: a socket's path may have 107 bytes at most.
dir=$(mktemp -d /tmp/outlast-s3.XXXXXX)
starting=
end_daemons() {
  local file pid
  for file in "$1"/*.pid; do
    [ -s "$file" ] || continue
    pid=$(cat "$file")
    kill "$pid" 2>/dev/null || continue
    for _ in $(seq 50); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    kill -9 "$pid" 2>/dev/null || true
  done
  rm -rf "$1"
}
cleanup() {
  local status=$?
  trap - EXIT
  if [ -n "$starting" ]; then kill "$starting" 2>/dev/null || true; wait "$starting" 2>/dev/null || true; fi
  end_daemons "$dir"
  exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
# The daemons have sessions of their own, and no trap runs when this shell is killed outright: then a watcher in another
# session ends them.
setsid bash -c "$(declare -f end_daemons)"'
  tail --pid="$1" -f /dev/null
  [ ! -d "$2" ] || { touch "$2/given-up"; sleep 1; end_daemons "$2"; }' watcher $$ "$dir" </dev/null >/dev/null 2>&1 &

ports=$(python3 -c 'import socket
sockets = [socket.socket() for _ in range(2)]
for s in sockets: s.bind(("127.0.0.1", 0))
print(*[s.getsockname()[1] for s in sockets])')
mon_port=${ports% *} port=${ports#* }

start() {
  local fsid uuid secret id
  fsid=$(cat /proc/sys/kernel/random/uuid) uuid=$(cat /proc/sys/kernel/random/uuid)
  mkdir -p "$dir/osd.0" "$dir/mon.a"
  cat >"$dir/ceph.conf" <<CONF
[global]
fsid = $fsid
mon_host = v1:127.0.0.1:$mon_port/0
mon_initial_members = a
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
public_network = 127.0.0.0/8
auth_cluster_required = cephx
auth_service_required = cephx
auth_client_required = cephx
keyring = $dir/keyring
run_dir = $dir
ms_bind_msgr2 = false
admin_socket = $dir/\$name.asok
log_file = $dir/\$name.log
pid_file = $dir/\$name.pid
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
osd_pool_default_pg_num = 1
osd_pool_default_pg_autoscale_mode = off
mon_max_pg_per_osd = 1000
mon_data_avail_crit = 1
[mon]
mon_data = $dir/mon.a
[osd]
osd_data = $dir/osd.0
osd_objectstore = memstore
memstore_device_bytes = 1073741824
osd_memory_target = 939524096
osd_max_object_name_len = 256
[client.rgw.a]
rgw_frontends = beast endpoint=127.0.0.1:$port
rgw_data = $dir
rgw_enable_apis = s3, admin
CONF
  export CEPH_CONF=$dir/ceph.conf
  ceph-authtool --create-keyring "$dir/keyring" --gen-key -n mon. --cap mon 'allow *'
  ceph-authtool "$dir/keyring" --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *' --cap mds 'allow *'
  monmaptool --create --addv a "v1:127.0.0.1:$mon_port" --fsid "$fsid" "$dir/monmap"
  ceph-mon --mkfs -i a --monmap "$dir/monmap" --keyring "$dir/keyring"
  ceph-mon -i a
  secret=$(ceph-authtool --gen-print-key)
  id=$(echo "{\"cephx_secret\":\"$secret\"}" | ceph --connect-timeout 60 osd new "$uuid" -i -)
  ceph-authtool --create-keyring "$dir/osd.0/keyring" --name "osd.$id" --add-key "$secret"
  CEPH_ARGS="--keyring $dir/osd.0/keyring" ceph-osd -i "$id" --mkfs --osd-uuid "$uuid"
  CEPH_ARGS="--keyring $dir/osd.0/keyring" ceph-osd -i "$id"
  ceph auth get-or-create client.rgw.a mon 'allow rw' osd 'allow rwx' -o "$dir/rgw.keyring"
  radosgw -n client.rgw.a --keyring "$dir/rgw.keyring"
  for _ in $(seq 600); do
    [ ! -e "$dir/given-up" ] || return 1
    curl -so /dev/null "http://127.0.0.1:$port/" && break
    sleep 0.2
  done
  radosgw-admin user create --uid=vault --display-name=vault --access-key="$AWS_ACCESS_KEY_ID" --secret-key="$AWS_SECRET_ACCESS_KEY"
  python3 - "127.0.0.1:$port" worm <<'PYTHON'
"""Makes a bucket with Object Lock: curl of Debian 12 signs S3's requests wrongly, and nothing else at hand signs them."""
import datetime, hashlib, hmac, os, sys, urllib.request
host, bucket = sys.argv[1:]
now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
empty = hashlib.sha256(b"").hexdigest()
headers = {"host": host, "x-amz-bucket-object-lock-enabled": "true", "x-amz-content-sha256": empty, "x-amz-date": now}
names = ";".join(headers)
canonical = f"PUT\n/{bucket}\n\n" + "".join(f"{k}:{v}\n" for k, v in headers.items()) + f"\n{names}\n{empty}"
scope = f"{now[:8]}/us-east-1/s3/aws4_request"
text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
key = ("AWS4" + os.environ["AWS_SECRET_ACCESS_KEY"]).encode()
for part in [now[:8], "us-east-1", "s3", "aws4_request", text]:
    key = hmac.new(key, part.encode(), hashlib.sha256).digest()
credential = f"{os.environ['AWS_ACCESS_KEY_ID']}/{scope}"
headers["authorization"] = f"AWS4-HMAC-SHA256 Credential={credential},SignedHeaders={names},Signature={key.hex()}"
urllib.request.urlopen(urllib.request.Request(f"http://{host}/{bucket}", method="PUT", headers=headers))
PYTHON
}

export AWS_ACCESS_KEY_ID=outlast-test AWS_SECRET_ACCESS_KEY=outlast-test-secret
export OUTLAST_TEST_S3=http://127.0.0.1:$port/worm OUTLAST_TEST_S3_READY=$dir/ready
(
  if start >"$dir/start.log" 2>&1; then echo ready >"$dir/ready.part"; else
    { echo "radosgw did not start:"; tail -n 20 "$dir/start.log"; } >"$dir/ready.part"
  fi
  mv "$dir/ready.part" "$dir/ready"
) &
starting=$!
"$@"
