"""Turkish. Nouns: nominative[, stem before a vowel[, accusative]]; plurals are not needed, numbers take the singular.

Verbs: stem[, case of the object (dat, abl; accusative else)]; a word before the stem is a fixed first part.
Adjectives and places are given as used.
"""

NOUNS = """
man = adam; woman = kadın; boy = oğlan; girl = kız; teacher = öğretmen; doctor = doktor; farmer = çiftçi
student = öğrenci; neighbour = komşu; singer = şarkıcı; painter = ressam; soldier = asker; cook = aşçı; nurse = hemşire
king = kral; queen = kraliçe; grandmother = büyükanne; grandfather = dede; father = baba; mother = anne; uncle = amca
aunt = teyze; driver = şoför; guest = misafir; hunter = avcı; thief = hırsız; child = çocuk, çocuğ; person = kişi
grandmother#2 = nine; guest#2 = konuk, konuğ; driver#2 = sürücü; doctor#2 = hekim
dog = köpek, köpeğ; cat = kedi; horse = at; cow = inek, ineğ; goat = keçi; sheep = koyun; lion = aslan; elephant = fil
monkey = maymun; rabbit = tavşan; mouse = fare; bear = ayı; camel = deve; donkey = eşek, eşeğ; chicken = tavuk, tavuğ
duck = ördek, ördeğ; eagle = kartal; parrot = papağan; bird = kuş; animal = hayvan
apple = elma; banana = muz; orange = portakal, portakal, portakalı; mango = mango; lemon = limon; pear = armut, armud
fruit = meyve; potato = patates; tomato = domates; onion = soğan; carrot = havuç, havuc; egg = yumurta; cake = kek
cucumber = salatalık, salatalığ; cucumber#2 = hıyar
water = su, suy, suyu; milk = süt; coffee = kahve; tea = çay; juice = meyve suyu, , meyve suyunu; drink = içecek, içeceğ
book = kitap, kitab; letter = mektup, mektub; newspaper = gazete; bag = çanta; box = kutu; basket = sepet
bottle = şişe; door = kapı; window = pencere; umbrella = şemsiye; chair = sandalye; table = masa; bed = yatak, yatağ
hat = şapka; shirt = gömlek, gömleğ; dress = elbise; coat = palto; skirt = etek, eteğ; garment = giysi; ball = top
doll = bebek, bebeğ; kite = uçurtma; toy = oyuncak, oyuncağ; car = araba; bicycle = bisiklet; boat = tekne
truck = kamyon; bus = otobüs; vehicle = araç, arac; car#2 = otomobil; garment#2 = kıyafet
hammer = çekiç, çekic; knife = bıçak, bıçağ; saw = testere; tool = alet; lamp = lamba; clock = saat, saat, saati
phone = telefon; radio = radyo; cup = fincan; plate = tabak, tabağ; picture = resim, resm; key = anahtar
flower = çiçek, çiçeğ; stone = taş; mirror = ayna; ring = yüzük, yüzüğ; tree = ağaç, ağac
"""

VERBS = """
eat = ye; cook = pişir; drink = iç; buy = satın al; sell = sat; carry = taşı; wash = yıka; see = gör; find = bul
lose = kaybet; open = aç; close = kapat; push = it; pull = çek; read = oku; write = yaz; draw = çiz; break = kır
repair = tamir et; love = sev; hate = nefret et, abl; protect = koru; attack = saldır, dat; visit = ziyaret et
feed = besle; follow = takip et; throw = at; hide = sakla; steal = çal; seek = ara; greet = selamla; bring = getir
sleep = uyu; run = koş; walk = yürü; sing = şarkı söyle; dance = dans et; laugh = gül; cry = ağla; swim = yüz
work = çalış; rest = dinlen; play = oyna; wait = bekle; jump = zıpla; shout = bağır; travel = seyahat et
repair#2 = onar; throw#2 = fırlat; hide#2 = gizle; follow#2 = izle
"""

ADJECTIVES = """
aged = yaşlı; young = genç; strong = güçlü; weak = güçsüz; rich = zengin; poor = fakir; happy = mutlu; sad = üzgün
sick = hasta; healthy = sağlıklı; lazy = tembel; diligent = çalışkan; fat = şişman; thin = zayıf; big = büyük
small = küçük; old = eski; new = yeni; heavy = ağır; light = hafif; expensive = pahalı; cheap = ucuz
beautiful = güzel; ugly = çirkin; clean = temiz; dirty = kirli; empty = boş; full = dolu; fast = hızlı; slow = yavaş
hot = sıcak; cold = soğuk; white = beyaz; black = siyah; red = kırmızı; green = yeşil; blue = mavi; yellow = sarı
poor#2 = yoksul; strong#2 = kuvvetli; small#2 = ufak; dirty#2 = pis; black#2 = kara
"""

PLACES = """
kitchen = *mutfakta; garden = *bahçede; school = *okulda; market = *pazarda; hospital = *hastanede; forest = *ormanda
beach = *plajda; street = *sokakta; stadium = *stadyumda; city = *şehirde; village = *köyde; station = *istasyonda
house = *evde; office = *ofiste; restaurant = *lokantada; shop = *dükkânda; river = *nehir kenarında
mountain = *dağda; library = *kütüphanede; hotel = *otelde; farm = *çiftlikte; bridge = *köprüde; room = *odada
airport = *havaalanında; island = *adada
"""

TIMES = """
morning = *sabahleyin; noon = *öğleyin; evening = *akşamleyin; night = *geceleyin; monday = *pazartesi günü
tuesday = *salı günü; wednesday = *çarşamba günü; thursday = *perşembe günü; friday = *cuma günü
saturday = *cumartesi günü; sunday = *pazar günü; spring = *ilkbaharda; summer = *yazın; autumn = *sonbaharda
winter = *kışın
"""

COUNTS = """
the = ; a = bir; two = iki; three = üç; four = dört; five = beş; six = altı; seven = yedi; ten = on; several = birkaç
"""
