"""Outlast with three vaults, and the peers: git's own http-backend behind nginx and fcgiwrap, cgit, OpenSSH. All on loopback."""

import getpass
import json
import os
import shutil
import signal
import subprocess
import time
import urllib.request

from measure import Group, tree
from repos import git

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OUTLAST = os.path.join(os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target")), "release", "outlast")

NGINX = """
daemon off; pid {dir}/nginx.pid; error_log {dir}/nginx.log warn; worker_processes 2; {user}
events {{ worker_connections 1024; }}
http {{
  access_log off; gzip off; sendfile on; tcp_nopush on; keepalive_timeout 65; client_max_body_size 0;
  client_body_temp_path {dir}/body; fastcgi_temp_path {dir}/fastcgi; proxy_temp_path {dir}/proxy;
  uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      fastcgi_pass unix:{dir}/fcgi.sock;
      fastcgi_buffering off; fastcgi_request_buffering off; fastcgi_read_timeout 600s;
      fastcgi_param SCRIPT_FILENAME {backend};
      fastcgi_param GIT_PROJECT_ROOT {dir}/repos; fastcgi_param GIT_HTTP_EXPORT_ALL 1;
      fastcgi_param PATH_INFO $uri; fastcgi_param QUERY_STRING $query_string;
      fastcgi_param REQUEST_METHOD $request_method; fastcgi_param CONTENT_TYPE $content_type;
      fastcgi_param CONTENT_LENGTH $content_length; fastcgi_param REMOTE_USER ann; fastcgi_param REMOTE_ADDR $remote_addr;
    }}
  }}
}}
"""


def program(name):
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


class Peer:
    """nginx without compression or buffering, 32 fcgiwrap processes, `git http-backend`."""

    name = "http-backend"

    def __init__(self, directory):
        self.directory, self.address = directory, "127.0.0.1:18417"
        os.makedirs(os.path.join(directory, "repos"))
        backend = os.path.join(subprocess.check_output(["git", "--exec-path"], text=True).strip(), "git-http-backend")
        user = "user root;" if os.geteuid() == 0 else ""
        config = NGINX.format(dir=directory, port=self.address.split(":")[1], backend=backend, user=user)
        with open(os.path.join(directory, "nginx.conf"), "w", encoding="utf-8") as file:
            file.write(config)
        self.group = Group("peer")
        environment = {**os.environ, "HOME": directory, "GIT_CONFIG_NOSYSTEM": "1"}
        commands = (
            [program("fcgiwrap"), "-c", "32", "-s", f"unix:{directory}/fcgi.sock"],
            [program("nginx"), "-p", directory, "-c", f"{directory}/nginx.conf"],
        )
        self.processes = [
            subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, preexec_fn=self.group.enter)
            for command in commands
        ]
        time.sleep(0.5)

    def add(self, name, source):
        """A copy of `source`, as `git gc` left it."""
        target = os.path.join(self.directory, "repos", "ann", name + ".git")
        shutil.copytree(source, target)
        git(target, "config", "http.receivepack", "true")

    def create(self, name):
        target = os.path.join(self.directory, "repos", "ann", name + ".git")
        os.makedirs(target)
        git(target, "init", "-q", "--bare", "-b", "main", ".")
        git(target, "config", "http.receivepack", "true")

    def url(self, name):
        return f"http://{self.address}/ann/{name}.git"

    def cpu_seconds(self):
        return self.group.cpu_seconds([process.pid for process in self.processes])

    def stop(self):
        stop_fcgi(self.processes)
        self.group.close()


CGIT_NGINX = """
daemon off; pid {dir}/nginx.pid; error_log {dir}/nginx.log warn; worker_processes 2; {user}
events {{ worker_connections 1024; }}
http {{
  access_log off; gzip on; gzip_min_length 1000; sendfile on; tcp_nopush on; keepalive_timeout 65; keepalive_requests 100000;
  client_body_temp_path {dir}/body; fastcgi_temp_path {dir}/fastcgi; proxy_temp_path {dir}/proxy;
  uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      fastcgi_pass unix:{dir}/fcgi.sock; fastcgi_read_timeout 600s; fastcgi_buffers 64 64k;
      fastcgi_param SCRIPT_FILENAME {program}; fastcgi_param CGIT_CONFIG {dir}/cgitrc; fastcgi_param HTTP_HOST $host;
      fastcgi_param PATH_INFO $uri; fastcgi_param QUERY_STRING $query_string; fastcgi_param REQUEST_METHOD $request_method;
    }}
  }}
}}
"""


class Cgit:
    """cgit behind nginx and fcgiwrap, as Debian packages them: no cache, no highlighting, pages compressed."""

    name = "cgit"

    def __init__(self, directory, repositories):
        os.makedirs(directory)
        self.directory, self.address = directory, "127.0.0.1:18418"
        user = "user root;" if os.geteuid() == 0 else ""
        port = self.address.split(":")[1]
        config = CGIT_NGINX.format(dir=directory, port=port, program="/usr/lib/cgit/cgit.cgi", user=user)
        lines = ["virtual-root=/", "enable-blame=1", "cache-size=0", "local-time=0"]
        for name, path in repositories.items():
            lines += [f"repo.url={name}", f"repo.path={path}", "repo.defbranch=main"]
        for file_name, text in (("nginx.conf", config), ("cgitrc", "\n".join(lines) + "\n")):
            with open(os.path.join(directory, file_name), "w", encoding="utf-8") as file:
                file.write(text)
        commands = (
            [program("fcgiwrap"), "-c", "4", "-s", f"unix:{directory}/fcgi.sock"],
            [program("nginx"), "-p", directory, "-c", f"{directory}/nginx.conf"],
        )
        self.processes = [
            subprocess.Popen(command, env={**os.environ, "HOME": directory}, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for command in commands
        ]
        time.sleep(0.5)

    def stop(self):
        stop_fcgi(self.processes)


SSHD = """
Port {port}
ListenAddress 127.0.0.1
HostKey {dir}/host
AuthorizedKeysFile {keys}
PermitRootLogin yes
StrictModes no
UsePAM no
PidFile none
AcceptEnv GIT_PROTOCOL
LogLevel ERROR
"""


class Sshd:
    """OpenSSH's server as it is, with nothing turned on or off that a transfer would notice."""

    name = "sshd"

    def __init__(self, directory, keys):
        os.makedirs(directory)
        self.address = "127.0.0.1:18419"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", os.path.join(directory, "host")], check=True)
        config = os.path.join(directory, "sshd_config")
        with open(config, "w", encoding="utf-8") as file:
            file.write(SSHD.format(dir=directory, port=self.address.split(":")[1], keys=keys))
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
        self.group = Group("sshd")
        self.process = subprocess.Popen([program("sshd"), "-D", "-e", "-f", config], preexec_fn=self.group.enter)
        time.sleep(0.5)

    def cpu_seconds(self):
        return self.group.cpu_seconds([self.process.pid])

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.group.close()


def ssh_command(place, key, address):
    """OpenSSH's client as it is, for a server that nobody knows yet."""
    host, port = address.split(":")
    options = ["BatchMode=yes", "StrictHostKeyChecking=no", f"UserKnownHostsFile={place}/known_hosts", "SendEnv=GIT_PROTOCOL", "LogLevel=ERROR"]
    return ["ssh", "-F", "/dev/null", "-i", key, *(f"-o{option}" for option in options), "-p", port, f"{getpass.getuser()}@{host}"]


def stop_fcgi(processes):
    """Ends nginx and fcgiwrap, which leaves its own processes behind when it ends."""
    workers = tree([process.pid for process in processes]) - {process.pid for process in processes}
    for process in reversed(processes):
        process.terminate()
        process.wait()
    for pid in workers & tree([1]):
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            pass


class Outlast:
    """A site and three vaults, each a process of the release build with its data on the same disk."""

    name = "outlast"

    def __init__(self, directory, data="site", vaults=True):
        self.directory = directory
        self.data = os.path.join(directory, data)
        self.vaults, self.vault_processes, self.token = [], [], None
        self.group = Group(f"site-{os.path.basename(directory)}")
        if vaults:
            for name in ("eu", "us", "asia"):
                self._vault(name)
        self._serve()

    def _start(self, arguments, ready, log, enter=None):
        if os.path.exists(ready):
            os.remove(ready)
        with open(log, "ab") as out:
            process = subprocess.Popen(
                [OUTLAST, *arguments], stdin=subprocess.DEVNULL, stdout=out, stderr=out, preexec_fn=enter
            )
        while not os.path.exists(ready):
            if process.poll() is not None:
                with open(log, encoding="utf-8", errors="replace") as file:
                    raise RuntimeError(f"outlast {arguments[0]} ended: {file.read()[-2000:]}")
            time.sleep(0.005)
        with open(ready, encoding="utf-8") as file:
            return process, json.load(file)

    def _vault(self, name):
        place = os.path.join(self.directory, name)
        arguments = ["vault", "serve", "--dir", place, "--name", name, "--listen", "127.0.0.1:0"]
        process, _ = self._start(arguments, os.path.join(place, "listening.json"), place + ".log")
        self.vaults.append(place)
        self.vault_processes.append(process)

    def _serve(self):
        arguments = ["serve", "--data", self.data, "--listen", "127.0.0.1:0", "--ssh-listen", "127.0.0.1:0"]
        if not os.path.exists(self.data):
            for place in self.vaults:
                arguments += ["--vault", os.path.join(place, "site.url")]
        ready = os.path.join(self.data, "listening.json")
        self.site, listening = self._start(arguments, ready, self.data + ".log", self.group.enter)
        self.address, self.ssh = listening["http"], listening["ssh"]
        while True:
            try:
                urllib.request.urlopen(f"http://{self.address}/healthz", timeout=5).read()
                return
            except OSError:
                time.sleep(0.01)

    def restart(self):
        """A new process on the same data, at a new address."""
        self.site.terminate()
        self.site.wait()
        self._serve()

    def command(self, *arguments, typed=""):
        done = subprocess.run([OUTLAST, *arguments, "--data", self.data], input=typed, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"outlast {' '.join(arguments)}: {done.stderr}")
        return done.stdout.strip()

    def user(self):
        self.command("user", "create", "ann", "--email", "ann@example.org")
        scope = "repo:read,repo:write,repo:create,user:read,user:write"
        self.token = self.command("token", "create", "ann", "--scope", scope)

    def create(self, name):
        self.command("repo", "create", f"ann/{name}", "--public")

    def add(self, name, source):
        self.create(name)
        git(source, "push", "-q", self.url(name), "refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*")

    def url(self, name):
        return f"http://ann:{self.token}@{self.address}/ann/{name}.git"

    def pids(self):
        """The site's process; what the vaults cost is in `vault_pids`."""
        return [self.site.pid]

    def cpu_seconds(self):
        """Of the site alone, its git processes included."""
        return self.group.cpu_seconds(self.pids())

    def vault_pids(self):
        return [process.pid for process in self.vault_processes]

    def kill_site(self):
        self.site.send_signal(signal.SIGKILL)
        self.site.wait()

    def stop(self):
        for process in [self.site, *self.vault_processes]:
            if process.poll() is None:
                process.terminate()
                process.wait()
        self.group.close()
