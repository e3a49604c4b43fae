"""The singular and the plural of English words, as far as names of resources and schemas need them.

Clients use the names that are made with these functions, so the result for a word must never change.
"""

import re

IRREGULAR = {
    **{"people": "person", "children": "child", "men": "man", "women": "woman", "feet": "foot", "teeth": "tooth"},
    **{"mice": "mouse", "geese": "goose", "quizzes": "quiz", "knives": "knife", "lives": "life", "wives": "wife"},
    **{"leaves": "leaf", "shelves": "shelf", "halves": "half", "wolves": "wolf", "loaves": "loaf", "thieves": "thief"},
    **{"analyses": "analysis", "bases": "base", "crises": "crisis", "diagnoses": "diagnosis", "theses": "thesis"},
    **{"hypotheses": "hypothesis", "movies": "movie", "cookies": "cookie", "calories": "calorie", "selfies": "selfie"},
    **{"heroes": "hero", "potatoes": "potato", "tomatoes": "tomato", "echoes": "echo", "vetoes": "veto"},
    **{"aliases": "alias", "buses": "bus", "gases": "gas", "lenses": "lens", "canvases": "canvas", "biases": "bias"},
    **{"statuses": "status", "viruses": "virus", "bonuses": "bonus", "campuses": "campus", "menus": "menu"},
    **{"caches": "cache", "niches": "niche", "headaches": "headache", "criteria": "criterion"},
}
SINGULARS = {singular: plural for plural, singular in IRREGULAR.items()}
UNCOUNTABLE = {"news", "series", "species", "means", "lens", "gas", "alias", "canvas", "bias", "chaos", "atlas"}
TAKES_ES = re.compile(r".*(ss|x|zz|ch|sh)")
TAKES_IES = re.compile(r".*[^aeiou]y")


def plural(word: str) -> str:
    """Return the plural of a word in lower case, such as `cities` of `city`."""
    if word in SINGULARS:
        return SINGULARS[word]
    if TAKES_IES.fullmatch(word):
        return f"{word[:-1]}ies"
    return f"{word}es" if TAKES_ES.fullmatch(word) else f"{word}s"


def singular(word: str) -> str | None:
    """Return the word in lower case whose `plural` is this, such as `city` of `cities`; None if this is no plural."""
    if word in UNCOUNTABLE or word in SINGULARS or word.endswith("ss"):
        return None
    endings = (("ies", "y"), ("es", ""), ("s", ""))
    candidates = [word.removesuffix(ending) + rest for ending, rest in endings if word.endswith(ending)]
    return IRREGULAR.get(word) or next((each for each in candidates if len(each) > 1 and plural(each) == word), None)
