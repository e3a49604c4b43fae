"""The rows of the sample databases, made by generators that start with the same seed each time."""

from datetime import date, timedelta
from random import Random
from uuid import UUID

PLACES = ["Chile", "Egypt", "Ghana", "India", "Japan", "Kenya", "Norway", "Spain"]
PEOPLE = ["admin", "alice", "bob", "edith"]  # the users of tests/conftest.py who write on the site of stories
SYLLABLES = ["ba", "cho", "du", "fen", "gil", "ha", "jo", "kra", "lim", "mo", "nue", "pi", "ra", "so", "tev", "wu"]
FOODS = ["Bread", "Cheese", "Fish", "Fruit", "Spice", "Tea"]
KINDS = ["Comedy", "Crime", "Family", "Horror", "Nature", "Sport", "War", "Western"]
TAGS = ["art", "databases", "games", "law", "networks", "python", "security", "typography", "wood"]
FIRST_DAY = date(2024, 1, 1)


class Maker:
    """Makes values and rows at random, the same ones for the same seed."""

    def __init__(self, seed):
        self.random = Random(seed)
        self.taken = set()
        self.choice = self.random.choice
        self.number = self.random.randint

    def rows(self, count, make):
        """Return `count` rows, each with an id and what `make` returns for its number."""
        return [{"id": str(UUID(int=self.random.getrandbits(128), version=4))} | make(i) for i in range(count)]

    def name(self):
        """Return a name that no other row has."""
        name = "".join(self.random.sample(SYLLABLES, 3)).capitalize()
        if name in self.taken:
            return self.name()
        self.taken.add(name)
        return name

    def some(self, values, most):
        """Return at most `most` of the values, in any order."""
        return self.random.sample(values, self.number(0, min(most, len(values))))

    def id_of(self, rows):
        """Return the id of one of the rows."""
        return self.choice(rows)["id"]

    def ids_of(self, rows, most):
        """Return the ids of at most `most` of the rows."""
        return [row["id"] for row in self.some(rows, most)]

    def pairs(self, lefts, rights, most):
        """Return pairs of ids: each of `lefts` with one to `most` different ones of `rights`."""
        return [
            (left["id"], right["id"])
            for left in lefts
            for right in self.random.sample(rights, self.number(1, min(most, len(rights))))
        ]

    def cents(self, lowest, highest, step=1):
        """Return an amount of money between two numbers of cents, as text."""
        return money(self.random.randrange(lowest, highest, step))

    def day(self, after=FIRST_DAY, days=600):
        """Return a day at most `days` after another one."""
        return after + timedelta(self.number(0, days))


def money(cents):
    """Return a number of cents as a decimal number."""
    return f"{cents // 100}.{cents % 100:02}"


def music():
    """Return the rows of music.yml by resource, each before those that refer to it."""
    make = Maker(1)
    artists = make.rows(14, lambda i: {"name": make.name()})
    albums = make.rows(30, lambda i: {"title": make.name(), "artist": make.id_of(artists)})
    tracks = make.rows(150, lambda i: _track(make, albums))
    playlists = make.rows(6, lambda i: {"name": make.name(), "tracks": make.ids_of(tracks, 25) if i else []})
    staff = make.rows(6, lambda i: {"name": make.name(), "title": "Sales" if i else "Head", "boss": None})
    for number, person in enumerate(staff[1:], 1):
        person["boss"] = staff[number // 3]["id"]
    customers = make.rows(
        20, lambda i: {"name": make.name(), "country": make.choice(PLACES), "agent": make.id_of(staff)}
    )
    invoices = make.rows(90, lambda i: {"customer": make.id_of(customers), "billed": str(make.day())})
    prices, countries = _column(tracks, "price"), _column(customers, "country")
    pairs = make.pairs(invoices, tracks[:120], 4)
    lines = make.rows(len(pairs), lambda i: _sold(*pairs[i], prices, make.number(1, 2)))
    for invoice in invoices:
        own = [line for line in lines if line["invoice"] == invoice["id"]]
        cents = sum(round(float(line["price"]) * 100) * line["quantity"] for line in own)
        invoice |= {"country": countries[invoice["customer"]], "total": money(cents)}
    named = {"artists": artists, "albums": albums, "tracks": tracks, "playlists": playlists, "staff": staff}
    return named | {"customers": customers, "invoices": invoices, "invoice_lines": lines}


def _track(make, albums):
    kinds = {
        "genre": make.choice(["folk", "jazz", "metal", "polka", "tango"]),
        "formats": make.some(["flac", "mp3", "ogg"], 3),
    }
    sizes = {"seconds": make.number(60, 900), "price": make.choice(["0.99", "1.29", "1.99"])}
    return {"title": make.name(), "album": make.id_of(albums)} | kinds | sizes


def _sold(invoice, track, prices, quantity):
    return {"invoice": invoice, "track": track, "price": prices[track], "quantity": quantity}


def _column(rows, name):
    return {row["id"]: row[name] for row in rows}


def orders():
    """Return the rows of orders.yml by resource, each before those that refer to it."""
    make = Maker(2)
    suppliers = make.rows(10, lambda i: {"name": make.name(), "country": make.choice(PLACES)})
    categories = make.rows(len(FOODS), lambda i: {"name": FOODS[i]})
    products = make.rows(50, lambda i: _product(make, suppliers, categories))
    employees = make.rows(7, lambda i: {"name": make.name(), "manager": None, "hired": str(make.day())})
    for number, person in enumerate(employees[1:], 1):
        person["manager"] = employees[number // 4]["id"]
    customers = make.rows(24, lambda i: {"company": make.name(), "country": make.choice(PLACES)})
    sales = make.rows(100, lambda i: _order(make, customers[:20], employees))
    prices = _column(products, "price")
    pairs = make.pairs(sales, products, 4)
    lines = make.rows(len(pairs), lambda i: _ordered(make, *pairs[i], prices))
    named = {"suppliers": suppliers, "categories": categories, "products": products, "employees": employees}
    return named | {"customers": customers, "orders": sales, "order_lines": lines}


def _product(make, suppliers, categories):
    references = {"supplier": make.id_of(suppliers), "category": make.id_of(categories)}
    # Steps of 20 cents, so that no discount of whole 5 percent leaves a part of a cent.
    stock = {"price": make.cents(200, 9000, 20), "in_stock": make.number(0, 60), "reorder_level": make.number(0, 30)}
    return {"name": make.name(), "discontinued": make.number(1, 8) == 1} | references | stock


def _order(make, customers, employees):
    ordered = make.day()
    required = ordered + timedelta(make.number(7, 30))
    shipped = None if make.number(1, 6) == 1 else str(make.day(ordered, 35))
    days = {"ordered": str(ordered), "required": str(required), "shipped": shipped}
    return {
        "customer": make.id_of(customers),
        "employee": make.id_of(employees),
        "freight": make.cents(100, 20_000),
    } | days


def _ordered(make, order, product, prices):
    amounts = {"price": prices[product], "quantity": make.number(1, 40), "discount": make.choice([0, 0, 0, 5, 10, 25])}
    return {"order": order, "product": product} | amounts


def films():
    """Return the rows of films.yml by resource, each before those that refer to it."""
    make = Maker(3)
    categories = make.rows(len(KINDS), lambda i: {"name": KINDS[i]})
    families = [make.name() for _ in range(12)]
    actors = make.rows(30, lambda i: {"first_name": make.name(), "last_name": make.choice(families)})
    films = make.rows(60, lambda i: _film(make, categories))
    pairs = make.pairs(films, actors, 5)
    castings = make.rows(len(pairs), lambda i: {"film": pairs[i][0], "actor": pairs[i][1], "part": make.name()})
    stores = make.rows(2, lambda i: {"city": make.name(), "opens": ["09:00", "10:30"][i]})
    copies = make.rows(120, lambda i: {"film": make.id_of(films[:55]), "store": make.id_of(stores)})
    customers = make.rows(25, lambda i: {"name": make.name(), "store": make.id_of(stores), "active": i % 9 > 0})
    rentals = make.rows(200, lambda i: _rental(make, copies, customers))
    paid = rentals[:180]
    payments = make.rows(
        180, lambda i: {"rental": paid[i]["id"], "customer": paid[i]["customer"], "amount": make.cents(99, 999)}
    )
    named = {"categories": categories, "actors": actors, "films": films, "castings": castings, "stores": stores}
    return named | {"copies": copies, "customers": customers, "rentals": rentals, "payments": payments}


def _film(make, categories):
    kinds = {"rating": make.choice(["all", "teens", "adults"]), "categories": make.ids_of(categories, 3)}
    sizes = {"minutes": make.number(46, 185), "rent": make.choice(["0.99", "2.99", "4.99"])}
    return {"title": make.name(), "extras": make.some(["bloopers", "comments", "trailers"], 3)} | kinds | sizes


def _rental(make, copies, customers):
    rented = make.day()
    returned = None if make.number(1, 8) == 1 else str(make.day(rented, 10))
    return {"copy": make.id_of(copies), "customer": make.id_of(customers), "rented": str(rented), "returned": returned}


def stories(users):
    """Return the rows of stories.yml by resource, each before those that refer to it; `users` are ids by name."""
    make = Maker(4)
    people = [users[name] for name in PEOPLE]
    tags = make.rows(len(TAGS), lambda i: {"name": TAGS[i]})
    stories = make.rows(45, lambda i: _story(make, people[:3], tags[:7]))
    comments = make.rows(110, lambda i: _comment(make, people, stories[:35]))
    for number, comment in enumerate(comments[1:], 1):
        earlier = [each for each in comments[:number] if each["story"] == comment["story"]]
        comment["parent"] = make.id_of(earlier) if earlier and make.number(0, 1) else None
    pairs = [(person, story["id"]) for story in stories for person in make.some(people, 4)]
    values = [{"user": user, "story": story, "value": make.choice([-1, 1, 1])} for user, story in pairs]
    return {"tags": tags, "stories": stories, "comments": comments, "votes": make.rows(len(values), values.__getitem__)}


def _story(make, people, tags):
    name = make.name()
    link = {"url": make.choice([None, f"https://example.com/{name.lower()}"]), "tags": make.ids_of(tags, 3)}
    return {
        "title": f"{name} {make.choice(['explained', 'revisited'])}",
        "author": make.choice(people),
        "created_at": _moment(make),
    } | link


def _comment(make, people, stories):
    row = {"story": make.id_of(stories), "author": make.choice(people), "parent": None, "created_at": _moment(make)}
    return row | {"body": f"{make.name()} {make.name().lower()}."}


def _moment(make):
    return f"{make.day(days=90)}T{make.number(0, 23):02}:{make.number(0, 59):02}:00Z"
