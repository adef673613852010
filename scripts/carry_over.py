"""Carry recorded results over a change that only moves, renames or rewords code.

    python -m scripts.carry_over --since COMMIT

Proves first that the change is one: a short run of each architecture, generate, train and evaluate,
gives the same bytes at COMMIT and at HEAD. Then dvc.lock gets the hashes of the new sources beside
the results that it has, and DVC's run cache what the finished experiments left, so that neither
`dvc repro` nor `dvc exp run` trains again what the old code trained. Without the proof nothing is
written.

HEAD may leave a file in metrics/ that COMMIT does not, such as a table that has only its header
where nobody asks for it: it must be the same for all architectures, and then is one of all results.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Mapping
from contextlib import chdir
from pathlib import Path

import yaml

from src.common.errors import UserError
from src.common.files import ROOT, replacing
from src.common.yaml_1_2 import parse_yaml, read_yaml
from src.params import merged
from src.terminal.cli import Parser, run
from src.terminal.counted import counted

from .verify import QUICK, call, clone, git_repository

# Compiled, as a run of full length is, and with all problems of a small space graded.
SHORT = (
    *QUICK,
    "data.B=99",
    "data.n_samples=4000",
    "evaluation.exhaustive=true",
    "runtime.compile=on",
)
# Where files may be new.
_NEW = "metrics/"
RESULTS = ("data/arithmetic", "models", "metrics")


def results(folder: Path, model: str) -> dict[str, bytes]:
    """What a short run of an architecture leaves: path and content of each file."""
    flags = [word for value in (f"model={model}", *SHORT) for word in ("--set-param", value)]
    call(folder, "dvc", "exp", "run", "--force", *flags)
    files = [path for name in RESULTS for path in sorted((folder / name).rglob("*"))]
    return {str(f.relative_to(folder)): f.read_bytes() for f in files if f.is_file()}


def differences(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> list[str]:
    """The files that are not in both, or not with the same content."""
    return sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))


def prove(workplace: Path, since: str) -> tuple[str, dict[str, bytes]]:
    """See that two commits give the same bytes, and that the recorded results are of the first.

    Returns:
        A line that says so, and the path and content of each file that only the second one leaves.

    Raises:
        UserError: naming the files that differ.
    """
    before, after = clone(workplace / "before"), clone(workplace / "after")
    call(before, "git", "checkout", "--quiet", since)
    status = json.loads(call(before, "dvc", "status", "--json"))
    changes = [each for stage in status.values() for each in stage if isinstance(each, dict)]
    stale = sorted({dep for each in changes for dep in each.get("changed deps", ())})
    if stale := [dep for dep in stale if dep.startswith("src/")]:
        raise UserError(f"{since}: dvc.lock is of other sources: {', '.join(stale)}")
    if sources("HEAD") != sources(since):
        raise UserError(f"HEAD: dvc.lock is of other sources than that of {since}")
    models = list(read_yaml(ROOT / "params.yaml")["models"])
    n_files, added = 0, dict[str, bytes]()
    for i, model in enumerate(models):
        old, new = results(before, model), results(after, model)
        if i == 0:
            added = {name: new[name] for name in new.keys() - old.keys() if name.startswith(_NEW)}
        if differing := differences(old | added, new):
            raise UserError(f"{model}: {since} and HEAD differ in {', '.join(differing)}")
        n_files += len(old)
        print(f"{model}: {len(old)} files of a short run are the same bytes", flush=True)
    said = f"{counted(len(models), 'short run')}, {n_files} files, all identical"
    if added:
        said += f"; new, and the same for all: {', '.join(sorted(added))}"
    return said, added


def sources(revision: str) -> dict[str, str]:
    """The hash of each source that made a revision's results, as its dvc.lock has them.

    None of a revision without one, such as an experiment of another project in the repository.
    """
    name = f"{revision}:./dvc.lock"
    if not call(ROOT, "git", "ls-tree", revision, "dvc.lock"):
        return {}
    lock = parse_yaml(call(ROOT, "git", "show", name), name)
    deps = [dep for stage in lock["stages"].values() for dep in stage.get("deps", ())]
    return {dep["path"]: dep["md5"] for dep in deps if dep["path"].startswith("src/")}


def carry(folder: Path, revision: str, added: Mapping[str, bytes]) -> None:
    """Record a revision's results, which its dvc.lock names, as those of the folder's sources.

    Args:
        folder: a clone of HEAD that shares this repository's cache.
        revision: a commit whose params.yaml, dvc.lock and metrics are taken.
        added: path and content of each file that belongs to the results now.
    """
    from dvc.repo import Repo

    now = read_yaml(folder / "params.yaml")
    call(folder, "git", "checkout", "--quiet", revision, "--", "params.yaml", "dvc.lock", "metrics")
    # With the keys that were added since: a new run of the same values will have them.
    values = merged(now, read_yaml(folder / "params.yaml"))
    (folder / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    for name, content in added.items():
        (folder / name).write_bytes(content)
    # What the cache does not hold, as in a clone that never pulled, stays as dvc.lock has it.
    call(folder, "dvc", "checkout", "--force", "--allow-missing", "--quiet")
    # DVC takes paths of the run cache from where it is called.
    with chdir(folder), Repo() as repo, repo.lock:
        for stage in repo.index.stages:
            whole = all(path.exists for path in (*stage.deps, *stage.outs))
            stage.save(allow_missing=True, run_cache=whole)
            stage.commit(allow_missing=True)
            stage.dump(update_pipeline=False)


def experiments() -> list[str]:
    """The commits of this repository's experiments."""
    # refs/exps/<hash of the commit they started from, in two parts>/<name>; DVC keeps others there.
    pattern = f"refs/exps/{'[0-9a-f]' * 2}/{'[0-9a-f]' * 38}/*"
    return call(ROOT, "git", "for-each-ref", "--format=%(objectname)", pattern).split()


def carry_all(workplace: Path, since: str, added: Mapping[str, bytes]) -> int:
    """Write dvc.lock of HEAD, and the run cache of the experiments that the same sources made.

    Args:
        added: see `carry`; they are written beside the results of HEAD.

    Returns:
        The number of these experiments.
    """
    folder = clone(workplace / "carried")
    cache = call(ROOT, "dvc", "cache", "dir").strip()
    call(folder, "dvc", "cache", "dir", "--local", cache)
    call(folder, "git", "fetch", "--quiet", git_repository(), "refs/exps/*:refs/exps/*")
    made_by = sources(since)
    found = [commit for commit in experiments() if sources(commit) == made_by]
    for commit in found:
        carry(folder, commit, added)
    carry(folder, "HEAD", added)
    for name, content in added.items():
        with replacing(ROOT / name) as temporary:
            temporary.write_bytes(content)
    with replacing(ROOT / "dvc.lock") as temporary:
        shutil.copyfile(folder / "dvc.lock", temporary)
    return len(found)


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = Parser(
        "scripts.carry_over",
        "Carry recorded results over a change of code that is proven to change no byte of them.",
    )
    parser.add_argument("--since", required=True, help="the commit whose code made the results")
    since = vars(parser.parse_args(argv))["since"]
    listed = call(ROOT, "git", "status", "--porcelain", "--untracked-files=no", "--", ".")
    changed = listed.splitlines()
    if [line for line in changed if not line.endswith("dvc.lock")]:
        raise UserError("uncommitted changes: the proof is of commits; commit first")
    try:
        call(ROOT, "git", "rev-parse", "--verify", "--quiet", f"{since}^{{commit}}")
    except UserError:
        raise UserError(f"--since {since}: no such commit") from None
    with tempfile.TemporaryDirectory(prefix="carry-over-") as workplace:
        said, added = prove(Path(workplace), since)
        print(said)
        n = carry_all(Path(workplace), since, added)
    sys.stdout.flush()
    carried = counted(n, "experiment is", "experiments are")
    files = ", ".join(["dvc.lock", *sorted(added)])
    print(f"dvc.lock is of HEAD's sources, and {carried} as well; commit {files}")


if __name__ == "__main__":
    run(main)
