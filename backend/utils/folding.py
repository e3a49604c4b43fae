"""Unicode's full case folding, in SQL, for databases that only know lower case."""

# The characters whose folded form is not their lower case, or whose lower case depends on where they stand.
TO_ONE = "µſͅΣςϐϑϕϖϰϱϵᲀᲁᲂᲃᲄᲅᲆᲇᲈẛι"
TO_MANY = "ßİŉǰΐΰևẖẗẘẙẚẞὐὒὔὖᾀᾁᾂᾃᾄᾅᾆᾇᾈᾉᾊᾋᾌᾍᾎᾏᾐᾑᾒᾓᾔᾕᾖᾗᾘᾙᾚᾛᾜᾝᾞᾟᾠᾡᾢᾣᾤᾥᾦᾧᾨᾩᾪᾫᾬᾭᾮᾯᾲᾳᾴᾶᾷᾼῂῃῄῆῇῌῒΐῖῗῢΰῤῦῧῲῳῴῶῷῼﬀﬁﬂﬃﬄﬅﬆﬓﬔﬕﬖﬗ"


def folding_sql(collation: str) -> tuple[str, ...]:
    """Return the SQL that folds a text on Postgres, in parts: the SQL of the text belongs between each two of them.

    A text in ASCII only needs nothing special. Characters that fold to several are replaced one by one, but only where
    there are any; final sigma and other variants become the usual letter; lower case does the rest.
    """
    replaced = "".join(f", '{each}', '{each.casefold()}')" for each in TO_MANY)
    return (
        "(CASE WHEN octet_length(",
        ") = char_length(",
        ") THEN lower(",
        ' COLLATE "C") ELSE lower(translate(CASE WHEN ',
        f" ~ '[{TO_MANY}]' THEN {'replace(' * len(TO_MANY)}",
        f"{replaced} ELSE ",
        f""" END, '{TO_ONE}', '{TO_ONE.casefold()}') COLLATE "{collation}") COLLATE "C" END)""",
    )
