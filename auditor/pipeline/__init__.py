"""The stages of an audit, in order."""

from auditor.pipeline.audit import run_audit

__all__ = ["run_audit"]
