"""dvc.yaml tells the truth about the code."""

import ast
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
PIPELINE = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]


def imports(path: Path) -> set[Path]:
    """Modules of src that a file imports anywhere, also inside functions."""
    tree = ast.parse(path.read_text())
    names = [n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.level == 1]
    return {path.parent / f"{name}.py" for name in names if name}


def closure(path: Path) -> set[Path]:
    """The file, the package's own module, and all that they import, directly or not."""
    found, queue = set(), [path, path.parent / "__init__.py"]
    while queue:
        if (module := queue.pop()) not in found:
            found.add(module)
            queue.extend(imports(module))
    return found


@pytest.mark.parametrize("stage", PIPELINE)
def test_deps_are_the_import_closure_of_the_stages_module(stage: str) -> None:
    # DVC does not follow imports: a module that is missing here would change without a rerun.
    module = PIPELINE[stage]["cmd"].split()[2]
    path = ROOT / (module.replace(".", "/") + ".py")
    expected = {str(dependency.relative_to(ROOT)) for dependency in closure(path)}
    sources = [dep for dep in PIPELINE[stage]["deps"] if dep.startswith("src/")]
    assert sources == sorted(expected)
