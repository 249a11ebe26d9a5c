"""What an earlier attempt left in the run folder: checked, tidied and, where asked, repaired."""

from __future__ import annotations

from auditor.base.errors import IntegrityError
from auditor.report.show.picture_store import NAME as PICTURE
from auditor.review.keep.verify import Verified, verify
from auditor.run.folder import IMAGES, STAGES, TASKS, RunFolder, damage
from auditor.run.manifest import forget, is_complete, make_way
from auditor.run.storage import remove

# What only the audit can write again; reports and tables are drawn from audit.json.
EVIDENCE = (f"{IMAGES}/", f"{STAGES}/", f"{TASKS}/", "audit.json", "config.yaml", "review.json")
FAILURE = ("junit.xml", "summary.json")  # of an attempt that did not finish
NAMED = 20


def check_left(run: RunFolder, *, repair: bool, alone: bool = True) -> None:
    """Check a run folder before anything is written to it; ``alone``: no other job works in it.

    Of a finished run every listed file has to be as it was written; only reports and tables may be
    gone, since they are drawn again. With ``repair`` what is damaged is removed, which is said, so
    that it is made again. Of an unfinished run the stages look after their own files.

    Raises:
        IntegrityError: a file of a finished run was changed or is gone.
    """
    for path in sorted(run.path.rglob(".*.tmp")):  # being written when an attempt was killed
        others = any(path.is_relative_to(run.path / part) for part in (TASKS, IMAGES))
        if alone or not others:
            remove(path)
    complete = is_complete(run.path)
    damaged = _damaged(verify(run.path)) if complete else {}
    if damaged and not repair:
        named = [f"  {how}: {name}" for name, how in list(damaged.items())[:NAMED]]
        more = [f"  and {len(damaged) - NAMED} more"] if len(damaged) > NAMED else []
        raise IntegrityError(
            f"{run.path} is a finished run and not as it was written:",
            *named,
            *more,
            "Restore what was changed, or run the same command with --repair: it makes the damaged "
            "files again.",
        )
    for name, how in damaged.items():
        run.say(f"warning: {name} ({how}) is removed and made again where this command makes it")
    if damaged:
        forget(run.path, [name for name in damaged if not name.startswith(f"{STAGES}/")])
    if not complete:
        _drop_of_unfinished(run)
    make_way(run.path, f"{IMAGES}/any")


def _drop_of_unfinished(run: RunFolder) -> None:
    """Drop what an attempt said of its failure, and damaged pictures that belong to no stage."""
    manifest = run.manifest()
    of_stages = {name for entry in manifest["stages"].values() for name in entry.get("besides", ())}
    others = {
        name: digest
        for name, digest in manifest["files"].items()
        if name.startswith(f"{IMAGES}/") and name not in of_stages
    }
    damaged = damage(run.path, others)
    run.tell(damaged)
    forget(run.path, [*FAILURE, *damaged])


def remove_unlisted_pictures(run: RunFolder) -> None:
    """Remove pictures that an attempt wrote before it was killed and that no result names.

    Of a finished run nothing is removed: what is not listed there was added by something else.
    """
    manifest = run.manifest()
    listed = manifest["files"] | run.unlisted
    if "audit.json" in manifest["files"]:
        return
    left = [
        path
        for path in run.images.glob("*")
        if PICTURE.fullmatch(path.name) and f"{IMAGES}/{path.name}" not in listed
    ]
    for path in left:
        remove(path)
    if left:
        run.say(f"{len(left)} pictures of an attempt that was cut short were removed")


def _damaged(found: Verified) -> dict[str, str]:
    gone = {name: "missing" for name in found.missing if name.startswith(EVIDENCE)}
    return dict.fromkeys(found.changed, "changed") | gone
