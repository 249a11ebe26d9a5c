"""The stages of an audit, in order."""

from auditor.pipeline.audit import AuditOutcome, run_audit

__all__ = ["AuditOutcome", "run_audit"]
