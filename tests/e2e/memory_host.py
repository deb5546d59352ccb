"""A host whose daemon is watched for the memory it takes: resident now and at its peak, a disk that is held back for a while."""
import pathlib
import resource
import subprocess

from inputs_host import InputsHost, wait_until

MEMORY = 256 << 20  # what the daemon may have, whatever comes in


def is_traced(task):
    try:
        return "TracerPid:\t0\n" not in (task / "status").read_text()
    except FileNotFoundError:  # a thread has ended meanwhile
        return True


class MemoryHost(InputsHost):
    def __init__(self, test):
        soft, top = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(3000, top), top))
        test.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, top))
        super().__init__()
        test.addCleanup(self.close)
        self.when_done = test.addCleanup

    def peak(self):
        return self._memory("VmHWM")

    def resident(self):
        return self._memory("VmRSS")

    def _memory(self, which):
        lines = pathlib.Path(f"/proc/{self.daemon.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith(which))

    def slow_down(self, how):
        """Until what it returns is called, or the test ends."""
        tracer = subprocess.Popen(["strace", "-qq", "-f", "-p", str(self.daemon.pid), "-o", "/dev/null", "-e",
                                   f"inject={how}"], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def speed_up():
            tracer.terminate()
            tracer.wait(60)
        self.when_done(speed_up)
        threads = pathlib.Path(f"/proc/{self.daemon.pid}/task")
        wait_until(lambda: all(is_traced(task) for task in threads.iterdir()), "strace is attached")
        return speed_up
