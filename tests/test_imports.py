"""Who may import whom: the spine in reading order, the wings, and what stays out of where."""

import ast
from pathlib import Path

import pytest

from .conftest import ROOT

# Each may import those before it. A name is a module of the spine, or a wing.
ORDER = (
    *("common", "tokenizer", "config", "params", "positional", "data", "terminal", "splits"),
    *("ops", "batches", "dataset", "attention", "layers", "models", "loss", "generation"),
    *("proof", "checkpoint", "utils", "training", "evaluation", "inspection", "lightning_module"),
    *("monitoring", "data_gen", "train", "eval", "predict"),
    *("import_data", "huggingface", "compare", "explain", "report", "sweep", "study", "explorer"),
)
COMMANDS = ("data_gen", "train", "eval", "predict")
# For who brings, takes away or compares results; the pipeline runs without them.
OUTSIDE = (
    *("import_data", "huggingface", "compare", "explain", "report", "sweep", "study", "explorer"),
)
WITH_LIGHTNING = ("training", "lightning_module", "monitoring")
WITHOUT_TORCH = ("common", "config", "params", "data", "splits", "terminal", "import_data")


def modules() -> dict[str, Path]:
    """The file of each module of src, by its dotted name."""
    found = {}
    for path in sorted((ROOT / "src").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imported(module: str) -> set[str]:
    """All that a module imports, anywhere in it: our modules by dotted name, packages by name."""
    path = MODULES[module]
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(str(node.module).split(".")[0])
        elif isinstance(node, ast.ImportFrom):
            base = [*package[: len(package) - node.level + 1], *filter(None, [node.module])]
            # ``from .ops import cpu`` names a module.
            names = {".".join([*base, alias.name]) for alias in node.names}
            found |= (names & MODULES.keys()) or {".".join(base)}
    return found


IMPORTS = {module: imported(module) for module in MODULES}


def unit(module: str) -> str:
    """The module of the spine, or the wing, that a module is."""
    return module.split(".")[1]


def closure(module: str, without: tuple[str, ...] = ()) -> set[Path]:
    """The files that a module needs, with its own; wings that are named are not entered."""
    found, queue = set(), [module]
    while queue:
        if (each := queue.pop()) in found:
            continue
        found.add(each)
        # Python runs the package's own file before the module.
        packages = {each.rsplit(".", depth)[0] for depth in range(1, each.count(".") + 1)}
        needed = packages | (IMPORTS[each] & MODULES.keys() if each != "src" else set())
        queue += [name for name in needed if name == "src" or unit(name) not in without]
    return {MODULES[each] for each in found}


def test_every_module_has_its_place() -> None:
    assert {unit(module) for module in MODULES if module != "src"} == set(ORDER)
    assert len(list((ROOT / "src").glob("*.py"))) < 20


@pytest.mark.parametrize("module", [module for module in MODULES if module != "src"])
def test_imports_go_one_way(module: str) -> None:
    mine = unit(module)
    others = {unit(name) for name in IMPORTS[module] if name.startswith("src.")} - {mine}
    later = {other for other in others if ORDER.index(other) > ORDER.index(mine)}
    assert not later
    assert not others & set(COMMANDS), "a command is imported"
    if mine not in OUTSIDE:
        assert not others & set(OUTSIDE)
    if mine == "evaluation":
        assert "training" not in others
    if mine not in WITH_LIGHTNING:
        assert "pytorch_lightning" not in IMPORTS[module]
    if mine in WITHOUT_TORCH:
        assert not {"torch", "pytorch_lightning"} & IMPORTS[module]


def test_commands_print_by_say_alone() -> None:
    # It shows what cannot be printed, and no terminal obeys it.
    for module, path in MODULES.items():
        if module == "src" or unit(module) != "terminal":
            nodes = ast.walk(ast.parse(path.read_text()))
            names = {node.id for node in nodes if isinstance(node, ast.Name)}
            assert "print" not in names, path


def test_no_modules_of_a_wing_import_each_other_in_a_circle() -> None:
    done: set[str] = set()

    def visit(module: str, above: tuple[str, ...]) -> None:
        assert module not in above, " -> ".join([*above, module])
        if module not in done:
            for name in sorted(IMPORTS[module] & MODULES.keys()):
                visit(name, (*above, module))
            done.add(module)

    for module in MODULES.keys() - {"src"}:
        visit(module, ())


def test_every_wing_says_who_needs_it() -> None:
    for path in (ROOT / "src").glob("*/__init__.py"):
        said = ast.get_docstring(ast.parse(path.read_text()))
        assert said, path
        assert "\n\n" in said, path
