"""How streets with a house number are written in German, French, Italian and English, for `masking`.

The patterns read text without accents (`masking` takes them off); each names its find `it`. A street without a number
stays, and so does a number that measures or counts (`Fussweg 10 Minuten`, `via Zoom 15 Uhr`).
"""

import re

# What follows a number that counts or measures and is no house number.
NO_MEASURE = (
    r"(?!\d|[.,:]\d|\s?(?:%|°|€|\"|″|['’]\d|x\b|×)"
    r"|[\s-]?(?i:min|sek|std|stund|uhr|tag|woche|monat|jahr|mal\b|km\b|m\b|cm\b|mm\b|meter|[gmtk]b\b|mbit|gbit|zoll|ghz|watt|franken"
    r"|fr\b|chf|eur|gerat|geraet|personen|stock|etage|heure|jour|semaine|mois|ans?\b|fois|francs?|metres?|pouces?|appareils?|ore\b"
    r"|ora\b|giorn|settiman|mes[ei]|anni|volt[ae]|franchi|metri|pollic|dispositiv|hours?|days?|times|devices))"
)
TEENS = r"(?:drei|vier|funf|sech|sieb|acht|neun)zehn"
TENS = (
    r"(?:(?:ein|zwei|drei|vier|funf|sechs|sieben|acht|neun)und)?"
    r"(?:zwan|drei|vier|funf|sech|sieb|acht|neun)(?:zig|ssig|ßig)"
)
NUMBER_WORD = rf"(?i:{TEENS}|{TENS}|eins?|zwei|drei|vier|funf|sechs|sieben|acht|neun|zehn|elf|zwolf)\b"
HOUSE = (
    r"(?i:(?:nr|no|numero|nummer|n)[.°º]{0,2}\s?)?\d{1,4}(?:\s?(?:bis|ter)\b|\s?[a-d]\b)?(?:\s?[-/]\s?\d{1,3}\b)?"
    rf"{NO_MEASURE}(?!\w)"
)
BEFORE_PLACE = r"(?=\s?[,;]?\s+(?:CH-?|D-|FL-)?[1-9]\d{3,4}\s+[A-Z]\w+)"

NO_STREET = (
    r"(?!(?i:um|heim|hin|ruck|rueck|fuss|arbeits|schul|rad|geh|aus|durch|vor|unter)weg\b"
    r"|(?i:speicher|park|arbeits|steck|sitz|stell|spiel|stand|liefer|einbau|montage)platz\b|(?i:terrain|fussmatte)\b)"
)
GERMAN_END = r"(?i:weg|wegli|platz|platzli|allee|rain|halde|matte|steig|graben|acker|promenade)"
GERMAN_END_BEFORE_PLACE = (
    r"(?:hof|berg|feld|park|ring|ufer|matt|egg|buhl|tal|dorf|ried|moos|hang|blick|wies\w?|garten|stein|bach|brunnen)"
)
GERMAN_AT = r"(?i:am|im|in\sder|in\sden|an\sder|auf\sder|auf\sdem|zur|zum|beim|unter\sder|ob\sdem)"
GERMAN = (
    # Bahnhofstrasse 12, Zürcher Strasse 4a, Hauptstr. 7, Marktgasse zwölf
    r"(?<!\w)(?P<it>(?:[A-Z]\w{1,30}\s)?(?<![\w.-])[\w.-]{0,40}(?i:strasse|straße|str\.|strassli|gasse|gassli|gassle)\s?,?\s?"
    rf"(?:{HOUSE}|{NUMBER_WORD}))",
    rf"(?<![\w.-])(?P<it>[\w.-]{{3,40}}str\s?{HOUSE})",
    # Birkenweg 12, Dorfplatz 3
    rf"(?<![\w-])(?P<it>{NO_STREET}[A-Za-z][\w-]{{2,40}}{GERMAN_END}\s{HOUSE})",
    # Alter Weg 5, Grosser Platz 3
    rf"(?<!\w)(?P<it>[A-Z]\w{{2,30}}er\s(?:Weg|Platz|Ring|Graben)\s{HOUSE})",
    # Sonnenberg 12, 8004 Zürich; Im Grund 3, 8600 Dübendorf
    rf"(?<!\w)(?P<it>[A-Z]\w{{1,40}}{GERMAN_END_BEFORE_PLACE}\s{HOUSE}){BEFORE_PLACE}",
    rf"(?<!\w)(?P<it>{GERMAN_AT}\s[A-Z]\w{{1,30}}\s{HOUSE}){BEFORE_PLACE}",
)

# "Mise en place de Windows 11" and "via Skype 12" name no street.
NO_PRODUCT = (
    r"(?!(?i:windows|iphone|ipad|ipod|mac(?:os|book)?|imac|office|word|excel|galaxy|android|ios|samsung|huawei|sony|lg|hp|canon|epson"
    r"|brother|fritz\S*|box|swisscom|sunrise|salt|skype|zoom|teams|teamviewer|anydesk|whatsapp|facetime|bluetooth|wlan|wifi|internet"
    r"|kabel\w*|adapter\w*|router\w*|routeur|modem|antenn\w*|steckdose\w*|anschluss\w*|leitung\w*|telefon\w*|handy|e-?mail|mail"
    r"|playstation|chromecast|apple|google|firefox|chrome|tele|television|ordinateur|telephone|imprimante|decodeur|fer|smartphone"
    r"|tablet\w*|app|lan|usb|hdmi|scart|vpn)\b)"
)
OF = r"(?:(?:de\s(?:la|l['’])|du|des|de|d['’]|la|le|les|aux?|l['’])\s?){0,2}"
WAY = r"(?i:rue|ruelle|avenue|av\.|boulevard|bd\.?|chemin|ch\.|impasse|allee|sentier|venelle)"
# These are also plain words, so they need a name with a capital letter: "la place de la télé", but "place du Marché 4".
WAY_WITH_NAME = r"(?<!\ben\s)(?<!\bla\s)(?<!\bsur\s)(?i:route|rte|place|pl\.|quai|square|esplanade|promenade|faubourg)"
HOUSE_BEFORE = r"\d{1,4}(?:\s?(?:bis|ter)|\s?[a-d])?\s?,?\s"
FRENCH = (
    # rue de la Gare 4, ch. des Vignes 7b
    rf"(?<!\w)(?P<it>{WAY}\s{OF}{NO_PRODUCT}[\w'’-]{{2,30}}(?:\s[\w'’-]{{1,30}}){{0,3}}?\s?,?\s{HOUSE})",
    # route de Berne 12, place du Grand Marché 4
    rf"(?<!\w)(?P<it>{WAY_WITH_NAME}\s{OF}{NO_PRODUCT}[A-Z][\w'’-]{{1,30}}(?:\s(?:d\w{{1,2}}\s)?[A-Z][\w'’-]{{1,30}}){{0,2}}"
    rf"\s?,?\s{HOUSE})",
    # 12, rue de la Gare; 4 bis avenue du Léman; 12, place du Marché
    rf"(?<!\w)(?P<it>{HOUSE_BEFORE}{WAY}\s{OF}{NO_PRODUCT}[\w'’-]{{2,30}})",
    rf"(?<!\w)(?P<it>{HOUSE_BEFORE}(?i:route|rte|place|pl\.|quai|square)\s{OF}{NO_PRODUCT}[A-Z][\w'’-]{{1,30}})",
)

ITALIAN_OF = r"(?:(?i:della?|dell['’]|dello|dei|degli|delle|del|di|al|alla|alle|ai|in|san|santa|sant['’]|per)\s?){0,2}"
ITALIAN = (
    # via Roma 12, viale Stefano Franscini 30, piazza della Riforma 1
    r"(?<!\w)(?P<it>(?i:via|viale|piazza|piazzetta|piazzale|corso|vicolo|salita|contrada|stradone|strada)\s"
    rf"{ITALIAN_OF}{NO_PRODUCT}[A-Z][a-z'’][\w'’-]{{0,30}}(?:\s[A-Za-z][\w'’.-]{{0,30}}){{0,2}}?\s?,?\s{HOUSE})",
)
ENGLISH = (r"(?<!\w)(?P<it>\d{1,4}[a-d]?,?\s[A-Z]\w{2,30}\s(?:Street|Road|Avenue|Lane|Square)\b)",)

STREETS = [re.compile(pattern) for pattern in (*GERMAN, *FRENCH, *ITALIAN, *ENGLISH)]
