"""Makes links to files of the repository work on the site.

A link to a source file leads to a page that shows the file. A path in code style, such as ``docs/map.md``,
becomes a link if the file exists.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

_LEXERS = {
    ".py": "python",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".toml": "toml",
    ".json": "json",
    ".ipynb": "json",
}


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx's events."""
    # Before Sphinx collects the files that are offered for download.
    app.connect("doctree-read", _link, priority=100)
    app.connect("html-collect-pages", _source_pages)
    app.connect("env-purge-doc", lambda app, env, docname: _shown(env).pop(docname, None))
    return {"parallel_read_safe": False, "parallel_write_safe": True}


def _shown(env: Any) -> dict[str, set[str]]:
    """Return the source files that each page links to; kept from one build to the next."""
    if not hasattr(env, "shown_source_files"):
        env.shown_source_files = {}
    shown: dict[str, set[str]] = env.shown_source_files
    return shown


def _link(app: Sphinx, doctree: nodes.document) -> None:
    page = app.env.docname
    for link in list(doctree.findall(addnodes.download_reference)):
        _, file = app.env.relfn2path(link["reftarget"], page)
        if address := _address(app, Path(file)):
            link.replace_self(nodes.reference("", "", *link.children, refuri=address, internal=True))
    for code in list(doctree.findall(nodes.literal)):
        inside_link = isinstance(code.parent, nodes.reference | addnodes.pending_xref)
        if "/" not in code.astext() or inside_link:
            continue
        if address := _address(app, Path(app.srcdir, code.astext())):
            code.replace_self(nodes.reference("", "", code.deepcopy(), refuri=address, internal=True))


def _address(app: Sphinx, file: Path) -> str | None:
    """Return where the site shows a file or a folder with a README; None if it shows it nowhere."""
    page, root = app.env.docname, Path(app.srcdir)
    file = file.resolve()
    if not file.is_relative_to(root):
        return None
    name = file.relative_to(root).as_posix()
    for document in (name.removesuffix(".md"), f"{name}/README"):
        if document in app.env.found_docs:
            return app.builder.get_relative_uri(page, document)
    if not file.is_file() or file.suffix == ".png":
        return None
    _shown(app.env).setdefault(page, set()).add(name)
    return app.builder.get_relative_uri(page, f"files/{name}")


def _source_pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    for name in sorted(set().union(*_shown(app.env).values())):
        text = Path(app.srcdir, name).read_text(encoding="utf-8")
        lexer = _LEXERS.get(Path(name).suffix, "bash" if text.startswith("#!") else "text")
        body = app.builder.highlighter.highlight_block(text, lexer)  # type: ignore[attr-defined]
        yield f"files/{name}", {"title": name, "body": f"<h1>{name}</h1>{body}", "parents": []}, "page.html"
