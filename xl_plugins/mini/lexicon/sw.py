"""Swahili. Nouns: singular, plural, class of the singular (1, 3, 5, 7, 9, 11; 6 for liquids in ma-).

Animates agree as class 1/2 whatever their form. Verbs: stem, with a complement after it where the verb is a phrase.
Adjectives: stem with a leading hyphen (takes a class prefix), "enye X" (having X), "a X" (of X), "aliyejaa" for the
relative "full", anything else is invariable.
"""

NOUNS = """
man = mwanamume, wanaume, 1; woman = mwanamke, wanawake, 1; boy = mvulana, wavulana, 1; girl = msichana, wasichana, 1
teacher = mwalimu, walimu, 1; doctor = daktari, madaktari, 1; farmer = mkulima, wakulima, 1
student = mwanafunzi, wanafunzi, 1; neighbour = jirani, majirani, 1; singer = mwimbaji, waimbaji, 1
painter = mchoraji, wachoraji, 1; soldier = mwanajeshi, wanajeshi, 1; cook = mpishi, wapishi, 1
nurse = muuguzi, wauguzi, 1
king = mfalme, wafalme, 1; queen = malkia, malkia, 1; grandmother = bibi, mabibi, 1; grandfather = babu, mababu, 1
father = baba, akina baba, 1; mother = mama, akina mama, 1; uncle = mjomba, wajomba, 1; aunt = shangazi, mashangazi, 1
driver = dereva, madereva, 1; guest = mgeni, wageni, 1; hunter = mwindaji, wawindaji, 1; thief = mwizi, wezi, 1
child = mtoto, watoto, 1; person = mtu, watu, 1; singer#2 = msanii wa muziki, wasanii wa muziki, 1
dog = mbwa, mbwa, 1; cat = paka, paka, 1; horse = farasi, farasi, 1; cow = ng'ombe, ng'ombe, 1; goat = mbuzi, mbuzi, 1
sheep = kondoo, kondoo, 1; lion = simba, simba, 1; elephant = tembo, tembo, 1; monkey = tumbili, tumbili, 1
rabbit = sungura, sungura, 1; mouse = panya, panya, 1; bear = dubu, dubu, 1; camel = ngamia, ngamia, 1
donkey = punda, punda, 1; chicken = kuku, kuku, 1; duck = bata, bata, 1; eagle = tai, tai, 1; parrot = kasuku, kasuku, 1
bird = ndege, ndege, 1; animal = mnyama, wanyama, 1; elephant#2 = ndovu, ndovu, 1; monkey#2 = kima, kima, 1
apple = tufaha, matufaha, 5; banana = ndizi, ndizi, 9; orange = chungwa, machungwa, 5; mango = embe, maembe, 5
lemon = limau, malimau, 5; pear = pea, pea, 9; fruit = tunda, matunda, 5; potato = kiazi, viazi, 7
tomato = nyanya, nyanya, 9; onion = kitunguu, vitunguu, 7; carrot = karoti, karoti, 9; egg = yai, mayai, 5
cake = keki, keki, 9; cucumber = tango, matango, 5
water = maji, maji, 6; milk = maziwa, maziwa, 6; coffee = kahawa, kahawa, 9; tea = chai, chai, 9
juice = juisi, juisi, 9
drink = kinywaji, vinywaji, 7
book = kitabu, vitabu, 7; letter = barua, barua, 9; newspaper = gazeti, magazeti, 5; bag = mfuko, mifuko, 3
box = sanduku, masanduku, 5; basket = kikapu, vikapu, 7; bottle = chupa, chupa, 9; door = mlango, milango, 3
window = dirisha, madirisha, 5; umbrella = mwavuli, miavuli, 3; chair = kiti, viti, 7; table = meza, meza, 9
bed = kitanda, vitanda, 7; hat = kofia, kofia, 9; shirt = shati, mashati, 5; dress = gauni, magauni, 5
coat = koti, makoti, 5; skirt = sketi, sketi, 9; garment = vazi, mavazi, 5; ball = mpira, mipira, 3
doll = mwanasesere, wanasesere, 1; kite = tiara, tiara, 9; toy = kitu cha kuchezea, vitu vya kuchezea, 7
car = gari, magari, 5; bicycle = baiskeli, baiskeli, 9; boat = mashua, mashua, 9; truck = lori, malori, 5
bus = basi, mabasi, 5; vehicle = chombo cha usafiri, vyombo vya usafiri, 7; hammer = nyundo, nyundo, 9
knife = kisu, visu, 7; saw = msumeno, misumeno, 3; tool = kifaa, vifaa, 7; lamp = taa, taa, 9; clock = saa, saa, 9
phone = simu, simu, 9; radio = redio, redio, 9; cup = kikombe, vikombe, 7; plate = sahani, sahani, 9
picture = picha, picha, 9; key = ufunguo, funguo, 11; flower = ua, maua, 5; stone = jiwe, mawe, 5
mirror = kioo, vioo, 7
ring = pete, pete, 9; tree = mti, miti, 3; car#2 = motokaa, motokaa, 9
"""

VERBS = """
eat = la; cook = pika; drink = nywa; buy = nunua; sell = uza; carry = beba; wash = osha; see = ona; find = pata
lose = poteza; open = fungua; close = funga; push = sukuma; pull = vuta; read = soma; write = andika; draw = chora
break = vunja; repair = tengeneza; love = penda; hate = chukia; protect = linda; attack = shambulia; visit = tembelea
feed = lisha; follow = fuata; throw = rusha; hide = ficha; steal = iba; seek = tafuta; greet = salimu; bring = leta
sleep = lala; run = kimbia; walk = tembea; sing = imba; dance = cheza dansi; laugh = cheka; cry = lia; swim = ogelea
work = fanya kazi; rest = pumzika; play = cheza; wait = subiri; jump = ruka; shout = piga kelele; travel = safiri
wait#2 = ngoja; throw#2 = tupa; protect#2 = hifadhi
"""

ADJECTIVES = """
aged = -zee; young = -changa; strong = enye nguvu; weak = dhaifu; rich = tajiri; poor = maskini; happy = enye furaha
sad = enye huzuni; sick = -gonjwa; healthy = enye afya; lazy = -vivu; diligent = enye bidii; fat = -nene
thin = -embamba; big = -kubwa; small = -dogo; old = a zamani; new = -pya; heavy = -zito; light = -epesi
expensive = ghali; cheap = rahisi; beautiful = -zuri; ugly = -baya; clean = safi; dirty = -chafu; empty = -tupu
full = -liojaa; fast = enye kasi; slow = a polepole; hot = a moto; cold = baridi; white = -eupe; black = -eusi
red = -ekundu; green = a kijani; blue = a buluu; yellow = a manjano
"""

PLACES = """
kitchen = *jikoni; garden = *bustanini; school = *shuleni; market = *sokoni; hospital = *hospitalini; forest = *msituni
beach = *ufukweni; street = *barabarani; stadium = *uwanjani; city = *mjini; village = *kijijini; station = *kituoni
house = *nyumbani; office = *ofisini; restaurant = *mgahawani; shop = *dukani; river = kando ya *mto
mountain = *mlimani; library = *maktabani; hotel = *hotelini; farm = *shambani; bridge = *darajani; room = *chumbani
airport = katika *uwanja wa ndege; island = *kisiwani
"""

TIMES = """
morning = *asubuhi; noon = *adhuhuri; evening = *jioni; night = *usiku; monday = *Jumatatu; tuesday = *Jumanne
wednesday = *Jumatano; thursday = *Alhamisi; friday = *Ijumaa; saturday = *Jumamosi; sunday = *Jumapili
spring = wakati wa *masika; summer = wakati wa *kiangazi; autumn = wakati wa *vuli; winter = wakati wa *baridi
"""

COUNTS = """
the = ; a = ; two = -wili; three = -tatu; four = -nne; five = -tano; six = sita; seven = saba; ten = kumi
several = kadhaa
"""
