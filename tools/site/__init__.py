"""Build the executed course as a static site: make site.

    python -m tools.site [--no-run] [--no-check] [--notebooks FOLDER] [--out FOLDER]
    python -m tools.site check [--out FOLDER] [--screenshots FOLDER]

Executes the lessons whose executed notebooks are missing or out of date, builds build/site with
Sphinx, and tests the result: files and links always, and in headless Chromium if it is there.

Why Sphinx (with MyST-NB and the theme Furo): it was tried on the first nine lessons against
MkDocs (Material, with mkdocs-jupyter), and both built in about twenty seconds. Sphinx won because
it checks every link and anchor between the lessons, stores figures as files (16 MB against 41 MB),
and can search and show formulas without asking any other machine, even opened as a file.
Material for MkDocs has announced its own end for May 2027, its page for offline use still asked
unpkg.com for a script, and its formulas would have needed a script of our own.
"""
