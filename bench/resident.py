"""What a process holds in memory."""
from pathlib import Path


def megabytes(key, process="self"):
    """A line of the process's status: VmRSS is what it holds, VmHWM the most it ever held."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) / 1024
    return None
