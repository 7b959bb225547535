"""`kb import`: import an export of another knowledge base.

It prints a line for each thing that was not imported, and what to do next.
"""

from __future__ import annotations

from pathlib import Path

import click

KINDS = ("zendesk", "confluence", "html")


@click.command("import")
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.argument("target", type=click.Path(file_okay=False, path_type=Path))
@click.option("--kind", type=click.Choice(KINDS), help="What made it; found out otherwise.")
@click.option("--language", default="en", show_default=True, help="Where a page names none.")
@click.option("--force", is_flag=True, help="Write over files that were changed since.")
def bring_in(source: Path, target: Path, kind: str | None, language: str, force: bool) -> None:
    """Bring an export of Zendesk Guide, Confluence or HTML pages in as Markdown."""
    from kb.authoring.importer.pages import ExportKind, Tree, kind_of
    from kb.authoring.importer.service import REPORT, Import

    tree = Tree(source)
    bringing = Import(tree, target, language, force=force)
    bringing.run(ExportKind(kind) if kind else kind_of(tree))
    for path, what, detail in bringing.remarks:
        click.echo(f"{path}: {what}: {detail}")
    counts = ", ".join(f"{count} {name}" for name, count in sorted(bringing.counts.items()))
    click.echo(f"{counts or 'nothing'}; {len(bringing.remarks)} remarks in {REPORT}.", err=True)
    click.echo(f"Look at them with: KB_ARTICLES={target} kb check", err=True)
