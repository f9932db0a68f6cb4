"""``caffelint dialects``: the forks of Caffe that are known."""

from __future__ import annotations

import click


@click.command()
@click.argument("name", required=False)
def dialects(name: str | None) -> None:
    """List the forks of Caffe that nets can be written for, or the layer types that one adds."""
    from ..resources import load_dialects

    known = load_dialects()
    if name is None:
        width = max(map(len, known.names))
        for one in known.names:
            click.echo(f"{one:{width}}  {known.title(one)}")
        return
    if name not in known.by_name:
        raise click.UsageError(f'there is no dialect "{name}" (caffelint dialects lists them)')
    dialect = known.by_name[name]
    parents = f" (and all of {', '.join(dialect.parents)})" if dialect.parents else ""
    click.echo(f"{name}: {dialect.title}{parents}")
    for type_ in sorted({layer.type for layer in dialect.layers}):
        click.echo(f"  {type_}")
