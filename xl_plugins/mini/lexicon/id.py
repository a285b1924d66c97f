"""Indonesian. Every entry is the word as used, uninflected; "a" has a form for persons, animals, things."""

NOUNS = """
man = pria; woman = wanita; boy = anak laki-laki; girl = anak perempuan; teacher = guru; doctor = dokter
farmer = petani
student = siswa; neighbour = tetangga; singer = penyanyi; painter = pelukis; soldier = tentara; cook = koki
nurse = perawat; king = raja; queen = ratu; grandmother = nenek; grandfather = kakek; father = ayah; mother = ibu
uncle = paman; aunt = bibi; driver = sopir; guest = tamu; hunter = pemburu; thief = pencuri; child = anak
person = orang
soldier#2 = prajurit; father#2 = bapak; driver#2 = pengemudi; thief#2 = maling
dog = anjing; cat = kucing; horse = kuda; cow = sapi; goat = kambing; sheep = domba; lion = singa; elephant = gajah
monkey = monyet; rabbit = kelinci; mouse = tikus; bear = beruang; camel = unta; donkey = keledai; chicken = ayam
duck = bebek; eagle = elang; parrot = nuri; bird = burung; animal = hewan; animal#2 = binatang; duck#2 = itik
apple = apel; banana = pisang; orange = jeruk; mango = mangga; lemon = lemon; pear = pir; fruit = buah; potato = kentang
tomato = tomat; onion = bawang; carrot = wortel; egg = telur; cake = kue; cucumber = mentimun
water = air; milk = susu; coffee = kopi; tea = teh; juice = jus; drink = minuman
book = buku; letter = surat; newspaper = koran; bag = tas; box = kotak; basket = keranjang; bottle = botol; door = pintu
window = jendela; umbrella = payung; chair = kursi; table = meja; bed = ranjang; hat = topi; shirt = kemeja
dress = gaun; coat = mantel; skirt = rok; garment = pakaian; ball = bola; doll = boneka; kite = layang-layang
toy = mainan; car = mobil; bicycle = sepeda; boat = perahu; truck = truk; bus = bus; vehicle = kendaraan
newspaper#2 = surat kabar; garment#2 = busana
hammer = palu; knife = pisau; saw = gergaji; tool = alat; lamp = lampu; clock = jam; phone = telepon; radio = radio
cup = cangkir; plate = piring; picture = gambar; key = kunci; flower = bunga; stone = batu; mirror = cermin
ring = cincin; tree = pohon; tool#2 = perkakas; flower#2 = kembang
"""

VERBS = """
eat = makan; cook = memasak; drink = minum; buy = membeli; sell = menjual; carry = memikul; wash = mencuci
see = melihat
find = menemukan; lose = kehilangan; open = membuka; close = menutup; push = mendorong; pull = menarik; read = membaca
write = menulis; draw = menggambar; break = merusak; repair = memperbaiki; love = mencintai; hate = membenci
protect = melindungi; attack = menyerang; visit = mengunjungi; feed = memberi makan; follow = mengikuti
throw = melempar; hide = menyembunyikan; steal = mencuri; seek = mencari; greet = menyapa; bring = membawa
sleep = tidur; run = berlari; walk = berjalan; sing = bernyanyi; dance = menari; laugh = tertawa; cry = menangis
swim = berenang; work = bekerja; rest = beristirahat; play = bermain; wait = menunggu; jump = melompat
shout = berteriak; travel = bepergian
see#2 = memandang; push#2 = menyorong; protect#2 = menjaga; wait#2 = menanti
"""

ADJECTIVES = """
aged = tua; young = muda; strong = kuat; weak = lemah; rich = kaya; poor = miskin; happy = bahagia; sad = sedih
sick = sakit; healthy = sehat; lazy = malas; diligent = rajin; fat = gemuk; thin = kurus; big = besar; small = kecil
old = lama; new = baru; heavy = berat; light = ringan; expensive = mahal; cheap = murah; beautiful = indah
ugly = jelek; clean = bersih; dirty = kotor; empty = kosong; full = penuh; fast = cepat; slow = lambat; hot = panas
cold = dingin; white = putih; black = hitam; red = merah; green = hijau; blue = biru; yellow = kuning
happy#2 = gembira; ugly#2 = buruk; slow#2 = pelan
"""

PLACES = """
kitchen = di *dapur; garden = di *kebun; school = di *sekolah; market = di *pasar; hospital = di *rumah sakit
forest = di *hutan; beach = di *pantai; street = di *jalan; stadium = di *stadion; city = di *kota; village = di *desa
station = di *stasiun; house = di *rumah; office = di *kantor; restaurant = di *restoran; shop = di *toko
river = di tepi *sungai; mountain = di *gunung; library = di *perpustakaan; hotel = di *hotel; farm = di *peternakan
bridge = di *jembatan; room = di *kamar; airport = di *bandara; island = di *pulau
"""

TIMES = """
morning = pada *pagi hari; noon = pada *tengah hari; evening = pada *sore hari; night = pada *malam hari
monday = pada hari *Senin; tuesday = pada hari *Selasa; wednesday = pada hari *Rabu; thursday = pada hari *Kamis
friday = pada hari *Jumat; saturday = pada hari *Sabtu; sunday = pada hari *Minggu; spring = pada musim *semi
summer = pada musim *panas; autumn = pada musim *gugur; winter = pada musim *dingin
"""

COUNTS = """
the = itu; a = seorang, seekor, sebuah; two = dua; three = tiga; four = empat; five = lima; six = enam; seven = tujuh
ten = sepuluh; several = beberapa
"""
