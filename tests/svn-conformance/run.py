"""The network part of Subversion's own command-line tests, through Outlast's door and through plain mod_dav_svn, in one run.

    python3 tests/svn-conformance/run.py [--out DIR] [--front PROGRAM] [--only plain|outlast] [SCRIPT...]

The tests are taken from Debian's source package when this is run (Apache 2.0; none of them is kept here), their helpers are compiled
against Debian's libsvn-dev. Outlast's side is crates/outlast/examples/svn_front.rs: the same door, the same servers behind it and the same
commit gate, in front of the repositories that the tests make for themselves, hooks included. One script at a time.

It succeeds when nothing fails through Outlast, and no fewer tests pass than on plain mod_dav_svn. Results: DIR/results.json.
"""

import argparse
import collections
import glob
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

SCRIPTS = (
    "authz autoprop basic blame cat changelist checkout commit copy dav depth diff export externals history import info "
    "input_validation iprop_authz iprop lock log merge_authz merge_automatic merge_reintegrate merge mergeinfo mod_dav_svn "
    "move prop redirect relocate revert special stat svnmucc svnrdump svnsync svnsync_authz switch trans tree_conflict update wc"
).split()
HELPERS = (
    "tests/cmdline/atomic-ra-revprop-change", "tests/cmdline/entries-dump", "tests/cmdline/lock-helper",
    "tests/libsvn_wc/wc-lock-tester", "tests/libsvn_wc/wc-incomplete-tester",
)  # fmt: skip
LIBRARIES = "svn_client-1 svn_wc-1 svn_ra-1 svn_fs-1 svn_repos-1 svn_delta-1 svn_subr-1 apr-1 aprutil-1".split()
USERS = (("jrandom", "rayjandom"), ("jconstant", "rayjandom"), ("__dumpster__", "__loadster__"), ("JRANDOM", "rayjandom"), ("JCONSTANT", "rayjandom"))
# Tests that run at one time within a script, and how long a script may take.
# Tests of what neither server has.
LEFT_OUT = {("authz_tests.py", "28"): "mod_dontdothat, which Debian does not package"}
INSTANCES = int(os.environ.get("OUTLAST_SVN_CONFORMANCE_INSTANCES", "2"))
SCRIPT_SECONDS_MAX = 3600
# Apache refuses to work as root, and so do some of the tests.
USER = "www-data"
HERE = os.path.dirname(os.path.abspath(__file__))


def run(*command, **more):
    return subprocess.run(command, check=True, **more)


def as_user(command):
    """The command, as somebody who is not root."""
    return ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--", *command] if os.geteuid() == 0 else command


def source(out):
    """Subversion's source, from Debian."""
    found = glob.glob(os.path.join(out, "source", "subversion-*.dir"))
    if found:
        return found[0]
    place = os.path.join(out, "source")
    for name in ("lists/partial", "cache/archives/partial"):
        os.makedirs(os.path.join(place, name), exist_ok=True)
    with open(os.path.join(place, "sources.list"), "w", encoding="utf-8") as file:
        for where in ("debian bookworm", "debian-security bookworm-security"):
            file.write(f"deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/{where} main\n")
    apt = ["apt-get", "-q", "-o", f"Dir::Etc::sourcelist={place}/sources.list", "-o", "Dir::Etc::sourceparts=-"]
    apt += ["-o", f"Dir::State::lists={place}/lists", "-o", f"Dir::Cache={place}/cache"]
    run(*apt, "update", cwd=place)
    run(*apt, "--download-only", "source", "subversion", cwd=place)
    made = os.path.join(place, "subversion-source.dir")
    part = made + ".part"
    run("dpkg-source", "-x", glob.glob(os.path.join(place, "*.dsc"))[0], part, cwd=place, stdout=subprocess.DEVNULL)
    options = ["--without-apxs", "--with-lz4=/usr", "--with-utf8proc=/usr", "--without-berkeley-db", "--without-swig", "--without-jdk"]
    run("./configure", *options, cwd=part, stdout=subprocess.DEVNULL)
    flags = subprocess.check_output(["apr-1-config", "--cflags", "--cppflags", "--includes"], text=True).split()
    for helper in HELPERS:
        name = os.path.join("subversion", helper)
        libraries = [f"-l{library}" for library in LIBRARIES]
        run("cc", "-w", "-Isubversion", "-Isubversion/include", "-I.", *flags, f"{name}.c", "-o", name, *libraries, cwd=part)
    os.rename(part, made)
    return made


def tests_of(source_dir, place):
    """A tree to run tests in: they write beside themselves."""
    shutil.rmtree(place, ignore_errors=True)
    cmdline = os.path.join(place, "subversion/tests/cmdline")
    shutil.copytree(os.path.join(source_dir, "subversion/tests/cmdline"), cmdline)
    shutil.copytree(os.path.join(source_dir, "tools"), os.path.join(place, "tools"))
    os.makedirs(os.path.join(place, "subversion/tests/libsvn_wc"))
    for helper in HELPERS[3:]:
        shutil.copy(os.path.join(source_dir, "subversion", helper), os.path.join(place, "subversion", helper))
    for name in ("svnauthz", "svnauthz-validate"):
        os.symlink(f"/usr/bin/{name}", os.path.join(place, "tools/server-side", name))
    work = os.path.join(cmdline, "svn-test-work")
    for name in ("repositories", "local_tmp", "working_copies"):
        os.makedirs(os.path.join(work, name), exist_ok=True)
    if os.geteuid() == 0:
        run("chown", "-R", f"{USER}:{USER}", place)
    return cmdline


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def plain(cmdline, place, port):
    """Apache with mod_dav_svn, as the tests' authors set it up."""
    with open(os.path.join(place, "users"), "w", encoding="utf-8") as file:
        for name, password in USERS:
            hashed = subprocess.check_output(["openssl", "passwd", "-apr1", password], text=True).strip()
            file.write(f"{name}:{hashed}\n")
    work = os.path.join(cmdline, "svn-test-work")
    modules = "mpm_event authn_core authn_file auth_basic authz_core authz_user alias dav dav_svn authz_svn".split()
    lines = [f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so" for name in modules]
    lines += [f"ServerRoot {place}", f"PidFile {place}/pid", f"DefaultRuntimeDir {place}", f"ErrorLog {place}/error.log"]
    lines += [f"Listen 127.0.0.1:{port}", "ServerName localhost", f"Mutex fcntl:{place} default", "LogLevel error"]
    lines += ["KeepAlive On", "MaxKeepAliveRequests 0", "LimitXMLRequestBody 33554432"]
    for kind, status in (("PERM", "permanent"), ("TEMP", "temp")):
        lines.append(f"RedirectMatch {status} ^/svn-test-work/repositories/REDIRECT-{kind}-(.*)$ /svn-test-work/repositories/$1")
    for location, path in (("repositories", "SVNParentPath"), ("local_tmp/repos", "SVNPath"), ("local_tmp/trojan", "SVNPath")):
        lines += [f"<Location /svn-test-work/{location}>", "DAV svn", f"{path} {work}/{location}", "AuthType Basic"]
        lines += ['AuthName "Subversion Repository"', f"AuthUserFile {place}/users", "Require valid-user"]
        lines += [f"AuthzSVNAccessFile {work}/authz", "</Location>"]
    with open(os.path.join(place, "httpd.conf"), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    return ["/usr/sbin/apache2", "-f", os.path.join(place, "httpd.conf"), "-DFOREGROUND"]


def wait_for(port, process):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError("the server does not listen")


def counted(text):
    counts = collections.Counter()
    failed = []
    for line in text.splitlines():
        found = re.match(r"(PASS|FAIL|XFAIL|XPASS|SKIP): +(\S+) (\d+)", line)
        if found and (found[2], found[3]) in LEFT_OUT:
            counts["LEFT OUT"] += 1
        elif found:
            counts[found[1]] += 1
            if found[1] in ("FAIL", "XPASS"):
                failed.append(line)
    return counts, failed


def suite(server, cmdline, place, port, scripts):
    version = re.search(r"Apache/(\S+)", subprocess.check_output(["/usr/sbin/apache2", "-v"], text=True))[1]
    results = {}
    for script in scripts:
        command = ["python3", f"{script}_tests.py", f"--url=http://localhost:{port}", "--bin=/usr/bin", "--cleanup"]
        command += [f"--tools-bin={place}/tools/server-side", f"--httpd-version={version}"]
        command += ["--parallel", f"--parallel-instances={INSTANCES}"]
        env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": place, "TMPDIR": place}
        began = time.monotonic()
        with open(os.path.join(place, f"{script}.log"), "w+", encoding="utf-8", errors="replace") as log:
            done = subprocess.Popen(as_user(command), cwd=cmdline, env=env, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
            try:
                done.wait(SCRIPT_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                os.killpg(done.pid, signal.SIGKILL)
                done.wait()
            log.seek(0)
            counts, failed = counted(log.read())
        if done.returncode != 0 and not failed and not counts["LEFT OUT"]:
            counts["FAIL"] += 1
            failed.append(f"FAIL: {script}_tests.py ended with {done.returncode}")
        seconds = time.monotonic() - began
        results[script] = {**counts, "seconds": round(seconds, 1), "failed": failed}
        print(f"{server:<8} {script:<18} {dict(counts)} {seconds:.0f} s", *failed, sep="\n   " if failed else " ", flush=True)
    return results


def one(server, source_dir, out, front, scripts):
    """All scripts on one server."""
    place = os.path.join(out, server)
    cmdline = tests_of(source_dir, place)
    port = free_port()
    if server == "plain":
        command = plain(cmdline, place, port)
    else:
        shutil.copy(front, os.path.join(place, "svn_front"))
        command = [os.path.join(place, "svn_front"), f"127.0.0.1:{port}", os.path.join(cmdline, "svn-test-work"), os.path.join(place, "data")]
    if os.geteuid() == 0:
        run("chown", "-R", f"{USER}:{USER}", place)
    with open(os.path.join(out, f"{server}.log"), "w", encoding="utf-8") as log:
        process = subprocess.Popen(as_user(command), cwd=place, stdout=log, stderr=log, env={"PATH": "/usr/sbin:/usr/bin:/bin", "LC_ALL": "C.UTF-8"})
        try:
            wait_for(port, process)
            return suite(server, cmdline, place, port, scripts)
        finally:
            process.terminate()
            process.wait()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", default=os.path.join(HERE, "../../target/svn-conformance"))
    parser.add_argument("--front", default=os.path.join(HERE, "../../target/release/examples/svn_front"))
    parser.add_argument("--only", choices=("plain", "outlast"))
    parser.add_argument("scripts", nargs="*", default=SCRIPTS)
    options = parser.parse_args()
    out = os.path.abspath(options.out)
    os.makedirs(out, exist_ok=True)
    source_dir = source(out)
    servers = [options.only] if options.only else ["plain", "outlast"]
    results = {server: one(server, source_dir, out, options.front, options.scripts) for server in servers}
    path = os.path.join(out, f"results{'-' + options.only if options.only else ''}.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(results, file, indent=1)
    total = {server: collections.Counter() for server in results}
    for server, scripts in results.items():
        for counts in scripts.values():
            total[server].update({key: value for key, value in counts.items() if isinstance(value, int)})
        print(f"{server}: {dict(total[server])}, {sum(counts['seconds'] for counts in scripts.values()):.0f} s")
    if "outlast" in total and total["outlast"]["FAIL"] + total["outlast"]["XPASS"] > 0:
        sys.exit("svn-conformance: something fails through Outlast")
    if len(total) == 2 and total["outlast"]["PASS"] < total["plain"]["PASS"]:
        sys.exit("svn-conformance: fewer pass through Outlast than on plain mod_dav_svn")


if __name__ == "__main__":
    main()
