"""Names of files as clients send them."""

import pytest

from backend.utils.file_names import safe_file_name


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("photo.jpg", "photo.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\photo.jpg", "photo.jpg"),
        ("a/b\\c.txt", "c.txt"),
        ("folder/", "folder"),
        ("", "file"),
        ("..", "file"),
        ("/", "file"),
        (" . ", "file"),
        (".htaccess", "htaccess"),
        ("a.txt. ", "a.txt"),
        ("a\r\nSet-Cookie: x=1\0.txt", "aSet-Cookie: x=1.txt"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("\u2066a\u2069\u200f\u061c.txt", "a.txt"),
        ("\ufeffa\u2028b\x85.txt", "ab.txt"),
        ("a\udc80.txt", "a.txt"),
        ("Zoe\u0308.txt", "Zoë.txt"),
        ("family \U0001f468\u200d\U0001f469.png", "family \U0001f468\u200d\U0001f469.png"),
        ('a "quoted"; name.txt', 'a "quoted"; name.txt'),
        ("x" * 500 + ".jpeg", "x" * 250 + ".jpeg"),
        ("x" * 500, "x" * 255),
        ("." + "x" * 500, "x" * 255),
        ("x." + "y" * 500, "x." + "y" * 253),
    ],
)
def test_a_name_is_one_visible_line_without_folders(sent, kept):
    assert safe_file_name(sent) == kept
