"""Spanish. Nouns: singular, gender[, plural] (gender "fa": feminine with the article el/un, as el agua).

Verbs: third person singular, plural, future singular; adjectives: masculine[, feminine[, masculine plural[, feminine
plural]]]. Regular forms are derived.
"""

NOUNS = """
man = hombre, m; woman = mujer, f; boy = chico, m; girl = chica, f; teacher = profesor, m; doctor = médico, m
farmer = agricultor, m; student = estudiante, m; neighbour = vecino, m; singer = cantante, m; painter = pintor, m
soldier = soldado, m; cook = cocinero, m; nurse = enfermera, f; king = rey, m; queen = reina, f; grandmother = abuela, f
grandfather = abuelo, m; father = padre, m; mother = madre, f; uncle = tío, m; aunt = tía, f; driver = conductor, m
guest = invitado, m; hunter = cazador, m; thief = ladrón, m, ladrones; child = niño, m; person = persona, f
doctor#2 = doctor, m; farmer#2 = campesino, m; boy#2 = muchacho, m; girl#2 = muchacha, f
dog = perro, m; cat = gato, m; horse = caballo, m; cow = vaca, f; goat = cabra, f; sheep = oveja, f
lion = león, m, leones; elephant = elefante, m; monkey = mono, m; rabbit = conejo, m; mouse = ratón, m, ratones
bear = oso, m; camel = camello, m; donkey = burro, m; chicken = gallina, f; duck = pato, m; eagle = águila, fa
parrot = loro, m; bird = ave, fa; animal = animal, m; donkey#2 = asno, m
apple = manzana, f; banana = plátano, m; orange = naranja, f; mango = mango, m; lemon = limón, m, limones
pear = pera, f
fruit = fruta, f; potato = patata, f; tomato = tomate, m; onion = cebolla, f; carrot = zanahoria, f; egg = huevo, m
cake = pastel, m; cucumber = pepino, m; cake#2 = tarta, f
water = agua, fa; milk = leche, f; coffee = café, m; tea = té, m; juice = zumo, m; drink = bebida, f
book = libro, m; letter = carta, f; newspaper = periódico, m; bag = bolsa, f; box = caja, f; basket = cesta, f
bottle = botella, f; door = puerta, f; window = ventana, f; umbrella = paraguas, m, paraguas; chair = silla, f
table = mesa, f; bed = cama, f; hat = sombrero, m; shirt = camisa, f; dress = vestido, m; coat = abrigo, m
skirt = falda, f; garment = prenda, f; ball = pelota, f; doll = muñeca, f; kite = cometa, f; toy = juguete, m
car = coche, m; bicycle = bicicleta, f; boat = barco, m; truck = camión, m, camiones; bus = autobús, m, autobuses
vehicle = vehículo, m; bicycle#2 = bici, f; newspaper#2 = diario, m; ball#2 = balón, m, balones
hammer = martillo, m; knife = cuchillo, m; saw = sierra, f; tool = herramienta, f; lamp = lámpara, f
clock = reloj, m, relojes; phone = teléfono, m; radio = radio, f; cup = taza, f; plate = plato, m; picture = cuadro, m
key = llave, f; flower = flor, f; stone = piedra, f; mirror = espejo, m; ring = anillo, m; tree = árbol, m
"""

VERBS = """
eat = come, comen, comerá; cook = cocina, cocinan, cocinará; drink = bebe, beben, beberá
buy = compra, compran, comprará
sell = vende, venden, venderá; carry = lleva, llevan, llevará; wash = lava, lavan, lavará; see = ve, ven, verá
find = encuentra, encuentran, encontrará; lose = pierde, pierden, perderá; open = abre, abren, abrirá
close = cierra, cierran, cerrará; push = empuja, empujan, empujará; pull = arrastra, arrastran, arrastrará
read = lee, leen, leerá; write = escribe, escriben, escribirá; draw = dibuja, dibujan, dibujará
break = rompe, rompen, romperá; repair = repara, reparan, reparará; love = ama, aman, amará; hate = odia, odian, odiará
protect = protege, protegen, protegerá; attack = ataca, atacan, atacará; visit = visita, visitan, visitará
feed = alimenta, alimentan, alimentará; follow = sigue, siguen, seguirá; throw = lanza, lanzan, lanzará
hide = esconde, esconden, esconderá; steal = roba, roban, robará; seek = busca, buscan, buscará
greet = saluda, saludan, saludará; bring = trae, traen, traerá; sleep = duerme, duermen, dormirá
run = corre, corren, correrá; walk = camina, caminan, caminará; sing = canta, cantan, cantará
dance = baila, bailan, bailará; laugh = ríe, ríen, reirá; cry = llora, lloran, llorará; swim = nada, nadan, nadará
work = trabaja, trabajan, trabajará; rest = descansa, descansan, descansará; play = juega, juegan, jugará
wait = espera, esperan, esperará; jump = salta, saltan, saltará; shout = grita, gritan, gritará
travel = viaja, viajan, viajará
repair#2 = arregla, arreglan, arreglará; throw#2 = tira, tiran, tirará; hide#2 = oculta, ocultan, ocultará
walk#2 = anda, andan, andará; find#2 = halla, hallan, hallará
"""

ADJECTIVES = """
aged = anciano; young = joven, joven, jóvenes, jóvenes; strong = fuerte; weak = débil; rich = rico; poor = pobre
happy = feliz; sad = triste; sick = enfermo; healthy = sano; lazy = perezoso; diligent = trabajador, trabajadora
fat = gordo; thin = delgado; big = grande; small = pequeño; old = viejo; new = nuevo; heavy = pesado; light = ligero
expensive = caro; cheap = barato; beautiful = bonito; ugly = feo; clean = limpio; dirty = sucio; empty = vacío
full = lleno; fast = rápido; slow = lento; hot = caliente; cold = frío; white = blanco; black = negro; red = rojo
green = verde; blue = azul; yellow = amarillo
happy#2 = contento; lazy#2 = vago; thin#2 = flaco; beautiful#2 = hermoso; fast#2 = veloz
"""

PLACES = """
kitchen = en la *cocina; garden = en el *jardín; school = en la *escuela; market = en el *mercado
hospital = en el *hospital; forest = en el *bosque; beach = en la *playa; street = en la *calle
stadium = en el *estadio; city = en la *ciudad; village = en el *pueblo; station = en la *estación; house = en la *casa
office = en la *oficina; restaurant = en el *restaurante; shop = en la *tienda; river = junto al *río
mountain = en la *montaña; library = en la *biblioteca; hotel = en el *hotel; farm = en la *granja
bridge = en el *puente; room = en la *habitación; airport = en el *aeropuerto; island = en la *isla
"""

TIMES = """
morning = por la *mañana; noon = al *mediodía; evening = por la *tarde; night = por la *noche; monday = el *lunes
tuesday = el *martes; wednesday = el *miércoles; thursday = el *jueves; friday = el *viernes; saturday = el *sábado
sunday = el *domingo; spring = en *primavera; summer = en *verano; autumn = en *otoño; winter = en *invierno
"""

COUNTS = """
the = el; a = un; two = dos; three = tres; four = cuatro; five = cinco; six = seis; seven = siete; ten = diez
several = varios
"""
