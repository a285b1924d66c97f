"""French. Nouns: singular, gender[, plural]; verbs: third person singular, plural, future stem[, particle after it].

Adjectives: masculine[, feminine[, masculine plural[, masculine before a vowel]]]; a leading "<" puts the adjective
before the noun, "=" marks an invariable one. Regular forms are derived. "h" is mute in every noun listed.
"""

NOUNS = """
man = homme, m; woman = femme, f; boy = garçon, m; girl = fille, f; teacher = professeur, m; doctor = médecin, m
farmer = agriculteur, m; student = étudiant, m; neighbour = voisin, m; singer = chanteur, m; painter = peintre, m
soldier = soldat, m; cook = cuisinier, m; nurse = infirmière, f; king = roi, m; queen = reine, f
grandmother = grand-mère, f, grands-mères; grandfather = grand-père, m, grands-pères; father = père, m; mother = mère, f
uncle = oncle, m; aunt = tante, f; driver = conducteur, m; guest = invité, m; hunter = chasseur, m; thief = voleur, m
child = enfant, m; person = personne, f; farmer#2 = paysan, m; driver#2 = chauffeur, m
dog = chien, m; cat = chat, m; horse = cheval, m, chevaux; cow = vache, f; goat = chèvre, f; sheep = mouton, m
lion = lion, m; elephant = éléphant, m; monkey = singe, m; rabbit = lapin, m; mouse = souris, f, souris
bear = ours, m, ours; camel = chameau, m; donkey = âne, m; chicken = poule, f; duck = canard, m; eagle = aigle, m
parrot = perroquet, m; bird = oiseau, m; animal = animal, m, animaux
apple = pomme, f; banana = banane, f; orange = orange, f; mango = mangue, f; lemon = citron, m; pear = poire, f
fruit = fruit, m; potato = pomme de terre, f, pommes de terre; tomato = tomate, f; onion = oignon, m
carrot = carotte, f
egg = œuf, m; cake = gâteau, m; cucumber = concombre, m; potato#2 = patate, f
water = eau, f; milk = lait, m; coffee = café, m; tea = thé, m; juice = jus, m; drink = boisson, f
book = livre, m; letter = lettre, f; newspaper = journal, m, journaux; bag = sac, m; box = boîte, f; basket = panier, m
bottle = bouteille, f; door = porte, f; window = fenêtre, f; umbrella = parapluie, m; chair = chaise, f
table = table, f
bed = lit, m; hat = chapeau, m; shirt = chemise, f; dress = robe, f; coat = manteau, m; skirt = jupe, f
garment = vêtement, m; ball = ballon, m; doll = poupée, f; kite = cerf-volant, m, cerfs-volants; toy = jouet, m
car = voiture, f; bicycle = vélo, m; boat = bateau, m; truck = camion, m; bus = bus, m, bus; vehicle = véhicule, m
bicycle#2 = bicyclette, f; car#2 = auto, f
hammer = marteau, m; knife = couteau, m; saw = scie, f; tool = outil, m; lamp = lampe, f; clock = horloge, f
phone = téléphone, m; radio = radio, f; cup = tasse, f; plate = assiette, f; picture = tableau, m; key = clé, f
flower = fleur, f; stone = pierre, f; mirror = miroir, m; ring = bague, f; tree = arbre, m
"""

VERBS = """
eat = mange, mangent, manger; cook = cuisine, cuisinent, cuisiner; drink = boit, boivent, boir
buy = achète, achètent, achèter; sell = vend, vendent, vendr; carry = porte, portent, porter; wash = lave, lavent, laver
see = voit, voient, verr; find = trouve, trouvent, trouver; lose = perd, perdent, perdr; open = ouvre, ouvrent, ouvrir
close = ferme, ferment, fermer; push = pousse, poussent, pousser; pull = tire, tirent, tirer; read = lit, lisent, lir
write = écrit, écrivent, écrir; draw = dessine, dessinent, dessiner; break = casse, cassent, casser
repair = répare, réparent, réparer; love = aime, aiment, aimer; hate = déteste, détestent, détester
protect = protège, protègent, protéger; attack = attaque, attaquent, attaquer; visit = rend, rendent, rendr, visite à
feed = nourrit, nourrissent, nourrir; follow = suit, suivent, suivr; throw = lance, lancent, lancer
hide = cache, cachent, cacher; steal = vole, volent, voler; seek = cherche, cherchent, chercher
greet = salue, saluent, saluer; bring = apporte, apportent, apporter; sleep = dort, dorment, dormir
run = court, courent, courr; walk = marche, marchent, marcher; sing = chante, chantent, chanter
dance = danse, dansent, danser; laugh = rit, rient, rir; cry = pleure, pleurent, pleurer; swim = nage, nagent, nager
work = travaille, travaillent, travailler; rest = se repose, se reposent, se reposer; play = joue, jouent, jouer
wait = attend, attendent, attendr; jump = saute, sautent, sauter; shout = crie, crient, crier
travel = voyage, voyagent, voyager
throw#2 = jette, jettent, jetter; break#2 = brise, brisent, briser; shout#2 = hurle, hurlent, hurler
hate#2 = hait, haïssent, haïr
"""

ADJECTIVES = """
aged = âgé; young = <jeune; strong = fort; weak = faible; rich = riche; poor = pauvre
happy = heureux, heureuse, heureux; sad = triste; sick = malade; healthy = sain; lazy = paresseux, paresseuse, paresseux
diligent = travailleur, travailleuse; fat = <gros, grosse, gros; thin = maigre; big = <grand; small = <petit
old = <vieux, vieille, vieux, vieil; new = <nouveau, nouvelle, nouveaux, nouvel; heavy = lourd; light = léger, légère
expensive = cher, chère; cheap = =bon marché; beautiful = <beau, belle, beaux, bel; ugly = laid; clean = propre
dirty = sale; empty = vide; full = plein; fast = rapide; slow = lent; hot = chaud; cold = froid; white = blanc, blanche
black = noir; red = rouge; green = vert; blue = bleu; yellow = jaune
happy#2 = content; rich#2 = fortuné; beautiful#2 = <joli; thin#2 = mince
"""

PLACES = """
kitchen = dans la *cuisine; garden = dans le *jardin; school = à *l'école; market = au *marché; hospital = à *l'hôpital
forest = dans la *forêt; beach = à la *plage; street = dans la *rue; stadium = au *stade; city = dans la *ville
village = dans le *village; station = à la *gare; house = dans la *maison; office = au *bureau
restaurant = au *restaurant; shop = au *magasin; river = au bord de la *rivière; mountain = à la *montagne
library = à la *bibliothèque; hotel = à *l'hôtel; farm = à la *ferme; bridge = sur le *pont; room = dans la *chambre
airport = à *l'aéroport; island = sur *l'île
"""

TIMES = """
morning = le *matin; noon = à *midi; evening = le *soir; night = la *nuit; monday = le *lundi; tuesday = le *mardi
wednesday = le *mercredi; thursday = le *jeudi; friday = le *vendredi; saturday = le *samedi; sunday = le *dimanche
spring = au *printemps; summer = en *été; autumn = en *automne; winter = en *hiver
"""

COUNTS = """
the = le; a = un; two = deux; three = trois; four = quatre; five = cinq; six = six; seven = sept; ten = dix
several = plusieurs
"""
