"""What in a page a browser could execute or load, or what could lead a reader astray."""

import html.parser
import re

from grading.rendering import safe_html

OF_THE_PAGE = {"html", "head", "meta", "title", "style", "body", "main", "section", "svg", "rect"}
OF_THE_PAGE |= {"text"}
OUR_CLASSES = {"total", "full", "none", "number", "quiet", "from-student", "bar"}


class Checker(html.parser.HTMLParser):
    """Collects what should not be there."""

    def __init__(self, is_page):
        super().__init__()
        self.is_page, self.found, self.open = is_page, [], []
        self.tags = safe_html.TAGS | (OF_THE_PAGE if is_page else set())

    def handle_starttag(self, tag, attributes):
        is_inside = not self.is_page or "section" in self.open
        if tag not in self.tags or (is_inside and tag not in safe_html.TAGS):
            self.found.append(tag)
        if tag not in ("br", "hr", "img", "col", "meta"):
            self.open.append(tag)
        for name, value in attributes:
            value = value or ""
            bad = name.startswith("on") or name in ("style", "id", "srcset", "xlink:href")
            bad |= is_inside and name == "name"
            if name == "href":
                bad |= not re.match(r"(https?://|mailto:)", value) and (
                    is_inside or not re.fullmatch(r"feedback/[\w.-]+\.html", value)
                )
            bad |= name == "src" and not value.startswith("data:image/")
            bad |= name == "class" and is_inside and bool(OUR_CLASSES & set(value.split()))
            if bad:
                self.found.append((tag, name, value))

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.found.append(f"unbalanced {tag}")


def dangers(text, is_page=False):
    """What should not be in a piece of HTML, or in one of the grader's pages; normally nothing."""
    checker = Checker(is_page)
    checker.feed(text)
    checker.close()
    return checker.found + checker.open
