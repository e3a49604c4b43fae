"""Unicode's full case folding in SQL, for databases that only have lower()."""

# The characters whose folded form is not their lower case, or whose lower case depends on their position in a word:
# TO_ONE fold to one character, TO_MANY to several.
TO_ONE = "µſͅΣςϐϑϕϖϰϱϵᲀᲁᲂᲃᲄᲅᲆᲇᲈẛι"
TO_MANY = "ßİŉǰΐΰևẖẗẘẙẚẞὐὒὔὖᾀᾁᾂᾃᾄᾅᾆᾇᾈᾉᾊᾋᾌᾍᾎᾏᾐᾑᾒᾓᾔᾕᾖᾗᾘᾙᾚᾛᾜᾝᾞᾟᾠᾡᾢᾣᾤᾥᾦᾧᾨᾩᾪᾫᾬᾭᾮᾯᾲᾳᾴᾶᾷᾼῂῃῄῆῇῌῒΐῖῗῢΰῤῦῧῲῳῴῶῷῼﬀﬁﬂﬃﬄﬅﬆﬓﬔﬕﬖﬗ"


def folding_sql(collation: str) -> tuple[str, ...]:
    """Return the SQL that folds a text on Postgres, in parts; the SQL of the text must be inserted between the parts.

    ASCII text only needs lower(). In other texts, characters that fold to several are replaced one by one, but only if
    there are any; final sigma and other variants become the usual letter; lower() does the rest.
    """
    replaced = "".join(f", '{character}', '{character.casefold()}')" for character in TO_MANY)
    return (
        "(CASE WHEN octet_length(",
        ") = char_length(",
        ") THEN lower(",
        ' COLLATE "C") ELSE lower(translate(CASE WHEN ',
        f" ~ '[{TO_MANY}]' THEN {'replace(' * len(TO_MANY)}",
        f"{replaced} ELSE ",
        f""" END, '{TO_ONE}', '{TO_ONE.casefold()}') COLLATE "{collation}") COLLATE "C" END)""",
    )
