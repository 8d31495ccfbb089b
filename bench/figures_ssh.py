"""The figures of the door over SSH: a clone of a large repository, beside OpenSSH's own server in the same run."""

import os
import shutil
import subprocess
import time

import raw
import repos
from measure import alternately, cpu_of, median
from figures_git import ROUNDS, figure
from repos import ENV, GIT, git
from servers import Outlast, Sshd, ssh_command

SSH_MIB = int(os.environ.get("OUTLAST_BENCH_SSH_MIB", "1024"))


def ssh(scene):
    source = repos.made(scene.kept, f"noise-{SSH_MIB}", repos.noise(SSH_MIB))
    place = os.path.join(scene.work, "ssh")
    os.makedirs(place)
    key = os.path.join(place, "key")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    os.makedirs(os.path.join(place, "outlast"))
    ours, peer = Outlast(os.path.join(place, "outlast")), Sshd(os.path.join(place, "sshd"), key + ".pub")
    try:
        ours.user()
        ours.command("key", "add", "ann", key + ".pub")
        ours.create("noise")
        git(source, "push", "-q", ours.url("noise"), "main")
        sides = ((ours, ours.ssh, "ann/noise.git"), (peer, peer.address, source))
        request = raw.fetch_request([git(source, "rev-parse", "main")])
        yield from throughput("clone over SSH", [fetch(place, key, *side[1:], request) for side in sides])
        costs = [lambda side=side: cpu_of(side[0], fetch(place, key, *side[1:], request)) for side in sides]
        spent = list(map(median, alternately(max(3, ROUNDS // 2), *costs)))
        yield figure(f"clone of {SSH_MIB} MiB over SSH: server CPU", *spent, "s", "<= 1.25", 1.25)
        yield from throughput("`git clone` over SSH", [clone(place, key, *side[1:]) for side in sides])
    finally:
        ours.stop()
        peer.stop()


def throughput(name, sides):
    """What both servers send in a second: one clone each that counts for nothing, then turns."""
    for side in sides:
        side()
    speeds = [lambda side=side: SSH_MIB / side() for side in sides]
    results = alternately(ROUNDS, *speeds)
    yield figure(f"{name}, {SSH_MIB} MiB: throughput", *map(median, results), "MiB/s", ">= 0.8", 0.8, at_least=True)


def fetch(place, key, address, path, request):
    """A client that throws away what it gets, so that the servers are what is measured. Gives the seconds it took."""
    command = [*ssh_command(place, key, address), f"git-upload-pack '{path}'"]
    environment = {**ENV, "GIT_PROTOCOL": "version=2"}

    def work():
        started, length = time.monotonic(), 0
        client = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        client.stdin.write(request)
        client.stdin.close()
        while count := client.stdout.readinto(raw.BUFFER):
            length += count
        if client.wait() != 0 or length < SSH_MIB << 20:
            raise RuntimeError(f"only {length} bytes came over SSH (exit status {client.returncode})")
        return time.monotonic() - started

    return work


def clone(place, key, address, path):
    """`git clone`. Gives the seconds it took."""
    command = ssh_command(place, key, address)
    environment = {**ENV, "GIT_SSH_COMMAND": " ".join(command[:-1]), "GIT_SSH_VARIANT": "ssh"}
    target = os.path.join(place, "clone")

    def work():
        shutil.rmtree(target, ignore_errors=True)
        started = time.monotonic()
        url = f"ssh://{command[-1]}/{path.lstrip('/')}"
        subprocess.run([*GIT, "clone", "-q", "--bare", url, target], env=environment, check=True)
        return time.monotonic() - started

    return work
