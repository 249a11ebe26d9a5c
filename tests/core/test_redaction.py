from auditor.redaction import without_folders


def test_absolute_paths_lose_their_folders() -> None:
    value = {"a": "/home/me/m.py:build", "b": ["photos/val", "/x/y.csv"], "c": 3}
    assert without_folders(value) == {"a": "m.py:build", "b": ["photos/val", "y.csv"], "c": 3}
