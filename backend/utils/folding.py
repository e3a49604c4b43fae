"""Unicode's full case folding in SQL, for databases that only have lower()."""

# The characters whose folded form is not their lower case, or whose lower case depends on their position in a word:
# TO_ONE fold to one character, TO_MANY to several.
TO_ONE = "µſͅΣςϐϑϕϖϰϱϵᲀᲁᲂᲃᲄᲅᲆᲇᲈẛι"
TO_MANY = "ßİŉǰΐΰևẖẗẘẙẚẞὐὒὔὖᾀᾁᾂᾃᾄᾅᾆᾇᾈᾉᾊᾋᾌᾍᾎᾏᾐᾑᾒᾓᾔᾕᾖᾗᾘᾙᾚᾛᾜᾝᾞᾟᾠᾡᾢᾣᾤᾥᾦᾧᾨᾩᾪᾫᾬᾭᾮᾯᾲᾳᾴᾶᾷᾼῂῃῄῆῇῌῒΐῖῗῢΰῤῦῧῲῳῴῶῷῼﬀﬁﬂﬃﬄﬅﬆﬓﬔﬕﬖﬗ"


def folding_sql(text: str, collation: str) -> str:
    """Return the SQL that folds a text on Postgres; `text` is the SQL of the text.

    ASCII text only needs lower(). In other texts, characters that fold to several are replaced one by one, but only if
    there are any; final sigma and other variants become the usual letter; lower() does the rest.
    """
    replaced = "".join(f", '{character}', '{character.casefold()}')" for character in TO_MANY)
    in_one = f"CASE WHEN {text} ~ '[{TO_MANY}]' THEN {'replace(' * len(TO_MANY)}{text}{replaced} ELSE {text} END"
    lowered = f"lower(translate({in_one}, '{TO_ONE}', '{TO_ONE.casefold()}')"
    folded = f'{lowered} COLLATE "{collation}") COLLATE "C"'
    is_ascii = f"octet_length({text}) = char_length({text})"
    return f"""CASE WHEN {is_ascii} THEN lower({text} COLLATE "C") ELSE {folded} END"""
