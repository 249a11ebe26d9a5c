"""What tells a class by the whole picture: statistics, metadata, single odd samples."""

# Proposals import the modules of this folder, so they have to be whole before one of them begins.
import auditor.shortcuts.propose  # noqa: F401
