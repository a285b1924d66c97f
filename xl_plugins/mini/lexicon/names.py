"""Proper names: what each is called in every language.

Some are spelled alike everywhere, some differ (Milan, Mailand), all are transliterated in Hindi. Many double as
ordinary words of one of the languages (König, Cook, Flores, Aslan, Simba, Rani, Bunga), as other kinds of names (Sofia,
Lincoln: a person or a city) or name a company (Meyer): only the sentence tells which. Names take no article.

First names: gender, Hindi. Last names: Hindi. Cities: Hindi[, language:form]. Organisations: pattern per language;
lower case words in it are function words.
"""

from __future__ import annotations

from functools import cache

from xl_plugins.mini.lexicon import each

FIRST = """
Anna = f, अन्ना
Maria = f, मारिया; Sofia = f, सोफ़िया; Victoria = f, विक्टोरिया; Florence = f, फ़्लोरेंस; Paris = f, पेरिस
Sara = f, सारा
Elena = f, एलेना; Laura = f, लौरा; Fatma = f, फ़ातमा; Ayşe = f, आयशे; Zeynep = f, ज़ेनेप; Priya = f, प्रिया
Sunita = f, सुनीता; Asha = f, आशा; Neema = f, नीमा; Amina = f, अमीना; Dewi = f, देवी; Sari = f, सारी; Rani = f, रानी
Fleur = f, फ़्लर; Bunga = f, बुंगा; Malkia = f, मलकिया; Rosa = f, रोज़ा
David = m, डेविड; Daniel = m, डैनियल; Karl = m, कार्ल; Lukas = m, लुकास; Pedro = m, पेद्रो; Juan = m, हुआन
Pierre = m, पियरे; Louis = m, लुई; Ahmet = m, अहमत; Mehmet = m, मेहमत; Rahul = m, राहुल; Amit = m, अमित; Juma = m, जुमा
Baraka = m, बराका; Budi = m, बुदी; Agus = m, आगुस; Raja = m, राजा; Simba = m, सिम्बा; Aslan = m, असलान; León = m, लियोन
Santiago = m, सैंटियागो; Milan = m, मिलान; Hunter = m, हंटर; Omar = m, उमर
"""

LAST = """
Meyer = मेयर
Schmidt = श्मिट; Koch = कोख; König = कोनिग; Bauer = बाउर; Jäger = येगर; King = किंग; Cook = कुक; Stone = स्टोन
Smith = स्मिथ; Brown = ब्राउन; Rey = रे; Flores = फ़्लोरेस; García = गार्सिया; Silva = सिल्वा; Martin = मार्टिन
Bernard = बर्नार्ड
Petit = पेटिट; Dubois = दुबोआ; Yılmaz = यिलमाज़; Demir = देमिर; Taş = ताश; Çiçek = चिचेक; Avcı = अवजी
Sharma = शर्मा
Singh = सिंह; Gupta = गुप्ता; Patel = पटेल; Mwangi = म्वांगी; Tembo = टेम्बो; Otieno = ओटिएनो; Kamau = कमाउ
Wijaya = विजया; Santoso = सांतोसो; Hartono = हार्तोनो; Salim = सलीम; Washington = वाशिंगटन; Lincoln = लिंकन
"""

CITIES = """
Berlin = बर्लिन, es:Berlín; Paris = पेरिस, es:París; London = लंदन, es:Londres, fr:Londres, tr:Londra
Madrid = मैड्रिड; Lima = लीमा; Delhi = दिल्ली; Mumbai = मुंबई; Jakarta = जकार्ता; Bandung = बांडुंग; Nairobi = नैरोबी
Mombasa = मोम्बासा; Ankara = अंकारा; Izmir = इज़मिर, tr:İzmir; Istanbul = इस्तांबुल, tr:İstanbul, es:Estambul
Rome = रोम, de:Rom, es:Roma, id:Roma, sw:Roma, tr:Roma; Milan = मिलान, de:Mailand, es:Milán, tr:Milano
Vienna = वियना, de:Wien, es:Viena, fr:Vienne, id:Wina, tr:Viyana; Munich = म्यूनिख, de:München, es:Múnich, tr:Münih
Geneva = जिनेवा, de:Genf, es:Ginebra, fr:Genève, id:Jenewa, tr:Cenevre; Lagos = लागोस; Quito = क्विटो; Lyon = ल्यों
Moscow = मास्को, de:Moskau, es:Moscú, fr:Moscou, id:Moskwa, sw:Moskva, tr:Moskova; Accra = अकरा, tr:Akra
Cairo = काहिरा, de:Kairo, es:El Cairo, fr:Le Caire, id:Kairo, sw:Kairo, tr:Kahire
Hamburg = हैम्बर्ग, es:Hamburgo, fr:Hambourg
New York = न्यू यॉर्क, es:Nueva York; New Delhi = नई दिल्ली, de:Neu-Delhi, es:Nueva Delhi, tr:Yeni Delhi
Buenos Aires = ब्यूनस आयर्स; Los Angeles = लॉस एंजेलिस, es:Los Ángeles; San José = सैन होसे; Dar es Salaam = दार एस सलाम
Cape Town = केप टाउन, de:Kapstadt, es:Ciudad del Cabo, fr:Le Cap; Marseille = मार्सिले, es:Marsella, tr:Marsilya
Oslo = ओस्लो
Sofia = सोफ़िया, es:Sofía, tr:Sofya; Victoria = विक्टोरिया; Florence = फ़्लोरेंस, de:Florenz, es:Florencia, tr:Floransa
Santiago = सैंटियागो; Washington = वाशिंगटन; Lincoln = लिंकन; Kigali = किगाली; Surabaya = सुराबाया; Bursa = बुर्सा
"""

ORGANISATIONS: dict[str, dict[str, str]] = {
    "university": {
        "en": "University of {0}", "de": "Universität {0}", "es": "Universidad de {0}", "fr": "Université de {0}",
        "hi": "{0} विश्वविद्यालय", "id": "Universitas {0}", "sw": "Chuo Kikuu cha {0}", "tr": "{0} Üniversitesi",
    },
    "bank": {
        "en": "Bank of {0}", "de": "Bank von {0}", "es": "Banco de {0}", "fr": "Banque de {0}",
        "hi": "{0} बैंक", "id": "Bank {0}", "sw": "Benki ya {0}", "tr": "{0} Bankası",
    },
    "museum": {
        "en": "{0} Museum", "de": "Museum {0}", "es": "Museo de {0}", "fr": "Musée de {0}",
        "hi": "{0} संग्रहालय", "id": "Museum {0}", "sw": "Makumbusho ya {0}", "tr": "{0} Müzesi",
    },
    "limited": {
        "en": "{0} Limited", "de": "{0} GmbH", "es": "Compañía {0}", "fr": "Société {0}",
        "hi": "{0} लिमिटेड", "id": "Perusahaan {0}", "sw": "Kampuni ya {0}", "tr": "{0} Şirketi",
    },
    "club": {
        "en": "Club {0}", "de": "Klub {0}", "es": "Club {0}", "fr": "Club {0}",
        "hi": "{0} क्लब", "id": "Klub {0}", "sw": "Klabu ya {0}", "tr": "{0} Kulübü",
    },
    "and": dict.fromkeys("en de es fr hi id sw tr".split(), "{0} & {1}"),
    "alone": dict.fromkeys("en de es fr hi id sw tr".split(), "{0}"),
}  # fmt: skip
CITY_ORGANISATIONS = ("university", "bank", "museum")
PEOPLE_ORGANISATIONS = ("limited", "club", "alone")

PRONOUNS: dict[str, dict[str, str]] = {
    "m": each("he, er, él, il, वह, dia, yeye, o"),
    "f": each("she, sie, ella, elle, वह, dia, yeye, o"),
}
# (before a city, before an organisation): "in Lima", "at Meyer". Turkish has a suffix, Hindi a postposition.
PLACE_MARKS: dict[str, tuple[str, str]] = {
    "en": ("in", "at"), "de": ("in", "bei"), "es": ("en", "en"), "fr": ("à", "chez"), "hi": ("में", "में"),
    "id": ("di", "di"), "sw": ("huko", "katika"), "tr": ("", ""),
}  # fmt: skip


@cache
def _table(text: str) -> dict[str, tuple[str, ...]]:
    table = {}
    for entry in text.strip().replace("\n", ";").split(";"):
        key, _, fields = entry.partition("=")
        table[key.strip()] = tuple(field.strip() for field in fields.split(","))
    return table


@cache
def first_names() -> dict[str, str]:
    """Name: gender."""
    return {name: fields[0] for name, fields in _table(FIRST).items()}


@cache
def last_names() -> tuple[str, ...]:
    return tuple(_table(LAST))


@cache
def cities() -> tuple[str, ...]:
    return tuple(_table(CITIES))


def city(name: str, code: str) -> str:
    """The name of the city in language ``code``."""
    hindi, *others = _table(CITIES)[name]
    if code == "hi":
        return hindi
    return next((form[3:] for form in others if form.startswith(code + ":")), name)


def person(part: str, code: str) -> str:
    """A first or last name in language ``code``."""
    if code != "hi":
        return part
    return _table(FIRST)[part][1] if part in _table(FIRST) else _table(LAST)[part][0]


def is_name(noun: str) -> bool:
    return noun.startswith("@")


def split(noun: str) -> tuple[str, list[str]]:
    """Kind (PER, ORG, LOC, PRO) and parts of a name: "@ORG:bank:Lima" -> ("ORG", ["bank", "Lima"])."""
    what, *parts = noun[1:].split(":")
    return what, parts


@cache
def called(noun: str, code: str) -> tuple[str, ...]:
    """The words of a name, uninflected: ("@PER:Anna:Koch", "hi") -> ("अन्ना", "कोख")."""
    what, parts = split(noun)
    if what == "PRO":
        return (PRONOUNS[parts[0]][code],)
    if what == "LOC":
        return tuple(city(parts[0], code).split(" "))
    if what == "PER":
        return tuple(person(part, code) for part in parts)
    pattern, *owners = parts
    names = [city(name, code) if pattern in CITY_ORGANISATIONS else person(name, code) for name in owners]
    words = ORGANISATIONS[pattern][code].format(*names).split(" ")
    if code == "fr" and len(words) > 2 and words[1] == "de" and words[2][0] in "AEIOU":
        words[1:3] = ["d'" + words[2]]
    if code == "fr" and len(words) > 2 and words[1:3] == ["de", "Le"]:
        words[1:3] = ["du"]
    return tuple(words)


def gender(noun: str) -> str:
    """Grammatical gender of a name where it matters: m, or f for women."""
    what, parts = split(noun)
    return parts[0] if what == "PRO" else first_names().get(parts[0], "m") if what == "PER" else "m"
