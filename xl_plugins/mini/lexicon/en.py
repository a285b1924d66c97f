"""English. Nouns: singular[, plural]; verbs: base[, third person]; adjectives: form; the regular forms are derived."""

NOUNS = """
man = man, men; woman = woman, women; boy = boy; girl = girl; teacher = teacher; doctor = doctor; farmer = farmer
student = student; neighbour = neighbour; singer = singer; painter = painter; soldier = soldier; cook = cook
nurse = nurse; king = king; queen = queen; grandmother = grandmother; grandfather = grandfather; father = father
mother = mother; uncle = uncle; aunt = aunt; driver = driver; guest = guest; hunter = hunter; thief = thief, thieves
child = child, children; person = person, people
child#2 = kid; doctor#2 = physician; cook#2 = chef; grandmother#2 = grandma; thief#2 = robber
dog = dog; cat = cat; horse = horse; cow = cow; goat = goat; sheep = sheep, sheep; lion = lion; elephant = elephant
monkey = monkey; rabbit = rabbit; mouse = mouse, mice; bear = bear; camel = camel; donkey = donkey; chicken = chicken
duck = duck; eagle = eagle; parrot = parrot; bird = bird; animal = animal
apple = apple; banana = banana; orange = orange; mango = mango, mangoes; lemon = lemon; pear = pear
fruit = fruit, fruits
potato = potato, potatoes; tomato = tomato, tomatoes; onion = onion; carrot = carrot; egg = egg; cake = cake
cucumber = cucumber
water = water; milk = milk; coffee = coffee; tea = tea; juice = juice; drink = drink; drink#2 = beverage
book = book; letter = letter; newspaper = newspaper; bag = bag; box = box, boxes; basket = basket; bottle = bottle
door = door; window = window; umbrella = umbrella; chair = chair; table = table; bed = bed
hat = hat; shirt = shirt; dress = dress, dresses; coat = coat; skirt = skirt; garment = garment
ball = ball; doll = doll; kite = kite; toy = toy
car = car; bicycle = bicycle; boat = boat; truck = truck; bus = bus, buses; vehicle = vehicle
car#2 = automobile; bicycle#2 = bike; truck#2 = lorry, lorries
hammer = hammer; knife = knife, knives; saw = saw; tool = tool
lamp = lamp; clock = clock; phone = phone; radio = radio; phone#2 = telephone
cup = cup; plate = plate; picture = picture; key = key; flower = flower; stone = stone; mirror = mirror; ring = ring
tree = tree; stone#2 = rock
"""

VERBS = """
eat = eat; cook = cook; drink = drink; buy = buy; sell = sell; carry = carry; wash = wash; see = see; find = find
lose = lose; open = open; close = close; push = push; pull = pull; read = read; write = write; draw = draw
break = break; repair = repair; love = love; hate = hate; protect = protect; attack = attack; visit = visit
feed = feed; follow = follow; throw = throw; hide = hide; steal = steal; seek = seek; greet = greet; bring = bring
sleep = sleep; run = run; walk = walk; sing = sing; dance = dance; laugh = laugh; cry = cry; swim = swim; work = work
rest = rest; play = play; wait = wait; jump = jump; shout = shout; travel = travel
buy#2 = purchase; close#2 = shut; repair#2 = fix; draw#2 = sketch; shout#2 = yell; cry#2 = weep
hide#2 = conceal; protect#2 = guard; find#2 = discover
"""

ADJECTIVES = """
aged = elderly; young = young; strong = strong; weak = weak; rich = rich; poor = poor; happy = happy; sad = sad
sick = sick; healthy = healthy; lazy = lazy; diligent = diligent; fat = fat; thin = thin; big = big; small = small
old = old; new = new; heavy = heavy; light = light; expensive = expensive; cheap = cheap; beautiful = beautiful
ugly = ugly; clean = clean; dirty = dirty; empty = empty; full = full; fast = fast; slow = slow; hot = hot; cold = cold
white = white; black = black; red = red; green = green; blue = blue; yellow = yellow
big#2 = large; small#2 = little; sick#2 = ill; happy#2 = glad; rich#2 = wealthy; fast#2 = quick
"""

PLACES = """
kitchen = in the *kitchen; garden = in the *garden; school = at the *school; market = at the *market
hospital = in the *hospital; forest = in the *forest; beach = on the *beach; street = on the *street
stadium = in the *stadium; city = in the *city; village = in the *village; station = at the *station
house = in the *house; office = in the *office; restaurant = in the *restaurant; shop = in the *shop
river = by the *river; mountain = on the *mountain; library = in the *library; hotel = in the *hotel
farm = on the *farm; bridge = on the *bridge; room = in the *room; airport = at the *airport; island = on the *island
"""

TIMES = """
morning = in the *morning; noon = at *noon; evening = in the *evening; night = at *night
monday = on *Monday; tuesday = on *Tuesday; wednesday = on *Wednesday; thursday = on *Thursday; friday = on *Friday
saturday = on *Saturday; sunday = on *Sunday
spring = in *spring; summer = in *summer; autumn = in *autumn; winter = in *winter
"""

COUNTS = """
the = the; a = a; two = two; three = three; four = four; five = five; six = six; seven = seven; ten = ten
several = several
"""
