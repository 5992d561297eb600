#!/usr/bin/env bash
# A real Slurm on this one machine, with GPUs that are only counted:
#   tests/slurm.sh start <folder>    tests/slurm.sh stop <folder>
# As root; its keys, logs and state are in the folder, its settings in /etc/slurm, where
# jobs look for them. Says why and exits with 77 where it cannot be.
set -euo pipefail
state=$(realpath -m "$2")
host=$(hostname -s)
mark="# by tests/slurm.sh of normscope"

cannot() {
    echo "$1"
    exit 77
}

start() {
    [ "$(id -u)" = 0 ] || cannot "Slurm's daemons need root"
    for program in slurmctld slurmd sbatch munged; do
        command -v $program >/dev/null || cannot "$program is not installed"
    done
    if [ -e /etc/slurm/slurm.conf ] && ! grep -q "^$mark" /etc/slurm/slurm.conf; then
        cannot "/etc/slurm/slurm.conf is somebody else's"
    fi
    mkdir -p "$state"/{controller,node} /etc/slurm
    chmod 755 "$state"
    for number in 0 1; do
        mknod "$state/gpu$number" c 1 3
    done
    dd if=/dev/urandom of="$state/munge.key" bs=128 count=1 status=none
    chmod 400 "$state/munge.key"
    cat >/etc/slurm/gres.conf <<END
$mark
NodeName=$host Name=gpu Type=counted File=$state/gpu[0-1]
END
    cat >/etc/slurm/slurm.conf <<END
$mark
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$state/munge.socket,cred_expire=5
StateSaveLocation=$state/controller
SlurmdSpoolDir=$state/node
SlurmctldPidFile=$state/slurmctld.pid
SlurmdPidFile=$state/slurmd.pid
SlurmctldLogFile=$state/slurmctld.log
SlurmdLogFile=$state/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
MailProg=/bin/true
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
SlurmdParameters=config_overrides
EnforcePartLimits=ALL
ReturnToService=2
MinJobAge=3600
KillWait=3
SchedulerParameters=batch_sched_delay=0,sched_min_interval=100000,bf_interval=2
NodeName=$host NodeAddr=127.0.0.1 CPUs=64 Boards=1 SocketsPerBoard=1 CoresPerSocket=64 ThreadsPerCore=1 RealMemory=256000 Gres=gpu:counted:2
PartitionName=cpu Nodes=$host Default=YES DefaultTime=00:10:00
PartitionName=gpu Nodes=$host DefaultTime=00:10:00
END
    munged --force --key-file="$state/munge.key" --socket="$state/munge.socket" \
        --pid-file="$state/munged.pid" --log-file="$state/munged.log" \
        --seed-file="$state/munged.seed"
    slurmctld -c
    slurmd
    for _ in $(seq 100); do
        [ "$(sinfo --noheader --format=%T --partition=cpu 2>/dev/null)" = idle ] && return
        sleep 0.2
    done
    tail -n 20 "$state"/*.log
    exit 1
}

stop() {
    scancel --user=root || true
    for _ in $(seq 100); do
        [ -z "$(squeue --noheader 2>/dev/null)" ] && break
        sleep 0.2
    done
    for daemon in slurmd slurmctld munged; do
        pid=$(cat "$state/$daemon.pid" 2>/dev/null) || continue
        [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = $daemon ] || continue
        kill "$pid"
        while [ -e "/proc/$pid" ]; do sleep 0.1; done
    done
    for file in /etc/slurm/slurm.conf /etc/slurm/gres.conf; do
        if grep -qs "^$mark" $file; then rm $file; fi
    done
}

"$1"
