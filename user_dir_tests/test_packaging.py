"""Packaging, the environment it is tested in, and the scripts that build and check it."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import re
import runpy
import shutil
import stat
import subprocess

import pytest
import setuptools
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

NOT_NEEDED = {"torchaudio"}  # fairseq lists it for its speech tasks; its CUDA build breaks `import transformers` on CPU


@pytest.fixture(scope="module")
def metadata(repo):
    """Arguments of ``setup()``."""
    caught = {}
    before, real = os.getcwd(), setuptools.setup
    os.chdir(repo)
    setuptools.setup = lambda **arguments: caught.update(arguments)
    try:
        runpy.run_path("setup.py")
    finally:
        os.chdir(before)
        setuptools.setup = real
    return caught


def requirements(metadata):
    extras = [line for lines in metadata["extras_require"].values() for line in lines]
    return [Requirement(line) for line in [*metadata["install_requires"], *extras]]


def test_one_fairseq_for_each_python(metadata):
    for version, expected in (
        ("3.9", "fairseq==0.12.2"),
        ("3.10", "fairseq==0.12.2"),
        ("3.11", "fairseq-fixed==0.12.3.1"),
    ):
        chosen = [r for r in requirements(metadata) if r.name.startswith("fairseq")]
        chosen = [r for r in chosen if r.marker.evaluate({"python_version": version})]
        assert [f"{r.name}{r.specifier}" for r in chosen] == [expected]


def test_type_checkers_read_the_package(metadata, repo):
    """PEP 561: without the empty file its types are ignored."""
    assert "py.typed" in metadata["package_data"]["xl_plugins"]
    assert (repo / "xl_plugins" / "py.typed").read_bytes() == b""


def test_console_commands_exist(metadata):
    for line in metadata["entry_points"]["console_scripts"]:
        name, target = line.split(" = ")
        module, function = target.split(":")
        assert name == f"xl-{module.rsplit('.', 1)[1]}"
        assert callable(getattr(importlib.import_module(module), function))


def test_every_folder_with_code_is_packaged(metadata, repo):
    folders = {path.parent for path in (repo / "xl_plugins").rglob("*.py")}
    assert set(metadata["packages"]) == {".".join(folder.relative_to(repo).parts) for folder in folders}
    assert metadata["zip_safe"] is False  # --user-dir needs a folder


def installed_tree(roots):
    """Requirements of ``roots`` and of what they bring, down to the leaves, for this interpreter."""
    seen, queue = {}, list(roots)
    while queue:
        requirement = queue.pop()
        key = (canonicalize_name(requirement.name), frozenset(requirement.extras))
        if key in seen or key[0] in NOT_NEEDED:
            continue
        seen[key] = requirement
        try:
            lines = importlib.metadata.requires(requirement.name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        for line in map(Requirement, lines):
            extras = requirement.extras or {""}
            if line.marker is None or any(line.marker.evaluate({"extra": extra}) for extra in extras):
                queue.append(line)
    return seen.values()


def test_environment_satisfies_all_requirements(metadata):
    """``pip check`` over everything of ours, all extras and their dependencies included."""
    roots = [r for r in requirements(metadata) if r.marker is None or r.marker.evaluate()]
    for requirement in installed_tree(roots):
        version = importlib.metadata.version(requirement.name)
        assert requirement.specifier.contains(version, prereleases=True), f"{requirement} but {version}"


def test_lock_pins_everything_that_is_required(metadata, repo):
    lines = [line for line in (repo / "requirements.lock").read_text().splitlines() if not line.startswith("#")]
    pins = {canonicalize_name(name): version for name, version in (line.split("==") for line in lines)}
    assert not NOT_NEEDED & pins.keys()
    assert lines == sorted(lines, key=str.lower)
    roots = [r for r in requirements(metadata) if r.marker is None or r.marker.evaluate()]
    accelerators = re.compile(r"nvidia-|cuda-|triton")  # of a GPU build of torch, which names exact versions itself
    for requirement in installed_tree(roots):
        name = canonicalize_name(requirement.name)
        if not accelerators.match(name):
            assert requirement.specifier.contains(pins[name], prereleases=True), requirement


def test_fairseq_and_transformers_in_one_process(run_python):
    """transformers imports torchaudio when it finds one, and fails when that is a CUDA build next to torch for CPU."""
    code = (
        "import importlib.util, fairseq.tasks, fairseq.models.roberta; from transformers import XLMRobertaModel; "
        "from transformers.models.auto import modeling_auto; print(importlib.util.find_spec('torchaudio'))"
    )
    done = run_python("-c", code)
    assert (done.code, done.out) == (0, "None\n"), done.err


def test_user_dir_beside_fairseq_is_found_from_any_folder(run_python, repo, tmp_path):
    """As after a plain installation: fairseq looks for ``--user-dir`` in its own folder and beside that."""
    site = tmp_path / "site"
    (site / "fairseq").mkdir(parents=True)
    (site / "xl_plugins").symlink_to(repo / "xl_plugins")
    code = (
        "import os, sys; from argparse import Namespace; from fairseq import utils;"
        " from fairseq.tasks import TASK_REGISTRY;"
        f" os.chdir({str(tmp_path)!r}); utils.__file__ = {str(site / 'fairseq' / 'utils.py')!r};"
        " sys.path = [folder for folder in sys.path if folder];"
        " utils.import_user_module(Namespace(user_dir='xl_plugins'));"
        " print('xl_sentence_pair' in TASK_REGISTRY, sys.modules['xl_plugins'].__file__)"
    )
    done = run_python("-c", code)
    assert done.out == f"True {site / 'fairseq' / '..' / 'xl_plugins' / '__init__.py'}\n", done.err


# --- tools/setup_env.sh -----------------------------------------------------------------------------------------------

FAKE_PYTHON = """#!/usr/bin/env bash
# An interpreter that notes what it is asked to do and fails where $FAIL says so.
if [ "$1 $2" = "-m venv" ]; then mkdir -p "$3/bin" "$3/lib/python3.11/site-packages"; cp "$0" "$3/bin/python"; fi
if [ "$1 $2" = "-m pip" ]; then
    echo "${*:3}" >>"$LOG"
    if [ -n "${FAIL:-}" ] && [[ "$*" == *"$FAIL"* ]]; then exit 1; fi
fi
exit 0
"""


@pytest.fixture
def checkout(tmp_path, repo):
    """A copy of what the set-up reads, under a path with spaces; ``run(**environment)`` runs it with a fake Python."""
    folder = tmp_path / "a path with spaces"
    (folder / "tools").mkdir(parents=True)
    for name in ("requirements.lock", "setup.py", "Makefile", "tools/setup_env.sh"):
        shutil.copy(repo / name, folder / name)
    python = tmp_path / "python"
    python.write_text(FAKE_PYTHON)
    python.chmod(python.stat().st_mode | stat.S_IEXEC)
    log = tmp_path / "pip.log"

    def run(**environment):
        log.write_text("")
        env = {**os.environ, "PYTHON": str(python), "LOG": str(log), **environment}
        env.pop("MAKEFLAGS", None)
        done = subprocess.run(["make", "-C", folder, "setup"], env=env, capture_output=True, text=True)
        return done.returncode, log.read_text().splitlines(), done.stderr

    run.folder = folder
    return run


def test_set_up_installs_in_the_order_that_works(checkout):
    status, pip, _ = checkout()
    assert status == 0
    assert len(pip) == 4
    for name in ("pip==", "torch==2.13.0", "numpy==", "Cython==", "setuptools==", "wheel==", "ninja=="):
        assert name in pip[0]
    assert "fairseq-fixed==0.12.3.1" in pip[1] and "--no-deps --no-build-isolation" in pip[1]
    assert "--no-deps --requirement requirements.lock" in pip[2]
    assert "--no-deps --no-build-isolation --editable ." in pip[3]
    link = checkout.folder / ".venv" / "lib" / "python3.11" / "site-packages" / "xl_plugins"
    assert os.readlink(link) == str(checkout.folder / "xl_plugins")  # for --user-dir xl_plugins from any folder


def test_set_up_is_reused_until_the_lock_changes(checkout):
    assert len(checkout()[1]) == 4
    assert checkout()[:2] == (0, [])
    with (checkout.folder / "requirements.lock").open("a") as lock:
        lock.write("zzz==1\n")
    assert len(checkout()[1]) == 4
    assert checkout()[:2] == (0, [])


@pytest.mark.parametrize("step", ["torch==", "fairseq-fixed==", "--requirement", "--editable"])
def test_interrupted_set_up_is_never_taken_for_a_finished_one(step, checkout):
    status, _, _ = checkout(FAIL=step)
    assert status != 0
    assert not (checkout.folder / ".venv/.complete").exists()
    status, pip, _ = checkout()
    assert (status, len(pip)) == (0, 4)


def test_unsuitable_python_is_refused_in_one_line(checkout):
    status, pip, err = checkout(PYTHON="/bin/false")
    assert (status, pip) == (2, [])  # make's status for a failed recipe
    assert "set-up needs Python 3.11 or 3.12" in err


# --- .ci/run ----------------------------------------------------------------------------------------------------------

FAKE_MAKE = """#!/usr/bin/env bash
echo "$1 XL_DATA=${XL_DATA:-}" >>"$LOG"
[ "$1" != "${FAIL:-}" ]
"""


@pytest.fixture
def ci(tmp_path, repo):
    """``.ci/run`` with a fake make; returns its status, the targets it made, the end of its output."""
    (tmp_path / "checkout/.ci").mkdir(parents=True)
    (tmp_path / "shared/data").mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    shutil.copy(repo / ".ci/run", tmp_path / "checkout/.ci/run")
    (tmp_path / "bin/make").write_text(FAKE_MAKE)
    (tmp_path / "bin/make").chmod(0o755)

    def run(fail=""):
        log = tmp_path / "make.log"
        log.write_text("")
        env = {**os.environ, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "LOG": str(log), "FAIL": fail}
        env.pop("XL_DATA", None)
        done = subprocess.run([tmp_path / "checkout/.ci/run"], env=env, capture_output=True, text=True)
        return done.returncode, log.read_text().splitlines(), done.stdout.split("== summary")[1]

    return run


def test_ci_runs_all_stages_with_real_data_in_the_last(ci, tmp_path):
    status, made, summary = ci()
    targets = [f"{name} XL_DATA=" for name in ("setup", "test", "storm", "test-slow")]
    assert (status, made) == (0, [*targets[:-1], f"{targets[-1]}{tmp_path}/shared/data"])
    assert summary.count("passed") == 4


@pytest.mark.parametrize(("target", "stages"), [("setup", 1), ("test", 4), ("storm", 4), ("test-slow", 4)])
def test_ci_fails_when_a_stage_fails(target, stages, ci):
    status, made, summary = ci(fail=target)
    assert (status, len(made)) == (1, stages)
    assert summary.count("FAILED") == 1
