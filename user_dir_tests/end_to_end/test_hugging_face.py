"""A folder of Hugging Face in place of files of fairseq: prepared with, trained from, gone on with."""

from __future__ import annotations

import os
from argparse import Namespace
from pathlib import Path

import pytest
import torch

pytest.importorskip("transformers")

from user_dir_tests.conftest import TinySpm
from user_dir_tests.helpers.folders import leave_as_killed
from user_dir_tests.helpers.hub import FAST, SPM, change_config, write_fast, write_folder
from user_dir_tests.helpers.prepare.invented_xnli import write_raw
from user_dir_tests.helpers.prepare.retrieval import make_tatoeba
from user_dir_tests.helpers.running.training import REPO, load, same_parameters, train_here
from xl_plugins.cli import augment, evaluate, prepare, xtune
from xl_plugins.data.binary.layout import load_with_mask
from xl_plugins.errors import UserError
from xl_plugins.huggingface.cached import cached_encoder, check_pieces, hub_folder
from xl_plugins.huggingface.from_hf import from_hf
from xl_plugins.methods.salt.building import model_path
from xl_plugins.models.pretrained import load_language_model

RUN = ["--max-update", "2", "--batch-size", "4", "--update-freq", "1", "--max-length", "40", "--cpu", "--num-workers",
       "0", "--user-dir", str(REPO / "xl_plugins"), "--validate-interval-updates", "1"]  # fmt: skip


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, tiny_spm: TinySpm) -> Path:
    folder = tmp_path_factory.mktemp("hub") / "model"
    write_folder(folder, tiny_spm, "bert", tokenizers=FAST, layer_norm_eps=1e-3)
    return folder


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_raw(tmp_path_factory.mktemp("raw"), rows=12)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, hub: Path, raw: Path) -> Path:
    dest = tmp_path_factory.mktemp("data") / "bin"
    assert prepare.main(["xnli", str(raw), str(dest), "--model", str(hub)]) == 0
    return dest


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.suffix != ".json"
            and path.is_file()}  # fmt: skip


def run(data: Path, save_dir: Path, start: Path | str, *more: str, task: str = "xmixup_sentence_pair") -> list[str]:
    return [str(data), "--task", task, "--restore-file", str(start), "--save-dir", str(save_dir), *RUN, *more]


def test_prepared_as_with_the_converted_files(
    hub: Path, raw: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the folder, by the converted folder, and by its two files; the commands that follow name what was given."""
    from_hf(str(hub), str(tmp_path / "out"))
    out = tmp_path / "out"
    given = {"folder": ["--model", str(out)], "files": ["--spm", str(out / SPM), "--dict", str(out / "dict.txt")]}
    for name, words in given.items():
        capsys.readouterr()
        assert prepare.main(["xnli", str(raw), str(tmp_path / name), *words]) == 0
        assert f"--restore-file {out / 'model.pt'}" in capsys.readouterr().out
        assert files(tmp_path / name) == files(data)
    prepare.main(["xnli", str(raw), str(tmp_path / "hub"), "--model", str(hub)])
    assert f"--restore-file {hub} " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "--model: not given; name the encoder's folder, or its files by --spm and --dict"),
        (["--spm", "x"], "--model: not given; name the encoder's folder"),
        (["--model", "x", "--dict", "y"], "--model: is given with --spm or --dict, which name the same"),
        (["--model", "nothing"], "--model nothing: no such folder"),
    ],
)
def test_mistakes_with_the_tokenizer(raw: Path, tmp_path: Path, words: list[str], line: str) -> None:
    with pytest.raises(UserError) as raised:
        prepare.main(["xnli", str(raw), str(tmp_path / "d"), *words])
    assert str(raised.value).startswith(line) and not (tmp_path / "d").exists()


def test_a_folder_that_is_no_encoders(raw: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds neither a tokenizer"):
        prepare.main(["xnli", str(raw), str(tmp_path / "d"), "--model", str(raw)])


def test_trained_from_the_folder(hub: Path, data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """As from the converted checkpoint, without any size; its weights file names the folder, too; and gone on with."""
    from_hf(str(hub), str(tmp_path / "out"))
    starts = {"file": tmp_path / "out" / "model.pt", "folder": hub, "weights": hub / "model.safetensors"}
    for name, start in starts.items():
        caplog.clear()
        with pytest.MonkeyPatch.context() as patch, caplog.at_level("INFO", "xl_plugins.resuming.restore"):
            train_here(patch, run(data, tmp_path / name, start))
        told = [record.getMessage() for record in caplog.records if "converted to" in record.getMessage()]
        assert len(told) == (name != "file")
        same_parameters(tmp_path / "file" / "checkpoint_last.pt", tmp_path / name / "checkpoint_last.pt")
    model = load(tmp_path / "folder" / "checkpoint_last.pt")["cfg"]["model"]
    assert (model["encoder_embed_dim"], model["layer_norm_eps"], model["max_positions"]) == (24, 1e-3, 64)
    before = os.stat(tmp_path / "folder" / "encoder" / "model.pt").st_mtime_ns
    for name in ("file", "folder"):
        with pytest.MonkeyPatch.context() as patch:
            train_here(patch, [*run(data, tmp_path / name, starts[name]), "--max-update", "3"])
    same_parameters(tmp_path / "file" / "checkpoint_last.pt", tmp_path / "folder" / "checkpoint_last.pt")
    assert os.stat(tmp_path / "folder" / "encoder" / "model.pt").st_mtime_ns == before
    path = str(tmp_path / "folder" / "checkpoint_last.pt")
    assert evaluate.main([str(data), "--path", path, "--split", "valid", "--no-mixup-inference"]) == 0


def test_the_epsilon_reaches_training(hub: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = set()
    init = torch.nn.LayerNorm.forward
    monkeypatch.setattr(torch.nn.LayerNorm, "forward", lambda self, x: (seen.add(self.eps), init(self, x))[1])
    train_here(monkeypatch, run(data, tmp_path / "run", hub, task="xl_sentence_pair"))
    assert seen == {1e-3}


def test_data_of_other_pieces_are_refused(hub: Path, data: Path, tmp_path: Path, tiny_spm: TinySpm) -> None:
    """As many pieces, but in another order: only their names tell."""
    write_folder(tmp_path / "other", tiny_spm, "bert", tokenizers=SPM)
    lines = (data / "dict.txt").read_text().splitlines()
    lines[5], lines[6] = lines[6], lines[5]
    path = tmp_path / "changed"
    path.mkdir()
    for file in data.iterdir():
        if file.name not in ("dict.txt", "checksums.json", "meta.json"):
            (path / file.name).symlink_to(file)
    (path / "dict.txt").write_text("\n".join(lines) + "\n")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(UserError) as raised:
        train_here(patch, run(path, tmp_path / "run", tmp_path / "other"))
    assert f"its pieces are not those of {path}/dict.txt; prepare the data with --model" in str(raised.value)


def test_a_cached_encoder_follows_its_folder(tmp_path: Path, tiny_spm: TinySpm) -> None:
    write_folder(tmp_path / "one", tiny_spm)
    path, made = cached_encoder(str(tmp_path / "one"), str(tmp_path / "run"), "--restore-file")
    assert made and path == str(tmp_path / "run" / "encoder" / "model.pt")
    leave_as_killed(tmp_path / "run" / "encoder", "xl-convert from-hf")
    assert cached_encoder(str(tmp_path / "one"), str(tmp_path / "run"), "--restore-file") == (path, False)
    assert [found.name for found in (tmp_path / "run").iterdir()] == ["encoder"]
    write_folder(tmp_path / "one", tiny_spm, seed=2)  # the folder has changed
    before = load(Path(path))["model"]["encoder.sentence_encoder.embed_tokens.weight"]
    assert cached_encoder(str(tmp_path / "one"), str(tmp_path / "run"), "--restore-file") == (path, True)
    assert not torch.equal(load(Path(path))["model"]["encoder.sentence_encoder.embed_tokens.weight"], before)
    Path(path).unlink()  # made again where it is gone, and where the tokenizer has changed
    assert cached_encoder(str(tmp_path / "one"), str(tmp_path / "run"), "--restore-file") == (path, True)
    write_fast(tmp_path / "one" / FAST, tiny_spm)
    assert cached_encoder(str(tmp_path / "one"), str(tmp_path / "run"), "--restore-file") == (path, True)
    (tmp_path / "mine" / "encoder").mkdir(parents=True)
    (tmp_path / "mine" / "encoder" / "x").touch()
    with pytest.raises(UserError, match=r"^--save-dir .*encoder: xl-convert from-hf did not make it"):
        cached_encoder(str(tmp_path / "one"), str(tmp_path / "mine"), "--restore-file")


def test_a_run_goes_on_with_the_encoder_it_began_with(tmp_path: Path, tiny_spm: TinySpm, data: Path) -> None:
    """Another folder is refused, and the converted one stays as it is."""
    for number in (1, 2):
        write_folder(tmp_path / str(number), tiny_spm, seed=number)
    raw = write_raw(tmp_path / "raw", rows=12)
    prepare.main(["xnli", str(raw), str(tmp_path / "data"), "--model", str(tmp_path / "1")])
    for number, more in ((1, []), (2, ["--max-update", "3"])):
        words = run(tmp_path / "data", tmp_path / "run", tmp_path / str(number), *more, task="xl_sentence_pair")
        with pytest.MonkeyPatch.context() as patch:
            if number == 1:
                train_here(patch, words)
                before = (tmp_path / "run" / "encoder" / "model.pt").read_bytes()
                continue
            with pytest.raises(UserError) as raised:
                train_here(patch, words)
    assert str(raised.value).startswith(f"--restore-file {tmp_path / '2'}: the run in {tmp_path / 'run'} began with")
    assert (tmp_path / "run" / "encoder" / "model.pt").read_bytes() == before


def test_counts_of_a_dictionary_do_not_matter(tmp_path: Path, tiny_spm: TinySpm) -> None:
    write_folder(tmp_path / "one", tiny_spm)
    path, _ = cached_encoder(str(tmp_path / "one"), str(tmp_path / "run"), "--restore-file")
    lines = Path(path).with_name("dict.txt").read_text().replace(" 1\n", " 100\n")
    (tmp_path / "dict.txt").write_text(lines)
    check_pieces(path, tmp_path / "dict.txt", "one", "--restore-file")


@pytest.mark.parametrize("values", [{"hidden_act": "mish"}, {"num_attention_heads": 5}])
def test_a_folder_that_cannot_be_trained_from_prepares_nothing(
    tmp_path: Path, raw: Path, tiny_spm: TinySpm, values: dict
) -> None:
    write_folder(tmp_path / "hub", tiny_spm)
    change_config(tmp_path / "hub", **values)
    with pytest.raises(UserError, match=next(iter(values))):
        prepare.main(["xnli", str(raw), str(tmp_path / "data"), "--model", str(tmp_path / "hub")])
    assert not (tmp_path / "data").exists()


def test_the_weights_file_names_the_folder_for_preparing_too(hub: Path, raw: Path, data: Path, tmp_path: Path) -> None:
    assert prepare.main(["xnli", str(raw), str(tmp_path / "d"), "--model", str(hub / "model.safetensors")]) == 0
    assert files(tmp_path / "d") == files(data)


def test_counterparts_from_the_folder(tmp_path: Path, tiny_spm: TinySpm, raw: Path) -> None:
    """xl-augment by the folder and by the converted file: the same texts; SALT knows the folder as their model."""
    write_folder(tmp_path / "hub", tiny_spm, head="ForMaskedLM")
    from_hf(str(tmp_path / "hub"), str(tmp_path / "out"))
    (tmp_path / "lists").mkdir()
    words = sorted({word for line in tiny_spm.text.read_text().splitlines() for word in line.split()})
    (tmp_path / "lists" / "en.txt").write_text("\n".join(words) + "\n")
    made = []
    for name, path in (("one", tmp_path / "hub"), ("two", tmp_path / "out" / "model.pt")):
        data = tmp_path / name
        prepare.main(["xnli", str(raw), str(data), "--model", str(tmp_path / "hub")])
        options = ["--path", str(path), "--word-lists", str(tmp_path / "lists"), "--languages", "en"]
        assert augment.main(["counterparts", str(data), *options, "--source-threshold", "1e-9"]) == 0
        made.append({file.name: file.read_bytes() for file in (data / "en" / "counterparts" / "en").glob("input?/*")})
    assert made[0] == made[1] and made[0]
    cfg = Namespace(salt_model="", restore_file=str(tmp_path / "hub"), finetune_from_model=None)
    assert model_path(cfg) == str(tmp_path / "hub")
    cfg.salt_model = str(tmp_path / "hub")
    assert model_path(cfg) == str(tmp_path / "hub")


def test_xtune_takes_the_folder(hub: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["xnli", str(data), "--setting", "cross-lingual-transfer", "--restore-file", str(hub), "--save-dir",
             str(tmp_path / "x"), "--dictionaries", str(data), "--dry-run"]  # fmt: skip
    assert xtune.main(words) == 0
    assert f"--restore-file {hub}" in capsys.readouterr().out


def test_commands_that_read_an_encoder_take_the_folder(
    tmp_path: Path, tiny_spm: TinySpm, capsys: pytest.CaptureFixture[str]
) -> None:
    """Retrieval and the language model's counterparts, as from the converted file; other pieces are refused."""
    write_folder(tmp_path / "hub", tiny_spm, head="ForMaskedLM")
    from_hf(str(tmp_path / "hub"), str(tmp_path / "out"))
    raw = make_tatoeba(tmp_path / "tatoeba")
    prepare.main(["tatoeba", str(raw), str(tmp_path / "data"), "--model", str(tmp_path / "hub")])
    assert f"--path {tmp_path / 'hub'}" in capsys.readouterr().out
    tables = []
    for path in (tmp_path / "hub", tmp_path / "out" / "model.pt"):
        assert evaluate.main([str(tmp_path / "data"), "--path", str(path), "--layer", "2"]) == 0
        tables.append(capsys.readouterr().out.splitlines()[1:])  # below its title
    assert tables[0] == tables[1]
    dictionary = load_with_mask(tmp_path / "data" / "dict.txt")
    models = [load_language_model(str(path), dictionary) for path in (tmp_path / "hub", tmp_path / "out" / "model.pt")]
    one, other = (model.state_dict() for model in models)
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
    dictionary.symbols[5], dictionary.symbols[6] = dictionary.symbols[6], dictionary.symbols[5]
    with pytest.raises(UserError, match="its pieces are not those of the data"):
        load_language_model(str(tmp_path / "hub"), dictionary)


def test_what_names_a_folder(hub: Path, tmp_path: Path) -> None:
    assert hub_folder(str(hub)) == hub_folder(str(hub / "model.safetensors")) == str(hub)
    assert hub_folder(str(hub / "config.json")) == hub_folder(str(tmp_path)) == hub_folder(None) == ""
