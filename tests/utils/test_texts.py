"""`utils.data.texts`: the two plays, the sample that stands in for them, and the errors."""

import os
import unicodedata
from pathlib import Path

import pytest
from data_world import TinyFile, data_world

from utils import data
from utils.data import DataError, texts

MIRROR = os.environ.get("COURSE_DATA_MIRROR", "")

# Accents in two pieces (a letter and a combining mark), indented XML, notes of the editors.
PLAY = """<?xml version="1.0" encoding="utf-8"?>
<TEI xmlns="http://www.tei-c.org/ns/1.0">
  <teiHeader><title>not this</title></teiHeader>
  <standOff><name>nor this</name></standOff>
  <text><body>
    <head>The Play</head>
    <div type="act">
      <head>ACT ONE</head>
      <stage>(A hall.
             <note>63: a barn.</note>Night.)</stage>
      <sp><speaker>EVE.</speaker>
        <stage>(softly)</stage>
        <lg><l>Sze\u0301p <note>the critic</note>az   <hi>este</hi>,</l>
            <stage>(She looks up.)</stage>
            <l>o\u030b is la\u0301tja.</l><note>end</note></lg>
      </sp>
      <sp><speaker>ADAM.</speaker><p>In prose. [252]</p></sp>
      <stage>[I. 3 lines]</stage>
    </div>
  </body></text>
</TEI>
"""
PAGE = """The Play

ACT ONE

(A hall. Night.)

EVE.
(softly)
Szép az este,
(She looks up.)
ő is látja.

ADAM.
In prose.
"""


@pytest.fixture
def world(tmp_path, monkeypatch):
    files = {
        texts.SHAKESPEARE: TinyFile("shakespeare", b"All:\nSpeak, speak.\n"),
        texts.MADACH: TinyFile("madach", PLAY.encode()),
        texts.WAR_AND_PEACE: TinyFile("war_and_peace", b"none"),
    }
    with data_world(tmp_path, monkeypatch, files) as world:
        yield world


def test_plain_text(world, capsys):
    world.serve()
    play = data.load_text("shakespeare")
    assert play.text == "All:\nSpeak, speak.\n"
    assert play.name == "shakespeare" and play.language == "en" and not play.origin.is_sample
    assert capsys.readouterr().out == f"{play.origin.text}.\n"
    assert "19 characters" in play.origin.text
    assert data.load("shakespeare").text == play.text


def test_play_in_xml_becomes_a_page(world):
    world.serve()
    play = data.load_text("madach")
    assert play.text == PAGE
    assert play.language == "hu" and unicodedata.is_normalized("NFC", play.text)


def test_a_book_of_project_gutenberg_is_read_without_its_frame(tmp_path):
    path = tmp_path / "book.txt"
    path.write_text("Licence\n*** START OF IT ***\n\nOne.\nTwo.\n\n*** END OF IT ***\nMore\n")
    assert texts.read_gutenberg(path) == "One.\nTwo.\n"
    path.write_text("One.\n")
    with pytest.raises(DataError, match="not a text of Project Gutenberg"):
        texts.read_gutenberg(path)


def test_the_novels_sample_is_its_beginning(world):
    novel = data.load_text("war_and_peace")
    assert novel.origin.is_sample and len(novel.text) == 1_250_000
    if MIRROR:
        assert texts.read_gutenberg(Path(MIRROR) / texts.WAR_AND_PEACE).startswith(novel.text)


@pytest.mark.parametrize(("name", "language"), [("shakespeare", "en"), ("madach", "hu")])
def test_the_sample_is_the_same_text_or_its_end(world, name, language):
    play = data.load_text(name)
    assert play.origin.is_sample and play.language == language
    assert len(play.text) == {"shakespeare": 450_000, "madach": 171_171}[name]
    if MIRROR:
        file = Path(MIRROR) / {"shakespeare": texts.SHAKESPEARE, "madach": texts.MADACH}[name]
        read = texts.read_tei_play if name == "madach" else texts.read_plain_text
        assert read(file).endswith(play.text)


def test_a_text_of_ones_own(tmp_path, monkeypatch, capsys):
    page = "Sze\u0301p este.\r\nMely sötét!\r\n" * 1000
    path = tmp_path / "my text.txt"
    path.write_bytes(b"\xef\xbb\xbf" + page.encode())  # as Windows' editor and Gutenberg write it
    monkeypatch.chdir(tmp_path)
    for name in (path, "my text.txt"):
        mine = data.load_text(name)
        assert mine.text == "Szép este.\nMely sötét!\n" * 1000
        assert mine.title == "my text.txt" and mine.name not in texts.TEXT_LOADERS
        assert not mine.origin.is_sample and mine.origin.kind == "own"
        assert capsys.readouterr().out == f"{mine.origin.text}.\n"
        assert "23,000 characters" in mine.origin.text and str(tmp_path) not in mine.origin.text


def test_an_unknown_text_names_the_near_one_and_the_way_to_ones_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, words in (
        ("madac", "Did you mean 'madach'"),
        ("books/novel.txt", "There is no text"),
    ):
        with pytest.raises(DataError, match=r"load_text\('my_text.txt'\)") as problem:
            data.load_text(name)
        assert words in str(problem.value)
        assert str(tmp_path / name) in str(problem.value), "where it was looked for"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("Árvíztűrő\n".encode("cp1250") * 9000, "UTF-8.*Save it as UTF-8"),
        ("Árvíztűrő\n".encode("utf-16") * 9000, "UTF-8.*Save it as UTF-8"),
        (b"Too short.\n" * 100, "1,100 characters.*at least 20,000"),
    ],
)
def test_what_is_no_text_of_ones_own(tmp_path, content, problem):
    (tmp_path / "novel.txt").write_bytes(content)
    with pytest.raises(DataError, match=f"novel.txt.*{problem}"):
        data.load_text(tmp_path / "novel.txt")


@pytest.mark.parametrize(
    ("content", "problem"), [("<TEI", "is not XML"), ("<html/>", "not a text in TEI")]
)
def test_what_is_no_play(tmp_path, content, problem):
    path = tmp_path / "play.xml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=problem):
        texts.read_tei_play(path)


@pytest.mark.skipif(not MIRROR, reason="COURSE_DATA_MIRROR names no mirror with the real data")
def test_the_real_play(monkeypatch):
    monkeypatch.setenv("COURSE_DATA_MIRROR", MIRROR)
    text = texts.read_tei_play(Path(data.fetch(texts.MADACH)))
    assert text.startswith("Az ember tragédiája\n\nELSŐ SZÍN.\n\n(A mennyekben.")
    assert text.endswith("Mondottam ember: küzdj’ és bízva bizzál!\n")
    assert text.count(" SZÍN.\n") == 15
    assert text.count("\nLUCIFER.\n") > 200
    for word in ("ritmikai", "szövegromlás", "\n\n\n", "  ", "["):  # the editors' words, indents
        assert word not in text
    assert 165_000 < len(text) < 175_000
