"""German. Nouns: singular, gender (m f n), plural[, weak accusative]; verbs: third person, infinitive.

Adjectives: form[, stem before an ending]. None of the verbs is separable and all take the accusative.
"""

NOUNS = """
man = Mann, m, Männer; woman = Frau, f, Frauen; boy = Junge, m, Jungen, Jungen; girl = Mädchen, n, Mädchen
teacher = Lehrer, m, Lehrer; doctor = Arzt, m, Ärzte; farmer = Bauer, m, Bauern, Bauern
student = Student, m, Studenten, Studenten; neighbour = Nachbar, m, Nachbarn, Nachbarn; singer = Sänger, m, Sänger
painter = Maler, m, Maler; soldier = Soldat, m, Soldaten, Soldaten; cook = Koch, m, Köche
nurse = Krankenschwester, f, Krankenschwestern; king = König, m, Könige; queen = Königin, f, Königinnen
grandmother = Großmutter, f, Großmütter; grandfather = Großvater, m, Großväter; father = Vater, m, Väter
mother = Mutter, f, Mütter; uncle = Onkel, m, Onkel; aunt = Tante, f, Tanten; driver = Fahrer, m, Fahrer
guest = Gast, m, Gäste; hunter = Jäger, m, Jäger; thief = Dieb, m, Diebe; child = Kind, n, Kinder
person = Person, f, Personen; grandmother#2 = Oma, f, Omas; grandfather#2 = Opa, m, Opas
dog = Hund, m, Hunde; cat = Katze, f, Katzen; horse = Pferd, n, Pferde; cow = Kuh, f, Kühe; goat = Ziege, f, Ziegen
sheep = Schaf, n, Schafe; lion = Löwe, m, Löwen, Löwen; elephant = Elefant, m, Elefanten, Elefanten
monkey = Affe, m, Affen, Affen; rabbit = Kaninchen, n, Kaninchen; mouse = Maus, f, Mäuse; bear = Bär, m, Bären, Bären
camel = Kamel, n, Kamele; donkey = Esel, m, Esel; chicken = Huhn, n, Hühner; duck = Ente, f, Enten
eagle = Adler, m, Adler; parrot = Papagei, m, Papageien; bird = Vogel, m, Vögel; animal = Tier, n, Tiere
apple = Apfel, m, Äpfel; banana = Banane, f, Bananen; orange = Orange, f, Orangen; mango = Mango, f, Mangos
lemon = Zitrone, f, Zitronen; pear = Birne, f, Birnen; fruit = Frucht, f, Früchte; potato = Kartoffel, f, Kartoffeln
tomato = Tomate, f, Tomaten; onion = Zwiebel, f, Zwiebeln; carrot = Karotte, f, Karotten; egg = Ei, n, Eier
cake = Kuchen, m, Kuchen; cucumber = Gurke, f, Gurken; orange#2 = Apfelsine, f, Apfelsinen; carrot#2 = Möhre, f, Möhren
water = Wasser, n; milk = Milch, f; coffee = Kaffee, m; tea = Tee, m; juice = Saft, m; drink = Getränk, n
book = Buch, n, Bücher; letter = Brief, m, Briefe; newspaper = Zeitung, f, Zeitungen; bag = Tasche, f, Taschen
box = Kiste, f, Kisten; basket = Korb, m, Körbe; bottle = Flasche, f, Flaschen; door = Tür, f, Türen
window = Fenster, n, Fenster; umbrella = Regenschirm, m, Regenschirme; chair = Stuhl, m, Stühle
table = Tisch, m, Tische; bed = Bett, n, Betten; hat = Hut, m, Hüte; shirt = Hemd, n, Hemden; dress = Kleid, n, Kleider
coat = Mantel, m, Mäntel; skirt = Rock, m, Röcke; garment = Kleidungsstück, n, Kleidungsstücke; ball = Ball, m, Bälle
doll = Puppe, f, Puppen; kite = Drachen, m, Drachen; toy = Spielzeug, n, Spielzeuge; car = Auto, n, Autos
bicycle = Fahrrad, n, Fahrräder; boat = Boot, n, Boote; truck = Lastwagen, m, Lastwagen; bus = Bus, m, Busse
vehicle = Fahrzeug, n, Fahrzeuge; car#2 = Wagen, m, Wagen; bicycle#2 = Rad, n, Räder; hammer = Hammer, m, Hämmer
knife = Messer, n, Messer; saw = Säge, f, Sägen; tool = Werkzeug, n, Werkzeuge; lamp = Lampe, f, Lampen
clock = Uhr, f, Uhren; phone = Telefon, n, Telefone; radio = Radio, n, Radios; cup = Tasse, f, Tassen
plate = Teller, m, Teller; picture = Bild, n, Bilder; key = Schlüssel, m, Schlüssel; flower = Blume, f, Blumen
stone = Stein, m, Steine; mirror = Spiegel, m, Spiegel; ring = Ring, m, Ringe; tree = Baum, m, Bäume
"""

VERBS = """
eat = isst, essen; cook = kocht, kochen; drink = trinkt, trinken; buy = kauft, kaufen; sell = verkauft, verkaufen
carry = trägt, tragen; wash = wäscht, waschen; see = sieht, sehen; find = findet, finden; lose = verliert, verlieren
open = öffnet, öffnen; close = schließt, schließen; push = schiebt, schieben; pull = zieht, ziehen; read = liest, lesen
write = schreibt, schreiben; draw = zeichnet, zeichnen; break = zerbricht, zerbrechen; repair = repariert, reparieren
love = liebt, lieben; hate = hasst, hassen; protect = beschützt, beschützen; attack = attackiert, attackieren
visit = besucht, besuchen; feed = füttert, füttern; follow = verfolgt, verfolgen; throw = wirft, werfen
hide = versteckt, verstecken; steal = stiehlt, stehlen; seek = sucht, suchen; greet = begrüßt, begrüßen
bring = bringt, bringen; sleep = schläft, schlafen; run = rennt, rennen; walk = geht, gehen; sing = singt, singen
dance = tanzt, tanzen; laugh = lacht, lachen; cry = weint, weinen; swim = schwimmt, schwimmen
work = arbeitet, arbeiten; rest = ruht, ruhen; play = spielt, spielen; wait = wartet, warten; jump = springt, springen
shout = schreit, schreien; travel = reist, reisen
buy#2 = erwirbt, erwerben; see#2 = erblickt, erblicken; draw#2 = skizziert, skizzieren; shout#2 = brüllt, brüllen
"""

ADJECTIVES = """
aged = betagt; young = jung; strong = stark; weak = schwach; rich = reich; poor = arm; happy = glücklich
sad = traurig; sick = krank; healthy = gesund; lazy = faul; diligent = fleißig; fat = dick; thin = dünn; big = groß
small = klein; old = alt; new = neu; heavy = schwer; light = leicht; expensive = teuer, teur; cheap = billig
beautiful = schön; ugly = hässlich; clean = sauber; dirty = schmutzig; empty = leer; full = voll; fast = schnell
slow = langsam; hot = heiß; cold = kalt; white = weiß; black = schwarz; red = rot; green = grün; blue = blau
yellow = gelb; rich#2 = wohlhabend; happy#2 = froh; cheap#2 = günstig; strong#2 = kräftig
"""

PLACES = """
kitchen = in der *Küche; garden = im *Garten; school = in der *Schule; market = auf dem *Markt
hospital = im *Krankenhaus; forest = im *Wald; beach = am *Strand; street = auf der *Straße; stadium = im *Stadion
city = in der *Stadt; village = im *Dorf; station = am *Bahnhof; house = im *Haus; office = im *Büro
restaurant = im *Restaurant; shop = im *Laden; river = am *Fluss; mountain = auf dem *Berg; library = in der *Bibliothek
hotel = im *Hotel; farm = auf dem *Bauernhof; bridge = auf der *Brücke; room = im *Zimmer; airport = am *Flughafen
island = auf der *Insel
"""

TIMES = """
morning = am *Morgen; noon = am *Mittag; evening = am *Abend; night = in der *Nacht; monday = am *Montag
tuesday = am *Dienstag; wednesday = am *Mittwoch; thursday = am *Donnerstag; friday = am *Freitag
saturday = am *Samstag; sunday = am *Sonntag; spring = im *Frühling; summer = im *Sommer; autumn = im *Herbst
winter = im *Winter
"""

COUNTS = """
the = d; a = ein; two = zwei; three = drei; four = vier; five = fünf; six = sechs; seven = sieben; ten = zehn
several = mehrere
"""
