"""``auditor schema``: JSON Schema of what is read and written."""

from __future__ import annotations

import json

import click


@click.command("schema")
@click.argument("what", type=click.Choice(["config", "policy", "audit", "review"]))
def command(what: str) -> None:
    """Print the JSON Schema of the config, of a policy file, of audit.json or of review.json.

    After `auditor schema config > audit.schema.json`, editors with YAML support complete and check
    the config.
    """
    from pydantic import BaseModel

    from auditor.config.audit import Config, GateConfig
    from auditor.report.document.result import AuditResult
    from auditor.report.document.review import Review

    models: dict[str, type[BaseModel]] = {
        "config": Config,
        "policy": GateConfig,
        "audit": AuditResult,
        "review": Review,
    }
    mode = "validation" if what in ("config", "policy") else "serialization"
    schema = models[what].model_json_schema(mode=mode)  # type: ignore[arg-type]
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    click.echo(json.dumps(head | schema, indent=1))
