#!/usr/bin/env bash
# Clones a repository with JGit, adds a commit, pushes it, clones again and compares.
#
#   jgit_client.sh URL USER TOKEN DIRECTORY
#   jgit_client.sh --installed
#
# JGit is Debian's jgit-cli. Its own starter leaves out two of its libraries and fails, hence the class path here. Exits 77
# where JGit is not installed.
set -euo pipefail
jars=/usr/share/java
[ -e "$jars/org.eclipse.jgit.pgm.jar" ] && command -v java >/dev/null || { echo "no JGit: apt-get install jgit-cli default-jre-headless" >&2; exit 77; }
[ "$1" != --installed ] || exit 0
url=$1 user=$2 token=$3 directory=$4

# JGit keeps its configuration and looks for passwords in user.home. It has no screen to ask on.
host=${url#*://}
host=${host%%[:/]*}
(umask 077 && echo "machine $host login $user password $token" >"$directory/.netrc")
log=$directory/jgit.log
jgit() {
  java -Djava.awt.headless=true -Duser.home="$directory" -Xmx256m -cp "$jars/*" org.eclipse.jgit.pgm.Main "$@" \
    </dev/null >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
}

jgit clone "$url" "$directory/first"
cd "$directory/first"
git config user.name J
git config user.email j@example.org
before=$(git rev-parse HEAD)
echo "written by JGit" >jgit.txt
jgit add jgit.txt
jgit commit -m "from JGit"
made=$(git rev-parse HEAD)
[ "$made" != "$before" ] || { echo "JGit made no commit" >&2; exit 1; }
jgit push origin HEAD:"$(git symbolic-ref HEAD)"

cd "$directory"
jgit clone "$url" "$directory/second"
cd "$directory/second"
[ "$(git rev-parse HEAD)" = "$made" ] || { echo "the second clone has another HEAD" >&2; exit 1; }
[ "$(git rev-parse HEAD^)" = "$before" ] || { echo "the second clone has another history" >&2; exit 1; }
[ "$(cat jgit.txt)" = "written by JGit" ] || { echo "the second clone has another file" >&2; exit 1; }
git fsck --strict --no-dangling >/dev/null
echo "$made"
