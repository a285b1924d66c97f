"""Flipped bits and other damage in torch's zip files: refused in a line, or without any effect."""

from __future__ import annotations

import os
import random
import zipfile
from pathlib import Path

import pytest
import torch
from torch.serialization import set_crc32_options

from xl_plugins.checkpoints import checksums
from xl_plugins.checkpoints.checksums import find_damage
from xl_plugins.checkpoints.safe_load import DamagedFile, load_restricted
from xl_plugins.errors import UserError, find_user_error


def contents() -> dict:
    generator = torch.Generator().manual_seed(3)
    model = {f"layer.{number}.weight": torch.randn(30, 7, generator=generator) for number in range(4)}
    return {"model": model, "args": None, "optimizer_history": [{"num_updates": 12}], "step": torch.tensor(3)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    torch.save(contents(), tmp_path / "model.pt")
    return tmp_path / "model.pt"


def same(one: dict, other: dict) -> bool:
    rest = [{key: value for key, value in state.items() if key != "model"} for state in (one, other)]
    return (
        rest[0] == rest[1]
        and one["model"].keys() == other["model"].keys()
        and all(torch.equal(value, other["model"][name]) for name, value in one["model"].items())
    )


def flip(path: Path, bit: int) -> None:
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)


def test_a_whole_file(path: Path) -> None:
    assert find_damage(path) is None
    assert same(load_restricted(path), contents())


@pytest.mark.parametrize("seed", range(4))
def test_flipped_bits_are_refused_or_have_no_effect(path: Path, seed: int) -> None:
    """Bits of all regions: tensors, pickle, the records' own headers, the directory at the end."""
    whole = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        directory = archive.start_dir * 8
    draw = random.Random(seed)
    bits = [draw.randrange(directory) for _ in range(50)]
    bits += [draw.randrange(directory, len(whole) * 8) for _ in range(50)]
    passed = 0
    for bit in bits:
        path.write_bytes(whole)
        flip(path, bit)
        for read in (load_restricted, lambda name: load_restricted(name, mmap=checksums.is_zip(name))):
            checksums._verified.clear()
            try:
                state = read(path)
            except UserError as error:
                assert str(path) in str(error) and "\n" not in str(error)
            else:
                passed += 1
                if read is load_restricted:
                    assert same(state, contents()), f"bit {bit}"
    assert passed  # dates and padding mean nothing


def test_every_bit_of_a_tensor_counts(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        info = next(info for info in archive.infolist() if info.filename.endswith("data/2"))
    offset = torch._C.PyTorchFileReader(str(path)).get_record_offset("data/2")
    for bit in (0, 5, info.file_size * 8 - 1):
        flip(path, offset * 8 + bit)
        assert find_damage(path) == "damaged: record 'data/2' does not match its checksum"
        assert find_damage(path, tensors=False) is None
        with pytest.raises(DamagedFile, match=r"model\.pt: damaged: record 'data/2' .*download or save it again"):
            load_restricted(path)
        flip(path, offset * 8 + bit)
    assert find_damage(path) is None


@pytest.mark.parametrize("kept", [0, 1, 100, 0.5, -1])
def test_a_cut_file(path: Path, kept: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content)) if isinstance(kept, float) else kept])
    with pytest.raises(DamagedFile, match="truncated"):
        load_restricted(path)


def test_another_zip_and_other_bytes(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "model.pt", "w") as archive:
        archive.writestr("hello.txt", "hello")
    with pytest.raises(DamagedFile, match="of another kind"):
        load_restricted(tmp_path / "model.pt")
    (tmp_path / "model.pt").write_bytes(os.urandom(5000))
    with pytest.raises(DamagedFile, match="of another kind"):
        load_restricted(tmp_path / "model.pt")


def test_files_without_checksums_are_read(tmp_path: Path) -> None:
    """The old format, and files written with torch's checksums switched off."""
    torch.save(contents(), tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    set_crc32_options(False)
    try:
        torch.save(contents(), tmp_path / "without.pt")
    finally:
        set_crc32_options(True)
    for name in ("old.pt", "without.pt"):
        assert same(load_restricted(tmp_path / name), contents())


def test_a_file_is_read_once_and_again_when_it_changed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[int] = []
    differing = checksums._differing
    monkeypatch.setattr(checksums, "_differing", lambda *given: reads.append(1) or differing(*given))
    checksums._verified.clear()
    load_restricted(path)
    with path.open("rb") as file:
        load_restricted(file)
    os.link(path, path.with_name("checkpoint_best.pt"))
    load_restricted(path.with_name("checkpoint_best.pt"))
    assert len(reads) == 1
    torch.save({**contents(), "step": 4}, path)
    load_restricted(path)
    assert len(reads) == 2


def test_the_line_survives_a_spawned_process() -> None:
    class ProcessRaisedException(Exception):
        pass

    text = "Traceback ...\nxl_plugins.checkpoints.safe_load.DamagedFile: a.pt: damaged: record 'data/0' ...\n"
    assert find_user_error(ProcessRaisedException(text)) == "a.pt: damaged: record 'data/0' ..."
