"""``auditor docs``: show the manual."""

from __future__ import annotations

import click


@click.command("docs")
@click.argument("topic", required=False)
def command(topic: str | None) -> None:
    """Show the manual's page on TOPIC; without TOPIC, list the pages."""
    from auditor.manual import page, titles

    if topic is not None:
        click.echo_via_pager(page(topic))
        return
    listed = titles()
    width = max(map(len, listed))
    for name, title in listed.items():
        click.echo(f"{name:<{width}}  {title}")
    click.echo("Show a page: auditor docs TOPIC", err=True)
