"""What the operating system's own accounting says of a server: CPU and memory, its children included."""

import os
import signal
import statistics
import threading
import time

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def _stat(pid):
    """Fields of /proc/PID/stat after the name, or None when the process is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rsplit(") ", 1)[1].split()
    except (OSError, IndexError):
        return None


def tree(pids):
    """The processes and all that descend from them."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (stat := _stat(name)):
            parents.setdefault(int(stat[1]), []).append(int(name))
    found, left = set(), list(pids)
    while left:
        pid = left.pop()
        if pid not in found:
            found.add(pid)
            left.extend(parents.get(pid, []))
    return found


class Group:
    """A control group: the kernel's count, in nanoseconds, of all CPU time that its processes and their children use,
    also those whose parent never asked how they ended (fcgiwrap does not, and /proc would lose them).

    Without the right to make one, /proc has to do; the peer then looks cheaper than it is, and this says so.
    """

    def __init__(self, name):
        self.path = self._usage = None
        for root, file, unit in (("cpuacct", "cpuacct.usage", 1e-9), ("", "cpu.stat", 1e-6)):
            path = os.path.join("/sys/fs/cgroup", root, f"outlast-bench-{os.getpid()}-{name}")
            try:
                os.mkdir(path)
                self._usage, self._unit = os.path.join(path, file), unit
                self.path = path
                self.cpu_seconds([])
                return
            except (OSError, ValueError, IndexError):
                self.close()
        print("  no control group to be had: CPU from /proc, which loses what unwaited-for children used")

    def enter(self):
        """Called in a child before it becomes the server."""
        if self.path:
            with open(os.path.join(self.path, "cgroup.procs"), "w", encoding="ascii") as file:
                file.write("0")

    def cpu_seconds(self, pids):
        """All CPU time so far; of the processes' trees where there is no group."""
        if self.path:
            with open(self._usage, encoding="ascii") as file:
                return int(file.read().replace("usage_usec", "").split()[0]) * self._unit
        stats = [stat for pid in tree(pids) if (stat := _stat(pid))]
        return sum(int(ticks) for stat in stats for ticks in stat[11:15]) / TICK

    def close(self):
        """Ends what still runs in the group, and removes it."""
        if self.path and os.path.isdir(self.path):
            for _ in range(100):
                with open(os.path.join(self.path, "cgroup.procs"), encoding="ascii") as file:
                    left = file.read().split()
                if not left:
                    break
                for pid in left:
                    try:
                        os.kill(int(pid), signal.SIGKILL)
                    except ProcessLookupError:
                        pass
                time.sleep(0.02)
            os.rmdir(self.path)
        self.path = None


def rss_mib(pids):
    """Resident memory now."""
    return sum(int(stat[21]) for pid in pids if (stat := _stat(pid))) * PAGE / 2**20


class Meanwhile:
    """Does something again and again while a block runs."""

    def __init__(self, pause):
        self._pause, self._stop = pause, threading.Event()
        self._thread = threading.Thread(target=self._run)

    def once(self):
        raise NotImplementedError

    def _run(self):
        while not self._stop.wait(self._pause):
            self.once()

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()


class PeakMemory(Meanwhile):
    """Samples memory: of the processes themselves, and of everything below them."""

    def __init__(self, pids):
        super().__init__(0.05)
        self.pids, self.own, self.whole = pids, 0.0, 0.0

    def once(self):
        self.own = max(self.own, rss_mib(self.pids))
        self.whole = max(self.whole, rss_mib(tree(self.pids)))


def alternately(rounds, first, second):
    """Runs A B A B ... and gives back the results of each, so that a noisy moment hits both."""
    a, b = [], []
    for number in range(rounds):
        order = ((first, a), (second, b)) if number % 2 == 0 else ((second, b), (first, a))
        for function, results in order:
            results.append(function())
    return a, b


def cpu_of(server, work, times=1):
    """Server CPU seconds that one call of work costs."""
    time.sleep(0.05)
    before = server.cpu_seconds()
    for _ in range(times):
        work()
    time.sleep(0.05)
    return (server.cpu_seconds() - before) / times


def median(values):
    return statistics.median(values)
