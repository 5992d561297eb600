"""A state is used by the job that it was made by, and by no other."""

import pytest
import torch

from normscope.job import BlockedError, UserError
from normscope.resume import State, resumable


@pytest.fixture
def started(job, tmp_path):
    """A job with an input and some settings, and its output."""
    data = tmp_path / "data"
    data.write_text("images")
    output = str(tmp_path / "out.h5")

    def make(**params):
        return job("a_rule", {"data": str(data)}, {"out": output}, params), output

    make.data = data
    make.partial = tmp_path / "out.h5.partial"
    return make


class KilledError(BaseException):
    pass


def save_and_stop(error, started, **params):
    with resumable(*started(**params)) as state:
        assert state.load() is None
        state.save({"epoch": 3, "weights": torch.ones(2)})
        raise error


def kill_after_saving(started, **params):
    with pytest.raises(KilledError):
        save_and_stop(KilledError, started, **params)
    assert started.partial.exists()


def test_a_killed_job_finds_its_state(started):
    kill_after_saving(started, k=5)
    with resumable(*started(k=5)) as state:
        found = state.load()
        assert found["epoch"] == 3
        assert torch.equal(found["weights"], torch.ones(2))
    assert not started.partial.exists()


def test_other_settings_do_not(started):
    kill_after_saving(started, k=5)
    with resumable(*started(k=6)) as state:
        assert state.load() is None


def test_other_inputs_do_not(started):
    kill_after_saving(started, k=5)
    started.data.write_text("other images")
    with resumable(*started(k=5)) as state:
        assert state.load() is None


@pytest.mark.parametrize("content", [b"", b"no state", b"PK\x03\x04 cut"])
def test_a_damaged_state_is_ignored(started, content):
    started.partial.write_bytes(content)
    with resumable(*started(k=5)) as state:
        assert state.load() is None


def test_a_refused_job_leaves_no_state(started):
    with pytest.raises(UserError):
        save_and_stop(UserError("it diverged"), started, k=5)
    assert not started.partial.exists()


def test_a_job_without_room_keeps_its_state(started):
    with pytest.raises(BlockedError):
        save_and_stop(BlockedError("the disk is full"), started, k=5)
    with resumable(*started(k=5)) as state:
        assert state.load()["epoch"] == 3


def test_a_state_runs_no_code(tmp_path):
    class Evil:
        def __reduce__(self):
            return print, ("run",)

    state = State(tmp_path / "out.partial", "me")
    torch.save({"made_by": "me", "state": Evil()}, state.path)
    assert state.load() is None
