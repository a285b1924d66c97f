"""Hindi. Nouns: direct singular, gender[, direct plural[, oblique plural]] ("!" after m: a noun in -ā that keeps it).

Verbs: stem[, postposition of an animate object]; words before the stem are the nominal part of a compound verb.
Adjectives in -ā agree, the others are invariable. Places and times carry their postposition.
"""

NOUNS = """
man = आदमी, m; woman = औरत, f; boy = लड़का, m; girl = लड़की, f; teacher = अध्यापक, m; doctor = डॉक्टर, m
farmer = किसान, m
student = छात्र, m; neighbour = पड़ोसी, m; singer = गायक, m; painter = चित्रकार, m; soldier = सैनिक, m
cook = बावर्ची, m
nurse = नर्स, f; king = राजा, m!; queen = रानी, f; grandmother = दादी, f; grandfather = दादा, m!; father = पिता, m!
mother = माता, f; uncle = चाचा, m!; aunt = चाची, f; driver = ड्राइवर, m; guest = मेहमान, m; hunter = शिकारी, m
thief = चोर, m; child = बच्चा, m; person = व्यक्ति, m; woman#2 = महिला, f; teacher#2 = शिक्षक, m; man#2 = पुरुष, m
guest#2 = अतिथि, m
dog = कुत्ता, m; cat = बिल्ली, f; horse = घोड़ा, m; cow = गाय, f; goat = बकरी, f; sheep = भेड़, f; lion = शेर, m
elephant = हाथी, m; monkey = बंदर, m; rabbit = ख़रगोश, m; mouse = चूहा, m; bear = भालू, m; camel = ऊँट, m
donkey = गधा, m; chicken = मुर्गी, f; duck = बत्तख़, f; eagle = उक़ाब, m; parrot = तोता, m; bird = पक्षी, m
animal = जानवर, m; lion#2 = सिंह, m; bird#2 = चिड़िया, f, चिड़ियाँ, चिड़ियों
apple = सेब, m; banana = केला, m; orange = संतरा, m; mango = आम, m; lemon = नींबू, m; pear = नाशपाती, f; fruit = फल, m
potato = आलू, m; tomato = टमाटर, m; onion = प्याज़, m; carrot = गाजर, f; egg = अंडा, m; cake = केक, m
cucumber = खीरा, m
water = पानी, m; milk = दूध, m; coffee = कॉफ़ी, f; tea = चाय, f; juice = रस, m; drink = पेय, m; water#2 = जल, m
book = किताब, f; letter = चिट्ठी, f; newspaper = अख़बार, m; bag = थैला, m; box = डिब्बा, m; basket = टोकरी, f
bottle = बोतल, f; door = दरवाज़ा, m; window = खिड़की, f; umbrella = छाता, m; chair = कुर्सी, f; table = मेज़, f
bed = पलंग, m; hat = टोपी, f; shirt = क़मीज़, f; dress = पोशाक, f; coat = कोट, m; skirt = स्कर्ट, f; garment = कपड़ा, m
ball = गेंद, f; doll = गुड़िया, f, गुड़ियाँ, गुड़ियों; kite = पतंग, f; toy = खिलौना, m; car = कार, f
bicycle = साइकिल, f
boat = नाव, f; truck = ट्रक, m; bus = बस, f; vehicle = वाहन, m; book#2 = पुस्तक, f; letter#2 = पत्र, m; car#2 = गाड़ी, f
hammer = हथौड़ा, m; knife = चाकू, m; saw = आरी, f; tool = औज़ार, m; lamp = लैंप, m; clock = घड़ी, f; phone = फ़ोन, m
radio = रेडियो, m; cup = प्याला, m; plate = प्लेट, f; picture = तस्वीर, f; key = चाबी, f; flower = फूल, m
stone = पत्थर, m; mirror = आईना, m; ring = अँगूठी, f; tree = पेड़, m; flower#2 = पुष्प, m
"""

VERBS = """
eat = खा; cook = पका; drink = पी; buy = ख़रीद; sell = बेच; carry = ढो; wash = धो; see = देख; find = पा; lose = खो
open = खोल; close = बंद कर; push = धकेल; pull = खींच; read = पढ़; write = लिख; draw = चित्र बना, का; break = तोड़
repair = ठीक कर; love = प्यार कर, से; hate = नफ़रत कर, से; protect = रक्षा कर, की; attack = हमला कर, पर; visit = मिल, से
feed = खिला; follow = पीछा कर, का; throw = फेंक; hide = छिपा; steal = चुरा; seek = खोज; greet = नमस्ते कर; bring = ला
sleep = सो; run = दौड़; walk = चल; sing = गा; dance = नाच; laugh = हँस; cry = रो; swim = तैर; work = काम कर
rest = आराम कर; play = खेल; wait = इंतज़ार कर; jump = कूद; shout = चिल्ला; travel = यात्रा कर
seek#2 = ढूँढ; love#2 = प्रेम कर, से; hate#2 = घृणा कर, से; travel#2 = सफ़र कर
"""

ADJECTIVES = """
aged = बूढ़ा; young = जवान; strong = ताक़तवर; weak = कमज़ोर; rich = अमीर; poor = ग़रीब; happy = ख़ुश; sad = दुखी
sick = बीमार; healthy = स्वस्थ; lazy = आलसी; diligent = मेहनती; fat = मोटा; thin = पतला; big = बड़ा; small = छोटा
old = पुराना; new = नया; heavy = भारी; light = हल्का; expensive = महँगा; cheap = सस्ता; beautiful = सुंदर
ugly = बदसूरत; clean = साफ़; dirty = गंदा; empty = ख़ाली; full = भरा हुआ; fast = तेज़; slow = धीमा; hot = गर्म
cold = ठंडा; white = सफ़ेद; black = काला; red = लाल; green = हरा; blue = नीला; yellow = पीला
beautiful#2 = ख़ूबसूरत; rich#2 = धनी; poor#2 = निर्धन; dirty#2 = मैला
"""

PLACES = """
kitchen = *रसोई में; garden = *बग़ीचे में; school = *स्कूल में; market = *बाज़ार में; hospital = *अस्पताल में
forest = *जंगल में; beach = *समुद्रतट पर; street = *सड़क पर; stadium = *स्टेडियम में; city = *शहर में
village = *गाँव में; station = *स्टेशन पर; house = *घर में; office = *दफ़्तर में; restaurant = *रेस्तराँ में
shop = *दुकान में; river = *नदी के किनारे; mountain = *पहाड़ पर; library = *पुस्तकालय में; hotel = *होटल में
farm = *खेत में; bridge = *पुल पर; room = *कमरे में; airport = *हवाई अड्डे पर; island = *द्वीप पर
"""

TIMES = """
morning = *सुबह; noon = *दोपहर को; evening = *शाम को; night = *रात को; monday = *सोमवार को; tuesday = *मंगलवार को
wednesday = *बुधवार को; thursday = *गुरुवार को; friday = *शुक्रवार को; saturday = *शनिवार को; sunday = *रविवार को
spring = *वसंत में; summer = *गर्मियों में; autumn = *पतझड़ में; winter = *सर्दियों में
"""

COUNTS = """
the = ; a = एक; two = दो; three = तीन; four = चार; five = पाँच; six = छह; seven = सात; ten = दस; several = कई
"""
