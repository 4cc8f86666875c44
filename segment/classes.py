"""Class names: COCO's 80, the other words people type for them, and what to say about a name that is none."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache

from _removal_support.errors import RemovalError

# COCO's category slots in the order of their ids, as torchvision lists them ("N/A" where unused); written out
# so that a name can be checked without loading torchvision.
_CATEGORIES = (
    "__background__,person,bicycle,car,motorcycle,airplane,bus,train,truck,"
    "boat,traffic light,fire hydrant,N/A,stop sign,parking meter,bench,bird,cat,"
    "dog,horse,sheep,cow,elephant,bear,zebra,giraffe,N/A,"
    "backpack,umbrella,N/A,N/A,handbag,tie,suitcase,frisbee,skis,"
    "snowboard,sports ball,kite,baseball bat,baseball glove,skateboard,surfboard,tennis racket,bottle,"
    "N/A,wine glass,cup,fork,knife,spoon,bowl,banana,apple,"
    "sandwich,orange,broccoli,carrot,hot dog,pizza,donut,cake,chair,"
    "couch,potted plant,bed,N/A,dining table,N/A,N/A,toilet,N/A,"
    "tv,laptop,mouse,remote,keyboard,cell phone,microwave,oven,toaster,"
    "sink,refrigerator,N/A,book,clock,vase,scissors,teddy bear,hair drier,"
    "toothbrush"
)
COCO_CATEGORIES = tuple(_CATEGORIES.split(","))

# Other words for a class, in the singular, without spaces, by the class that they mean.
_SYNONYMS = {
    "person": "people,human,humanbeing,pedestrian,passerby,passersby",
    "bicycle": "bike,pushbike",
    "car": "automobile",
    "motorcycle": "motorbike",
    "airplane": "aeroplane,plane,aircraft",
    "truck": "lorry",
    "boat": "ship",
    "traffic light": "trafficsignal,stoplight",
    "fire hydrant": "hydrant",
    "backpack": "rucksack",
    "handbag": "purse",
    "tie": "necktie",
    "skis": "ski",
    "sports ball": "ball",
    "tennis racket": "tennisracquet,racket,racquet",
    "donut": "doughnut",
    "couch": "sofa",
    "potted plant": "houseplant,plant",
    "dining table": "table",
    "tv": "tvmonitor,television,tvset,televisionset,tvscreen",
    "mouse": "computermouse",
    "remote": "remotecontrol",
    "cell phone": "phone,mobile,mobilephone,smartphone,handy,telephone",
    "microwave": "microwaveoven",
    "refrigerator": "fridge",
    "teddy bear": "teddy",
    "hair drier": "hairdryer",
    "cow": "cattle",
}
# Words that mean only some objects of a class: all of them are removed, and that has to be said.
_NARROWER = {
    "person": "man,woman,child,boy,girl,kid,baby,guy,lady,tourist,cyclist,skater,player",
    "car": "taxi,cab",
    "dog": "puppy",
    "cat": "kitten,kitty",
    "horse": "pony,foal",
    "sheep": "lamb",
    "cow": "calf,bull",
    "boat": "sailboat,canoe,kayak",
    "sports ball": "football,soccerball,basketball,volleyball,tennisball,baseball",
    "cup": "mug",
    "suitcase": "luggage",
    "couch": "loveseat",
    "bed": "bunkbed",
}
NEAR = 0.7  # how alike a suggestion is at least, 0 to 1
NEAR_MARGIN = 0.1  # and how much less than the one that is most alike
_IRREGULAR = {"people": "person", "children": "child", "mice": "mouse", "geese": "goose"}


class UnknownClassError(RemovalError, ValueError):
    """A class name that is none of the known ones."""


def coco_categories() -> tuple[str, ...]:
    """COCO's 91 category slots in the order of their ids, as torchvision lists them ("N/A" where unused)."""
    return COCO_CATEGORIES


@cache
def coco_classes() -> tuple[str, ...]:
    """COCO's 80 class names, in the order of their ids."""
    return tuple(name for name in coco_categories() if name not in ("__background__", "N/A"))


def canonical_class(name: str, known: Sequence[str]) -> str | None:
    """The known class that a name means, whatever its case, spaces and number; None where there is none.

    "Person", "people" and "man" mean "person", "cars" means "car", "tv monitor" means "tv". A name that is
    known as it stands means itself. Where it could mean several known classes, it means none.
    """
    if name in known:
        return name
    for forms in (lambda text: {_key(text)}, _forms, _meanings):
        wanted = forms(name)
        found = [one for one in known if wanted & forms(one)]
        if found:
            return found[0] if len(found) == 1 else None
    return None


def resolve_classes(wanted: Iterable[str], known: Sequence[str]) -> tuple[str, ...]:
    """The known class of each wanted name, each class once, in the order of the names.

    Raises TypeError for a single string, UnknownClassError for a name that means none of the known classes.
    """
    if isinstance(wanted, str):
        raise TypeError(f"expected a sequence of class names, got the string {wanted!r}")
    found: dict[str, None] = {}
    for name in wanted:
        meant = canonical_class(name, known)
        if meant is None:
            raise UnknownClassError(unknown_class(name, known), option="classes")
        found[meant] = None
    return tuple(found)


def is_narrower(name: str) -> bool:
    """Whether a name means only some of the objects of its COCO class, as "woman" of "person"."""
    return any(form in _table(narrower_only=True) for form in _forms(name)) and name not in coco_classes()


def means_same(name: str, other: str, *, spelling_only: bool = False) -> bool:
    """Whether two names are one class: the same but for case, spaces and number, or words for the same COCO
    class of which neither is narrower ("people" and "human", not "woman" and "man").

    spelling_only: whether the number has to be the same too, and the word.
    """
    if spelling_only or _key(name) == _key(other):
        return _key(name) == _key(other)
    if _forms(name) & _forms(other):
        return True
    return not is_narrower(name) and not is_narrower(other) and bool(_meanings(name) & _meanings(other))


def unknown_class(name: str, known: Sequence[str]) -> str:
    """One line for a class name that is not among ``known``: the nearest names, or all where none is near."""
    near = nearest_classes(name, known)
    if near:
        return f"unknown class {name!r}: did you mean {' or '.join(repr(one) for one in near)}?"
    return f"unknown class {name!r}; known classes: {', '.join(known)}"


def nearest_classes(name: str, known: Sequence[str]) -> tuple[str, ...]:
    """At most three of the known classes that a misspelt name may mean, the nearest first."""
    spellings: dict[str, list[str]] = {}
    for one in known:
        for spelling in (_key(one), *_synonyms(one)):
            spellings.setdefault(spelling, []).append(one)
    forms = _meanings(name)
    parts = [one for one in known if forms & {_key(word) for word in one.split()}]
    if parts:  # "sign" of "stop sign"
        return tuple(parts)[:3]
    alike = {spelling: _likeness(spelling, _key(name)) for spelling in spellings}
    least = max(NEAR, max(alike.values(), default=0.0) - NEAR_MARGIN)
    near: dict[str, None] = {}
    for spelling in sorted(alike, key=lambda spelling: -alike[spelling]):
        if alike[spelling] >= least:
            near |= dict.fromkeys(spellings[spelling])
    return tuple(near)[:3]


def _likeness(first: str, second: str) -> float:
    """How alike two words are, 0 to 1 (difflib's ratio)."""
    return difflib.SequenceMatcher(None, first, second).ratio()


def _key(name: str) -> str:
    """A name without case, spaces, hyphens and underscores."""
    folded = unicodedata.normalize("NFKC", str(name)).casefold()
    return "".join(sign for sign in folded if not (sign.isspace() or sign in "-_.'"))


def _forms(name: str) -> set[str]:
    """The key of a name and what its singular may be."""
    key = _key(name)
    forms = {key}
    if key in _IRREGULAR:
        forms.add(_IRREGULAR[key])
    if key.endswith("men"):
        forms.add(key[:-3] + "man")
    if key.endswith("ies"):
        forms.add(key[:-3] + "y")
    if key.endswith("ves"):
        forms |= {key[:-3] + "f", key[:-3] + "fe"}
    if key.endswith(("ses", "xes", "shes", "ches", "oes")):
        forms.add(key[:-2])
    if key.endswith("s") and not key.endswith("ss"):
        forms.add(key[:-1])
    return forms


def _meanings(name: str) -> set[str]:
    """The forms of a name and the COCO classes that these are other words for, as keys."""
    forms = _forms(name)
    table = _table()
    return forms | {table[form] for form in forms if form in table}


def _synonyms(name: str) -> tuple[str, ...]:
    """The other words for a COCO class, as keys; none for any other name."""
    return tuple(_SYNONYMS[name].split(",")) if name in _SYNONYMS else ()


@cache
def _table(narrower_only: bool = False) -> dict[str, str]:
    """Each other word for a COCO class and the key of that class."""
    sources = (_NARROWER,) if narrower_only else (_SYNONYMS, _NARROWER)
    return {
        word: _key(meant)
        for source in sources
        for meant, words in source.items()
        for word in words.split(",")
    }
