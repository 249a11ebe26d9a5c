"""Run folders that tests make up: their manifest, as if the program had written the files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from auditor.run.manifest import FORMAT
from auditor.run.storage import file_digest


def without(folder: Path, name: str) -> Path:
    """Return a run folder that looks as if the program had never written this file."""
    (folder / name).unlink()
    return list_as_written(folder)


def list_as_written(folder: Path, **facts: Any) -> Path:
    """Write or complete the manifest of a folder so that it lists all that lies there; return it.

    ``facts`` win over what is there; folders that are links are left out.
    """
    path = folder / "manifest.json"
    made = {"key": "0" * 64, "created": "2026-03-04T05:06:07Z", "name": "surfaces", "stages": {}}
    before = json.loads(path.read_text()) if path.exists() else {**FORMAT, **made}
    files = {
        each.relative_to(folder).as_posix(): file_digest(each)
        for each in sorted(folder.rglob("*"))
        if each.is_file() and each != path
    }
    path.write_text(json.dumps(before | {"status": "audited"} | facts | {"files": files}))
    return folder
