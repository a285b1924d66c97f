"""Finished blocks of a long job: whole or not there, whatever ended the process that wrote them."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from user_dir_tests.helpers.running.killing import dies_in_call, killed
from xl_plugins.data.binary.blocks import BlockStore, parse_shard
from xl_plugins.errors import UserError
from xl_plugins.output import MARK

STATS = {"eligible": 7, "kept": {"fr": [1, 2]}, "rate": 0.5, "text": "é\n"}


def store(folder: Path, mark: str = "a", count: int = 5) -> BlockStore:
    return BlockStore(str(folder / "work"), mark, count, "xl-augment counterparts")


def content(block: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(block)
    return {"ids": rng.integers(0, 250_002, 3000, dtype=np.int32), "best": rng.random((7, 5)).astype(np.float16)}


def in_child(work: Callable[[], None]) -> int:
    """Exit status of a process of its own that does ``work``; negative: killed by that signal."""
    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    process.join(60)
    assert process.exitcode is not None
    return process.exitcode


def assert_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert list(found) == list(expected)
    for name, array in expected.items():
        assert found[name].dtype == array.dtype and found[name].shape == array.shape
        assert found[name].tobytes() == array.tobytes()


@pytest.mark.parametrize("text, parts", [("1/1", (1, 1)), ("2/4", (2, 4)), ("08/12", (8, 12))])
def test_a_shard_is_part_of_parts(text: str, parts: tuple[int, int]) -> None:
    assert parse_shard(text) == parts


@pytest.mark.parametrize(
    "text", ["", "2", "0/4", "5/4", "1/0", "-1/4", "1/4/2", " 1/4", "1/4\n", "1.0/4", "٢/٤", "a/b"]
)
def test_other_shards_are_refused(text: str) -> None:
    with pytest.raises(UserError, match=r"--shard .*: expected I/N with 1 <= I <= N; the second of four parts is 2/4"):
        parse_shard(text)


@given(count=st.integers(0, 60), parts=st.integers(1, 12))
def test_shards_share_the_blocks_out(count: int, parts: int) -> None:
    shares = [BlockStore("x", "a", count, "c").shard(part, parts) for part in range(1, parts + 1)]
    assert sorted(block for share in shares for block in share) == list(range(count))
    assert all(share == sorted(share) for share in shares)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    assert BlockStore("x", "a", 10, "c").shard(2, 4) == [1, 5, 9]


@settings(deadline=None)
@given(
    arrays=st.dictionaries(
        st.text(max_size=4), hnp.arrays(hnp.scalar_dtypes(), hnp.array_shapes(min_dims=0, min_side=0))
    )
)
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, arrays: dict[str, np.ndarray]) -> None:
    blocks = store(tmp_path_factory.mktemp("b"))
    blocks.write(3, arrays, STATS)
    found, stats = blocks.read(3)
    assert_same(found, arrays)
    assert stats == STATS
    assert blocks.missing(range(5)) == [0, 1, 2, 4]


def test_statistics_may_be_numpys_numbers(tmp_path: Path) -> None:
    blocks = store(tmp_path)
    blocks.write(0, {}, {"eligible": np.int64(3), "rate": np.float64(0.25)})
    assert blocks.read(0) == ({}, {"eligible": 3, "rate": 0.25})


def test_same_content_same_bytes_and_a_block_may_be_written_again(tmp_path: Path) -> None:
    blocks = store(tmp_path)
    blocks.write(0, content(0), STATS)
    first = Path(blocks.path(0)).read_bytes()
    blocks.write(0, content(1), STATS)
    assert_same(blocks.read(0)[0], content(1))
    blocks.write(0, content(0), STATS)
    assert Path(blocks.path(0)).read_bytes() == first
    assert sorted(os.listdir(blocks.folder)) == [MARK, "000000.block"]


@pytest.mark.parametrize("arrays, stats", [({"a": np.array([{}], dtype=object)}, {}), ({}, {"a": object()})])
def test_nothing_is_pickled(tmp_path: Path, arrays: dict, stats: dict) -> None:
    blocks = store(tmp_path)
    with pytest.raises((ValueError, TypeError)):
        blocks.write(0, arrays, stats)
    assert not (tmp_path / "work").exists() and blocks.missing([0]) == [0]


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_a_damaged_block_is_missing(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Cut off anywhere, lengthened, or with one changed byte: to be done again, and never read."""
    blocks = store(tmp_path_factory.mktemp("b"))
    blocks.write(1, {"ids": np.arange(20, dtype=np.int32)}, STATS)
    path = Path(blocks.path(1))
    whole = path.read_bytes()
    position = data.draw(st.integers(0, len(whole) - 1))
    changed = bytes([whole[position] ^ data.draw(st.integers(1, 255))])
    for damaged in (whole[:position], whole + b"\0", whole[:position] + changed + whole[position + 1 :]):
        path.write_bytes(damaged)
        assert blocks.missing([1]) == [1]
        with pytest.raises(UserError, match=r"000001\.block: not a finished block of this job; run xl-augment count"):
            blocks.read(1)
    path.write_bytes(whole)
    assert blocks.missing([1]) == []


def test_blocks_of_another_job_are_missing(tmp_path: Path) -> None:
    """Other mark, other number of blocks (so other rows in each), or a file under another block's name."""
    blocks = store(tmp_path)
    blocks.write(2, content(2), STATS)
    assert store(tmp_path).missing([2]) == []
    assert store(tmp_path, mark="b").missing([2]) == [2]
    assert store(tmp_path, count=6).missing([2]) == [2]
    os.rename(blocks.path(2), blocks.path(4))
    assert blocks.missing(range(5)) == [0, 1, 2, 3, 4]
    Path(blocks.path(0)).mkdir()
    assert blocks.missing([0]) == [0]
    for block in (-1, 5):
        with pytest.raises(ValueError):
            blocks.missing([block])


@pytest.mark.parametrize("when", ["half written", "before the rename"])
def test_killed_while_writing(tmp_path: Path, when: str) -> None:
    """The block of the killed process is missing, those before it are kept, and the work can go on."""

    def work() -> None:
        blocks = store(tmp_path)
        blocks.write(0, content(0), STATS)
        blocks.write(1, content(1), STATS)
        if when == "half written":  # the kernel kills the process at the 5000th of 12,000 bytes
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
        else:
            os.replace = lambda *names: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[assignment]
        blocks.write(1, content(1), STATS)  # again: the one that is there stays whole
        raise AssertionError("not killed")

    assert in_child(work) == -(signal.SIGXFSZ if when == "half written" else signal.SIGKILL)
    blocks = store(tmp_path)
    left = [path.stat().st_size for path in Path(blocks.folder).glob(".*.xl-tmp")]
    assert left == [5000] if when == "half written" else left[0] > 12_000
    assert blocks.missing(range(5)) == [2, 3, 4]
    for block in blocks.missing(range(5)):
        blocks.write(block, content(block), STATS)
    for block in range(5):
        assert_same(blocks.read(block)[0], content(block))
    blocks.remove()
    assert not (tmp_path / "work").exists()
    blocks.remove()


def test_killed_at_any_time(tmp_path: Path) -> None:
    """Whatever has a block's name after a SIGKILL is that block; nothing is written twice when the work goes on."""
    blocks = store(tmp_path, count=200)

    def work() -> None:
        for block in blocks.missing(blocks.shard(1, 1)):
            blocks.write(block, content(block), STATS)

    done, ends = 0, []
    while done < 200:
        process = multiprocessing.get_context("fork").Process(target=work)
        process.start()
        while process.is_alive() and len(list((tmp_path / "work").glob("*.block"))) < min(done + 60, 200):
            time.sleep(0.001)
        process.kill()
        process.join(60)
        ends.append(process.exitcode)
        left = blocks.missing(range(200))
        names = {path.name for path in (tmp_path / "work").glob("*.block")}
        assert names == {f"{block:06d}.block" for block in set(range(200)) - set(left)}
        assert 200 - len(left) > done
        done = 200 - len(left)
    assert ends[0] == -signal.SIGKILL
    assert all(blocks.read(block)[0]["ids"].tolist() == content(block)["ids"].tolist() for block in range(200))


def test_full_disk(tmp_path: Path) -> None:
    """One line for the user, no half file, and finished blocks stay."""
    blocks = store(tmp_path)
    blocks.write(0, content(0), STATS)

    def work() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
        message = (
            r"000001\.block: File too large; free space and run xl-augment counterparts again \(finished blocks are"
        )
        with pytest.raises(UserError, match=message):
            blocks.write(1, content(1), STATS)

    assert in_child(work) == 0
    assert sorted(os.listdir(blocks.folder)) == [MARK, "000000.block"]
    assert blocks.missing([0, 1]) == [1]


def test_one_process_for_each_shard(tmp_path: Path) -> None:
    blocks = store(tmp_path)

    def same() -> None:
        with pytest.raises(
            UserError, match=r"work, shard 1/2: xl-augment counterparts \(process \d+ on .*\) is writing it; wait"
        ):
            with blocks.lock("shard 1/2"):
                pass

    def other() -> None:
        with blocks.lock("shard 2/2"):
            blocks.write(1, content(1), STATS)

    with blocks.lock("shard 1/2"):
        assert in_child(same) == 0
        assert in_child(other) == 0
        same()
    with blocks.lock("shard 1/2"):
        assert blocks.missing([0, 1]) == [0]


def test_a_lock_ends_with_its_process_or_its_work(tmp_path: Path) -> None:
    blocks = store(tmp_path)

    def dies() -> None:
        with blocks.lock("a"):
            os.kill(os.getpid(), signal.SIGKILL)

    assert in_child(dies) == -signal.SIGKILL
    with pytest.raises(RuntimeError):
        with blocks.lock("a"):
            child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(30,))  # has the file as well
            child.start()
            raise RuntimeError
    try:
        with blocks.lock("a"):
            blocks.remove()
            with blocks.lock("a"):  # a new file: the old lock went with its folder
                assert sorted(os.listdir(blocks.folder)) == [".a.xl-lock", MARK]
    finally:
        child.kill()
        child.join(60)


def test_a_lock_on_a_removed_file_is_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process removes the folder just after the file was opened: the lock is taken on a new one."""
    import fcntl

    blocks, flock, calls = store(tmp_path), fcntl.flock, []

    def late(file: object, how: int) -> None:
        if not calls and os.path.exists(f"{blocks.folder}/.a.xl-lock"):
            calls.append(how)
            blocks.remove()
        flock(file, how)  # type: ignore[arg-type]

    monkeypatch.setattr(fcntl, "flock", late)
    with blocks.lock("a"):
        assert os.listdir(blocks.folder).count(".a.xl-lock") == 1
        with pytest.raises(UserError, match=r"work, a: xl-augment counterparts .*is writing it"):
            with blocks.lock("a"):
                pass


def test_a_folder_of_another_in_its_place_stays(tmp_path: Path) -> None:
    blocks = store(tmp_path)
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "mine").write_text("mine")
    blocks.remove()
    for write in (lambda: blocks.write(0, content(0), STATS), lambda: blocks.lock("a").__enter__()):
        with pytest.raises(UserError, match="did not make it, or an earlier version; move it away"):
            write()
    assert os.listdir(tmp_path / "work") == ["mine"]
    (tmp_path / "work").rename(tmp_path / "elsewhere")
    (tmp_path / "work").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="move it away"):
        blocks.write(0, content(0), STATS)
    blocks.remove()
    assert os.listdir(tmp_path / "elsewhere") == ["mine"]


@pytest.mark.parametrize("call", [1, 2, 3, 4])
def test_killed_while_blocks_are_removed(tmp_path: Path, call: int) -> None:
    """The folder is still known as ours, whichever file was the last to go: three blocks, then the mark."""
    blocks = store(tmp_path)
    for block in range(3):
        blocks.write(block, content(block), STATS)

    def work() -> None:
        os.unlink = dies_in_call(call, os.unlink)
        blocks.remove()

    killed(work)
    left = os.listdir(tmp_path / "work")
    assert MARK in left and len(left) == 5 - call
    blocks.write(2, content(2), STATS)
    blocks.remove()
    assert os.listdir(tmp_path) == []


def test_what_others_put_beside_the_blocks_stays(tmp_path: Path) -> None:
    blocks = store(tmp_path)
    blocks.write(0, content(0), STATS)
    (tmp_path / "work" / "notes").mkdir()
    (tmp_path / "work" / "notes" / "thesis.tex").write_text("mine")
    blocks.remove()
    assert sorted(os.listdir(tmp_path / "work")) == [MARK, "notes"]
    assert (tmp_path / "work" / "notes" / "thesis.tex").read_text() == "mine"
    blocks.write(0, content(0), STATS)  # a folder of ours still
    (tmp_path / "work" / "notes" / "thesis.tex").unlink()
    (tmp_path / "work" / "notes").rmdir()
    blocks.remove()
    assert os.listdir(tmp_path) == []
