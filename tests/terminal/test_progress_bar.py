"""Without a terminal, progress is printed as lines."""

import pytest

from src.terminal import progress_bar


@pytest.mark.parametrize(
    ("wanted", "apart", "lines"), [(True, -1.0, 3), (True, 60.0, 0), (False, -1.0, 0)]
)
def test_lines_tell_how_far_it_is(
    wanted: bool,
    apart: float,
    lines: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(progress_bar, "LINES_APART", apart)
    assert list(progress_bar.track(["ab", "cde", "f"], "letters", 2000, wanted, len)) == [
        "ab",
        "cde",
        "f",
    ]
    said = capsys.readouterr().out.splitlines()
    assert len(said) == lines
    for line, done in zip(said, (2, 5, 6), strict=False):
        assert line.startswith(f"letters {done} of 2,000  ")
        assert line.endswith(" left")
