"""The stages of an audit, in order: `auditor.pipeline.audit`."""
