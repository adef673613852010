"""The committed tables are of the published run and two beside it, and the page is about them."""

from src.common.yaml_1_2 import parse_yaml
from src.explain.tables import TABLES

from ..compare.test_tables import committed
from ..conftest import ROOT


def test_the_page_names_the_checkpoints_of_the_committed_tables() -> None:
    lines = committed("metrics/explain/models.csv").splitlines()
    header, *rows = [line.split(",") for line in lines]
    models = [dict(zip(header, row, strict=True)) for row in rows]
    assert [model["architecture"] for model in models] == ["gpt2", "llama2", "mixtral"]
    page = (ROOT / "docs" / "explain.md").read_text()
    for model in models:
        assert f"{model['architecture']} (" in page
        assert model["sha256"][:12] in page
        for name in TABLES:
            dense = name == "routing" and model["architecture"] != "mixtral"
            table = committed(f"metrics/explain/{name}.csv")
            assert (f"\n{model['model']}," in table) != dense
    stages = parse_yaml(committed("dvc.lock"), "dvc.lock")["stages"]
    (published,) = (out["md5"] for out in stages["train"]["outs"] if out["path"] == "models")
    (llama,) = (model["weights"] for model in models if model["architecture"] == "llama2")
    # After another result: python -m src.explain, and the findings on the page.
    assert llama == published
