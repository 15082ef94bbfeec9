"""
What `mkdocs build` makes beside the pages in docs/: it is MkDocs' hook, named in `mkdocs.yml`.

READMEs and the pages at the root are shown as they are, with their links led to where they are shown. Each library gets a page of its public
names, read from its docstrings; each recipe of the engine a page from its own.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from maestro_migrate._recipe import Recipe, all_recipes

ROOT = Path(__file__).resolve().parent.parent
SHOWN_AT = {
    "README.md": "index.md",
    "ARCHITECTURE.md": "architecture.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changes.md",
}
_LINK = re.compile(r"\[([^\]]*)\]\((?!https?:|mailto:|#)([^)#\s]+)(#[^)\s]*)?\)")
_EXAMPLE = re.compile(r"^(```py|```toml) (\w+)$", re.MULTILINE)
_CODE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are written elsewhere or made."""
    for at, text in made_pages():
        files.append(File.generated(config, at, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Lead the links of a page in docs/ out of that folder to where their targets are shown."""
    here = page.file.src_uri
    return markdown if page.file.generated_by else relinked(markdown, source=f"docs/{here}", at=here)


def made_pages() -> Iterator[tuple[str, str]]:
    """Give each page that is not in docs/: where it is shown and its text."""
    for source, at in shown_at().items():
        yield at, relinked((ROOT / source).read_text(encoding="utf-8"), source=source, at=at)
    for module in libraries():
        yield f"reference/api/{module}.md", f"# {module}\n\n::: {module}\n"
    for recipe in all_recipes():
        yield f"recipes/{recipe.id}.md", recipe_page(recipe)


def shown_at() -> dict[str, str]:
    """Give where each page outside docs/ is shown."""
    readmes = sorted([*ROOT.glob("packages/*/README.md"), ROOT / "utilities" / "README.md"])
    return SHOWN_AT | {path.relative_to(ROOT).as_posix(): f"packages/{path.parent.name}.md" for path in readmes}


def libraries() -> list[str]:
    """Give the import name of every package."""
    return sorted(path.parent.name for path in ROOT.glob("packages/*/src/*/py.typed"))


def recipe_page(recipe: Recipe) -> str:
    """Show a recipe's docstring: its first line as the title, and above each example whether it is before or after."""
    title, _, rest = recipe.page.partition("\n")
    shown = _EXAMPLE.sub(lambda found: f"{found[2].capitalize()}:\n\n{found[1]}", rest)
    facts = f"`maestro migrate service PATH --recipes {recipe.id}`" + (", opt-in" if recipe.opt_in else "")
    return f"# {title.rstrip('.')}\n\n{facts}\n{shown}\n"


def relinked(markdown: str, *, source: str, at: str) -> str:
    """Lead relative links of a file to the pages they are shown as; what is shown nowhere keeps its text only."""
    places = shown_at()

    def led(found: re.Match[str]) -> str:
        text, target, fragment = found[1], found[2], found[3] or ""
        path = os.path.normpath(PurePosixPath(source).parent / target)
        shown = places.get(path) or (path.removeprefix("docs/") if path.startswith("docs/") else None)
        if shown is None or not shown.endswith(".md"):
            return text
        return f"[{text}]({os.path.relpath(shown, PurePosixPath(at).parent)}{fragment})"

    # Text and code alternate; brackets in code are no links.
    parts = _CODE.split(markdown)
    return "".join(part if number % 2 else _LINK.sub(led, part) for number, part in enumerate(parts))
