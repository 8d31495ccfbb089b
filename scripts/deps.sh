#!/usr/bin/env bash
# Installs the Debian packages this project needs beyond Rust. Looks first: where nothing is missing, apt is not called.
#
#   scripts/deps.sh [SET...]
#
# Sets: build  a C compiler, for the C parts of dependencies
#       run    what a running site calls
#       test   the two above, PostgreSQL, an S3 service with Object Lock, a proxy, other Git clients' languages, a browser
#              with its fonts, and the stock tools that vaults are opened with
#       bench  all of that, and what serves the Git pages that the benchmarks compare with
#       conformance  what Subversion's own tests are built and run with
# Without a SET: test.
set -euo pipefail

have_command() { command -v "$1" >/dev/null 2>&1; }
have_header() { [ -e /usr/include/stdio.h ]; }
have_postgres() { have_command initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }
# Debian ships python3 without ensurepip; a venv made without it has no pip.
have_venv() { python3 -c 'import ensurepip, venv' >/dev/null 2>&1; }
have_fonts() { compgen -G '/usr/share/fonts/*/inter/*' >/dev/null; }
have_emoji() { compgen -G '/usr/share/fonts/*/noto/NotoColorEmoji*' >/dev/null; }
have_cgit() { [ -x /usr/lib/cgit/cgit.cgi ]; }
have_nginx() { [ -x /usr/sbin/nginx ]; }
have_apache() { [ -x /usr/sbin/apache2 ]; }
have_mod_svn() { [ -e /usr/lib/apache2/modules/mod_dav_svn.so ]; }
have_jgit() { [ -e /usr/share/java/org.eclipse.jgit.pgm.jar ]; }

have_svnkit() { [ -e /usr/share/svnkit/svnkit-cli.jar ]; }
have_lz4_java() { [ -e /usr/share/java/lz4-java.jar ]; }
have_libsvn() { [ -e /usr/include/subversion-1/svn_client.h ]; }
have_serf() { compgen -G '/usr/include/serf-1/serf.h' >/dev/null; }
have_dev() {
  case "$1" in
    apr1) [ -e /usr/include/apr-1.0/apr.h ] ;;
    aprutil1) [ -e /usr/include/apr-1.0/apu.h ] ;;
    sqlite3 | lz4 | utf8proc) [ -e "/usr/include/$1.h" ] ;;
    zlib) [ -e /usr/include/zlib.h ] ;;
  esac
}

missing=()
# need PACKAGE TEST...: notes the package down when the test fails.
need() {
  local package=$1
  shift
  case " ${missing[*]-} " in *" $package "*) return ;; esac
  "$@" || missing+=("$package")
}

needed_to_build() {
  need gcc have_command cc
  need libc6-dev have_header
}

needed_to_run() {
  need git have_command git
  need gpgv have_command gpgv
  # Without the package apache2: no service is made of it.
  need subversion have_command svnadmin
  need apache2-bin have_apache
  need libapache2-mod-svn have_mod_svn
}

needed_to_test() {
  need openssh-client have_command ssh-keygen
  needed_to_build
  needed_to_run
  need postgresql have_postgres
  need python3-venv have_venv
  need subversion-tools have_command svnauthz
  need svnkit have_svnkit
  need liblz4-java have_lz4_java
  need nodejs have_command node
  need npm have_command npm
  need age have_command age
  need gpg have_command gpg
  need gpg-agent have_command gpg-agent
  need openssl have_command openssl
  need zstd have_command zstd
  need curl have_command curl
  need strace have_command strace
  need nginx-light have_nginx
  need jgit-cli have_jgit
  need default-jre-headless have_command java
  need chromium have_command chromium
  need ceph-mon have_command ceph-mon
  need ceph-osd have_command ceph-osd
  need ceph-common have_command ceph
  need radosgw have_command radosgw
  need fonts-inter have_fonts
  need fonts-noto-color-emoji have_emoji
}

needed_to_bench() {
  needed_to_test
  need fcgiwrap have_command fcgiwrap
  need cgit have_cgit
  need openssh-server have_command sshd
}

needed_for_conformance() {
  needed_to_run
  need dpkg-dev have_command dpkg-source
  need openssl have_command openssl
  need python3 have_command python3
  need subversion-tools have_command svnauthz
  need libsvn-dev have_libsvn
  need libserf-dev have_serf
  for library in apr1 aprutil1 sqlite3 lz4 utf8proc; do need "lib$library-dev" have_dev "$library"; done
  need zlib1g-dev have_dev zlib
}

[ $# -gt 0 ] || set -- test
for set in "$@"; do
  case "$set" in
    build | run | test | bench) "needed_to_$set" ;;
    conformance) needed_for_conformance ;;
    *)
      echo "usage: scripts/deps.sh [build|run|test|bench|conformance]..." >&2
      exit 2
      ;;
  esac
done

if ! have_command cargo; then
  echo "deps.sh: no cargo on PATH. Install Rust first (1.95 or newer, see README.md)." >&2
  exit 1
fi
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! have_command sudo; then
    echo "deps.sh: missing ${missing[*]}; as root: apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
if ! have_command apt-get; then
  echo "deps.sh: this is not a Debian system; install by hand what these packages hold: ${missing[*]}" >&2
  exit 1
fi
echo "deps.sh: installing ${missing[*]}" >&2
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
