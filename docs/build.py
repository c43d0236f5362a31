"""Builds the site of the documentation into target/book: `make docs`.

The pages stay where they are in the repository. This script copies them, and the files that they link to, into one tree
for mdBook, so that their links work in the repository and on the site. Afterwards it checks each link of the site.
"""

import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parents[1]
WORK = ROOT / "target" / "book-source"
SITE = ROOT / "target" / "book"
LINK = re.compile(r"\]\(([^)#\s]+)")


def links(page):
    """The files of the repository that a page links to."""
    for target in LINK.findall(page.read_text()):
        if "://" not in target and not target.startswith("mailto:"):
            yield (page.parent / target).resolve()


def collect():
    """Copies the pages of SUMMARY.md, and what they link to, as they lie in the repository."""
    shutil.rmtree(WORK, ignore_errors=True)
    summary = ROOT / "docs" / "SUMMARY.md"
    pages = list(links(summary))
    for file in {*pages, *(target for page in pages for target in links(page))}:
        copy = WORK / "src" / file.relative_to(ROOT)
        if file.is_file():
            copy.parent.mkdir(parents=True, exist_ok=True)
        if file in pages:
            # A folder's page is its index.
            copy.with_name(file.name.replace("README", "index")).write_text(file.read_text().replace("README.md", "index.md"))
        elif file.is_file():
            shutil.copy(file, copy)

    def from_root(match):
        return "](" + str((summary.parent / match[1]).resolve().relative_to(ROOT)).replace("README", "index")

    (WORK / "src" / "SUMMARY.md").write_text(LINK.sub(from_root, summary.read_text()))
    for name in ("book.toml", "site.css"):
        shutil.copy(ROOT / "docs" / name, WORK)


class Page(HTMLParser):
    """The links and the anchors of a page of the site."""

    def __init__(self, file):
        super().__init__()
        self.links, self.anchors = [], set()
        self.feed(file.read_text())

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.anchors.add(given.get("id"))
        self.links += [given[name] for name in ("href", "src") if given.get(name)]


def broken():
    """Links of the site that lead nowhere."""
    pages = {file: Page(file) for file in SITE.rglob("*.html") if file.name not in ("404.html", "toc.html", "print.html")}
    for file, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            anchors = pages[target].anchors if target in pages else set()
            if not target.exists() or (parts.fragment and target in pages and unquote(parts.fragment) not in anchors):
                yield f"{file.relative_to(SITE)}: {link}"


def main():
    collect()
    shutil.rmtree(SITE, ignore_errors=True)
    subprocess.run([ROOT / ".parts" / "bin" / "mdbook", "build", WORK, "--dest-dir", SITE], check=True)
    if wrong := sorted(set(broken())):
        sys.exit("docs: links that lead nowhere:\n" + "\n".join(wrong))
    print(f"docs: {SITE / 'index.html'}")


if __name__ == "__main__":
    main()
