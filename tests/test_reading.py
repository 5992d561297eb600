"""A whole file that is in use, or without permission, is not said to be damaged."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from running import ROOT

from normscope import store
from normscope.curvature import decomposition
from normscope.job import BlockedError, UserError
from normscope.networks import conv_net, files
from normscope.resume import State, resumable

PAIRS = {
    "eigenvalues": np.ones(2),
    "eigenvectors": np.eye(2),
    "residual_norms": np.zeros(2),
}


def refuse(number):
    def opened(*arguments, **options):
        raise OSError(number, os.strerror(number))

    return opened


def hdf5_file(folder):
    path = str(folder / "hessian.h5")
    store.write(path, decomposition.LAYOUT, PAIRS, {})
    return path, lambda: store.read(path)


def network_file(folder):
    path = str(folder / "network.pt")
    architecture = conv_net.Architecture((2, 3), classes=3)
    files.save(path, conv_net.build(architecture, torch.Generator()), architecture, {})
    return path, lambda: files.load(path)


def state_file(folder):
    state = State(folder / "network.pt.partial", "me")
    state.save({"epoch": 3})
    return str(state.path), state.load


FILES = (hdf5_file, network_file, state_file)


@pytest.mark.parametrize("make", FILES)
@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.EACCES, r"may not be read; its owner can allow it \(chmod a\+r .*\)"),
        (errno.EPERM, "may not be read"),
        (errno.EAGAIN, "is in use by another program; close it there and run again"),
        (errno.EIO, "cannot be read: Input/output error; mend that and run again"),
        (errno.ESTALE, "cannot be read: Stale file handle"),
        (errno.EMFILE, "cannot be read: Too many open files"),
        (errno.ENOENT, "is not there; run again"),
    ],
)
def test_what_hinders_reading_is_said_and_the_file_kept(
    tmp_path, monkeypatch, make, number, message
):
    path, read = make(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(h5py, "File", refuse(number))
        patch.setattr("builtins.open", refuse(number))
        with pytest.raises(BlockedError, match=f"{path} {message}") as refusal:
            read()
    assert "delete" not in str(refusal.value)
    assert "\n" not in str(refusal.value)
    read()


def test_a_file_that_a_notebook_has_open_is_in_use(tmp_path):
    path, read = hdf5_file(tmp_path)
    program = f"import h5py; f = h5py.File({path!r}, 'r+'); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as notebook:
        notebook.stdout.readline()
        with pytest.raises(BlockedError, match=f"{path} is in use by another program"):
            read()
        notebook.communicate(b"\n")
    read()


def test_another_users_file_is_without_permission(tmp_path):
    """Really, where this user may become another one."""
    if os.getuid() != 0:
        pytest.skip("only root may read as somebody else")
    path, _ = hdf5_file(tmp_path)
    folder = tmp_path
    while folder != folder.parent:
        folder.chmod(folder.stat().st_mode | 0o055)
        folder = folder.parent
    os.chmod(path, 0o600)
    program = (
        "import os, sys; from normscope import store; os.setuid(65534)\n"
        f"try: store.read({path!r})\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(ROOT / "scripts")},
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith(f"BlockedError {path} may not be read"), done.stderr


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_needs_none(tmp_path, monkeypatch, number):
    """As NFS may be; what writes names the file only when it is whole."""
    real = h5py.File

    def opened(*arguments, locking=True, **options):
        if locking:
            refuse(number)()
        return real(*arguments, locking=False, **options)

    monkeypatch.setattr(h5py, "File", opened)
    _, read = hdf5_file(tmp_path)
    arrays, _ = read()
    np.testing.assert_array_equal(arrays["eigenvalues"], PAIRS["eigenvalues"])


NO_MEMORY = (
    RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't"),
    MemoryError("Unable to allocate 9 GiB for an array"),
)


@pytest.mark.parametrize("error", NO_MEMORY)
def test_a_full_memory_is_not_a_damaged_network(tmp_path, monkeypatch, error):
    path, read = network_file(tmp_path)

    def load(*arguments, **options):
        raise error

    monkeypatch.setattr(torch, "load", load)
    with pytest.raises(BlockedError, match=f"{path} does not fit in memory"):
        read()


@pytest.mark.parametrize("content", [b".", b"quick notes", b"M", b"J", b"G", b"K"])
def test_whatever_is_no_network_is_called_damaged(tmp_path, content):
    """Bytes that a pickle's reader takes for commands."""
    path, read = network_file(tmp_path)
    Path(path).write_bytes(content)
    with pytest.raises(UserError, match=f"{path} is not a network of this version"):
        read()


@pytest.fixture
def nothing_opens(monkeypatch):
    """Let no file be opened from when it is called on."""
    return lambda: monkeypatch.setattr("builtins.open", refuse(errno.EACCES))


def go_on(this_job, output):
    with resumable(this_job, output) as state:
        state.load()


def test_a_state_that_cannot_be_read_is_kept(job, tmp_path, nothing_opens):
    output = str(tmp_path / "network.pt")
    State(tmp_path / "network.pt.partial", "other").save({"epoch": 3})
    nothing_opens()
    with pytest.raises(BlockedError, match=r"network\.pt\.partial may not be read"):
        go_on(job("train_network", {}, {"network": output}), output)
    assert (tmp_path / "network.pt.partial").exists()


def test_a_job_names_the_input_that_it_may_not_read(job, tmp_path, nothing_opens):
    data = tmp_path / "data"
    data.write_text("images")
    nothing_opens()
    with pytest.raises(BlockedError, match=f"{data} may not be read"):
        go_on(job("train_network", {"data": str(data)}), str(tmp_path / "network.pt"))
