"""Plain servers of Subversion, and its client."""

import os
import shutil
import subprocess
import tempfile
import time

PEER_PORT = 18421


class Client:
    """`svn` with what it needs to be let in somewhere."""

    def __init__(self, work, url, password=None, ssh=None):
        self.url = url
        self.command = ["svn", "--non-interactive", "--config-dir", os.path.join(work, "config")]
        if password:
            self.command += ["--no-auth-cache", "--username", "ann", "--password", password]
        self.env = {**os.environ, "LC_ALL": "C.UTF-8", **({"SVN_SSH": ssh} if ssh else {})}

    def seconds(self, *arguments, cwd=None):
        """Seconds that it takes."""
        began = time.perf_counter()
        done = subprocess.run([*self.command, *arguments], cwd=cwd, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"svn {' '.join(arguments)}: {done.stderr.decode()}")
        return time.perf_counter() - began


class Apache:
    """Plain apache2 with mod_dav_svn."""

    def __init__(self, work, repository):
        place = tempfile.mkdtemp(prefix="apache-", dir=work)
        hashed = subprocess.check_output(["openssl", "passwd", "-apr1", "secret"], text=True).strip()
        modules = "mpm_event authn_core authn_file auth_basic authz_core authz_user dav dav_svn".split()
        lines = [f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so" for name in modules]
        lines += [f"ServerRoot {place}", f"PidFile {place}/pid", f"DefaultRuntimeDir {place}", f"ErrorLog {place}/log"]
        lines += [f"Listen 127.0.0.1:{PEER_PORT}", "ServerName localhost", f"Mutex fcntl:{place} default", "LogLevel error"]
        lines += ["KeepAlive On", "MaxKeepAliveRequests 0", "<Location /svn>", "DAV svn", f"SVNPath {repository}", "AuthType Basic"]
        lines += ["AuthName svn", f"AuthUserFile {place}/users", "Require valid-user", "</Location>"]
        if os.geteuid() == 0:
            lines += ["User www-data", "Group www-data"]
            subprocess.run(["chown", "-R", "www-data:www-data", repository, place], check=True)
        for name, text in (("httpd.conf", "\n".join(lines) + "\n"), ("users", f"ann:{hashed}\n")):
            with open(os.path.join(place, name), "w", encoding="utf-8") as file:
                file.write(text)
        # The directories above are their maker's alone; the server is somebody else.
        above = place
        while (above := os.path.dirname(above)) != "/":
            if os.stat(above).st_uid == os.geteuid() and not os.stat(above).st_mode & 0o001:
                os.chmod(above, 0o755)
        self.process = subprocess.Popen(["/usr/sbin/apache2", "-f", os.path.join(place, "httpd.conf"), "-DFOREGROUND"])
        self.client = Client(work, f"http://127.0.0.1:{PEER_PORT}/svn", "secret")
        try:
            first_answer(self.client)
        except RuntimeError:
            self.stop()
            raise

    def stop(self):
        self.process.terminate()
        self.process.wait()


def first_answer(client):
    deadline = time.monotonic() + 20
    while True:
        try:
            return client.seconds("info", client.url)
        except RuntimeError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def copy_of(made, name):
    """The repository again, by its files."""
    target = os.path.join(made.work, name)
    if not os.path.exists(target):
        shutil.copytree(made.plain, target)
    return target


def plain_server(made):
    """mod_dav_svn with a copy of the repository."""
    return Apache(made.work, copy_of(made, "peer-http"))
