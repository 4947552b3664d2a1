"""A real Slurm on this machine alone: munged, slurmctld and one slurmd, all in one folder and on loopback."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from helpers.project import PATIENCE

DAEMONS = ("munged", "slurmctld", "slurmd")
CONFIG = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmctldPort={controller_port}
SlurmdPort={node_port}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
SlurmUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_min_interval=0
MpiDefault=none
SlurmdParameters=config_overrides
ReturnToService=2
MinJobAge=3600
KillWait=2
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} Gres=gpu:1 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
PartitionName=short Nodes={host} MaxTime=15 State=UP
PartitionName=minute Nodes={host} MaxTime=1 State=UP
"""


class Slurm:
    """Started with `start`, ended with `stop`; `environment` is what its clients need."""

    def __init__(self, folder: Path, cpus: int = 2, memory: int = 12000) -> None:
        self.folder = folder
        self.host = socket.gethostname().split(".")[0]
        self.environment = {
            "SLURM_CONF": str(folder / "slurm.conf"),
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}:/usr/sbin",
        }
        self._daemons: list[subprocess.Popen] = []
        for name in ("state", "spool", "bin"):
            (folder / name).mkdir(parents=True)
        # Snakemake calls srun without SLURM_CONF, because a real cluster has its configuration in the default place.
        srun = folder / "bin/srun"
        srun.write_text(f'#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec {shutil.which("srun")} "$@"\n')
        srun.chmod(0o755)
        (folder / "slurm.conf").write_text(
            CONFIG.format(
                host=self.host,
                folder=folder,
                cpus=cpus,
                memory=memory,
                controller_port=free_port(),
                node_port=free_port(),
            )
        )
        # No real device: Slurm hands out GPU 0, and CUDA_VISIBLE_DEVICES tells the job so.
        (folder / "gres.conf").write_text(f"NodeName={self.host} Name=gpu Count=1 File=/dev/null\n")

    def start(self) -> None:
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o600)
        self._daemon(
            *("munged", "--foreground", "--force", f"--key-file={key}", f"--socket={self.folder}/munge.socket"),
            *(f"--pid-file={self.folder}/munge.pid", f"--seed-file={self.folder}/munge.seed"),
        )
        self._wait("munged", lambda: (self.folder / "munge.socket").is_socket())
        self._daemon("slurmctld", "-D")
        self._wait("slurmctld", lambda: "is UP" in self.command("scontrol", "ping", check=False))
        self._daemon("slurmd", "-D")
        self._wait("slurmd", lambda: "idle" in self.command("sinfo", "--noheader", "--format=%T", check=False))

    def stop(self) -> None:
        """End every job, then the daemons, whatever state they are in."""
        if len(self._daemons) == len(DAEMONS):
            subprocess.run(
                ["scancel", "--signal=KILL", "--full", "--user=root"],
                env=os.environ | self.environment,
                capture_output=True,
                timeout=PATIENCE,
            )
            time.sleep(1)
        for daemon in reversed(self._daemons):
            daemon.terminate()
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()

    def command(self, *command: str, check: bool = True) -> str:
        """What a Slurm client prints."""
        environment = os.environ | self.environment
        result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE)
        assert not check or result.returncode == 0, result.stderr
        return result.stdout

    def jobs(self, state: str) -> list[str]:
        """Numbers of the jobs in a state."""
        return self.command("squeue", "--noheader", f"--states={state}", "--format=%i").split()

    def job(self, number: str) -> dict[str, str]:
        """Everything that Slurm knows about a job."""
        shown = self.command("scontrol", "show", "job", "--oneliner", number)
        return dict(part.split("=", 1) for part in shown.split() if "=" in part)

    def _daemon(self, *command: str) -> None:
        log = (self.folder / f"{command[0]}.log").open("w")
        self._daemons.append(
            subprocess.Popen(command, env=os.environ | self.environment, stdout=log, stderr=log, cwd=self.folder)
        )
        log.close()

    def _wait(self, name: str, is_up) -> None:
        deadline = time.monotonic() + PATIENCE
        while not is_up():
            log = (self.folder / f"{name}.log").read_text()
            assert self._daemons[-1].poll() is None, f"{name} ended: {log[-2000:]}"
            assert time.monotonic() < deadline, f"{name} is not up after {PATIENCE} s: {log[-2000:]}"
            time.sleep(0.2)


def until(is_so: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.3)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def missing() -> str:
    """Why no Slurm can be started here; empty where it can."""
    absent = [name for name in DAEMONS if not shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")]
    if absent:
        return f"not installed: {', '.join(absent)} (Debian: slurmctld slurmd slurm-client munge)"
    return "" if os.geteuid() == 0 else "starting Slurm needs root"
