"""The sixty customers of Isère & Savoie Télécom, and its own telephones."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Client:
    """`kind`: large, medium, small or home. `calls` = calls of a usual weekday. `fault`: what `ardoise check` must
    find. `change`: a subscription that starts or ends in the month."""

    code: str
    name: str
    kind: str
    city: str
    postal_code: str
    source: str
    fixed: int
    mobiles: int
    calls: int
    branches: tuple[tuple[str, str], ...] = ()
    regime: str = "standard"
    tariff: str = ""
    abroad_percent: int = 5
    countries: tuple[str, ...] = ()
    fault: str = ""
    change: str = ""

    @property
    def issuer(self) -> str:
        return "voixdesalpes" if self.code.startswith("B") else "cimalia"


T, L, O = "transalp", "lemanvoix", "oisans"  # noqa: E741 - columns of the table below
GRE, CHY, ACY = ("Grenoble", "38000"), ("Chambéry", "73000"), ("Annecy", "74000")
PREMIUM = "premium-pro"
ALPS = ("suisse", "italie", "allemagne", "belgique", "royaume-uni")

CLIENTS = (
    Client("A1001", "Fonderie de Bellecombe", "large", "Pontcharra", "38530", T, 12, 3, 34, (GRE, CHY), tariff=PREMIUM,
           abroad_percent=12, countries=ALPS),
    Client("A1002", "Hôtel des Trois Glaciers", "large", "Chamonix-Mont-Blanc", "74400", T, 11, 1, 32,
           abroad_percent=22, countries=ALPS),
    Client("A1003", "Mutuelle du Grésivaudan", "large", "Crolles", "38920", T, 12, 2, 36, (GRE, CHY, ACY),
           tariff=PREMIUM),
    Client("A1004", "Transports Mermoud et Fils", "large", "Albertville", "73200", L, 9, 5, 33,
           (("Moûtiers", "73600"), ACY), abroad_percent=10, countries=("italie", "espagne", "pologne", "roumanie")),
    Client("A1005", "Clinique du Val d’Arly", "large", "Ugine", "73400", T, 12, 1, 31, (("Flumet", "73590"),),
           tariff=PREMIUM),
    Client("A1006", "Coopérative laitière des Bauges", "large", "Le Châtelard", "73630", O, 8, 2, 26, (CHY,)),
    Client("A1007", "Cabinet Rivoire et Associés", "medium", "Grenoble", "38000", T, 5, 1, 12, tariff=PREMIUM),
    Client("A1008", "Menuiserie Chartrousse", "medium", "Saint-Laurent-du-Pont", "38380", O, 4, 1, 10),
    Client("A1009", "Agence immobilière du Lac bleu", "medium", "Annecy", "74000", L, 5, 2, 14,
           (("Sevrier", "74320"),)),
    Client("A1010", "Scierie de Belledonne", "medium", "Allevard", "38580", T, 3, 1, 8, change="ends"),
    Client("A1011", "Garage du Pont-Noir", "medium", "Voiron", "38500", T, 4, 0, 11),
    Client("A1012", "Atelier d’architecture Nivéole", "medium", "Grenoble", "38100", L, 4, 2, 9,
           fault="unknown-prefix"),
    Client("A1013", "Laboratoire Aubépine", "medium", "Meylan", "38240", T, 5, 1, 12, abroad_percent=8),
    Client("A1014", "Notaires des Quatre-Chemins", "medium", "Aix-les-Bains", "73100", O, 5, 0, 13,
           (("Rumilly", "74150"),)),
    Client("A1015", "Imprimerie Fontgrise", "medium", "Échirolles", "38130", T, 4, 0, 10, change="starts"),
    Client("A1016", "Sports Roche-Plane", "medium", "Les Deux Alpes", "38860", O, 4, 1, 9),
    Client("A1017", "École de ski des Aiguilles", "medium", "Val Thorens", "73440", T, 3, 2, 9, abroad_percent=14,
           countries=ALPS),
    Client("A1018", "Chauffage Sanitaire du Nant", "medium", "Cluses", "74300", T, 4, 1, 17, fault="five-times",
           abroad_percent=16, countries=("suisse", "italie", "suisse", "portugal", "maroc")),
    Client("A1019", "Vergers de la Galaure", "medium", "Saint-Marcellin", "38160", L, 3, 1, 8),
    Client("A1020", "Comptoir des Minéraux", "medium", "La Mure", "38350", T, 3, 1, 8, tariff=PREMIUM,
           abroad_percent=18),
    Client("A1021", "Résidence Les Edelweiss", "medium", "Saint-Jean-de-Maurienne", "73300", T, 6, 0, 13,
           (("Modane", "73500"),)),
    Client("A1022", "Bureau d’études Arvan", "medium", "Montmélian", "73800", L, 4, 2, 11, change="arrears"),
    Client("A1023", "Pharmacie des Capucins", "medium", "Bourgoin-Jallieu", "38300", O, 3, 0, 10),
    Client("A1024", "Traiteur La Table d’Oisans", "medium", "Le Bourg-d’Oisans", "38520", O, 3, 1, 8),
    Client("A1025", "Vétérinaires du Guiers", "medium", "Les Échelles", "73360", T, 3, 1, 9,
           (("Entre-deux-Guiers", "38380"),)),
    Client("A1026", "Plomberie Cordier", "small", "Sassenage", "38360", T, 2, 1, 5, abroad_percent=7),
    Client("A1027", "Boulangerie Aux Épis Dorés", "small", "Vizille", "38220", T, 1, 0, 3),
    Client("A1028", "Auto-école du Tilleul", "small", "Fontaine", "38600", L, 2, 1, 5),
    Client("A1029", "Serrurerie Malaval", "small", "Moirans", "38430", T, 2, 0, 6, fault="no-subscription"),
    Client("A1030", "Institut Reine-des-Prés", "small", "Tullins", "38210", O, 1, 0, 4),
    Client("A1031", "Fromagerie du Mont-Joigny", "small", "Saint-Pierre-de-Chartreuse", "38380", T, 2, 0, 4,
           change="starts"),
    Client("A1032", "Cycles Galibier", "small", "Valloire", "73450", L, 1, 1, 4),
    Client("A1033", "Ostéopathie Clairvaux", "small", "Bonneville", "74130", T, 1, 0, 4),
    Client("A1034", "Location Neige et Soleil", "small", "Châtel", "74390", L, 2, 1, 5, abroad_percent=20,
           countries=ALPS),
    Client("A1035", "Électricité Bonvallet", "small", "Thonon-les-Bains", "74200", T, 2, 1, 5),
    Client("A1036", "Rhumerie de l’Anse-Bleue", "medium", "Fort-de-France", "97200", L, 4, 0, 10,
           regime="overseas_dom"),
    Client("A1037", "Cabinet Piton-Vert", "small", "Saint-Denis", "97400", L, 1, 0, 1, regime="overseas_dom",
           abroad_percent=12),
    Client("A1038", "Chantiers de l’Oyapock", "medium", "Cayenne", "97300", L, 4, 0, 9, regime="guyane_mayotte"),
    Client("A1039", "Grésifibre Télécom", "medium", "Montbonnot-Saint-Martin", "38330", T, 6, 0, 40,
           regime="reverse_charge", tariff=PREMIUM),
    Client("A1040", "Opérateur Chablais Voix", "medium", "Évian-les-Bains", "74500", L, 5, 0, 34,
           regime="reverse_charge", tariff=PREMIUM, abroad_percent=15, countries=ALPS),
    Client("A1041", "Fleurs du Vercors", "small", "Villard-de-Lans", "38250", O, 1, 0, 2),
    Client("A1042", "Taxi Ambulances Romanche", "medium", "Livet-et-Gavet", "38220", T, 3, 4, 16,
           (("Vizille", "38220"),)),
    Client("B2001", "Camping de la Cascade", "medium", "Sixt-Fer-à-Cheval", "74740", T, 4, 0, 9, abroad_percent=16,
           countries=ALPS),
    Client("B2002", "Coiffure Mèche Rebelle", "small", "Grenoble", "38000", T, 1, 0, 4),
    Client("B2003", "Gîte du Col vert", "small", "Lans-en-Vercors", "38250", L, 1, 1, 4),
    Client("B2004", "Librairie L’Écritoire", "small", "Chambéry", "73000", T, 2, 0, 5),
    Client("B2005", "Crêperie Blé Noir", "small", "Aix-les-Bains", "73100", O, 1, 0, 4),
    Client("B2006", "Maçonnerie Dos Santos", "small", "Pont-de-Claix", "38800", L, 1, 2, 6,
           countries=("portugal", "espagne"), abroad_percent=10),
    Client("B2007", "Pressing des Arcades", "small", "Annecy", "74000", T, 1, 0, 3, change="ends"),
    Client("B2008", "Ferme de la Dent-Blanche", "small", "Thônes", "74230", T, 1, 1, 4),
    Client("B2009", "Studio Photo Clair-Obscur", "small", "Voiron", "38500", O, 1, 1, 4),
    Client("B2010", "Commission internationale des Refuges", "small", "Pralognan-la-Vanoise", "73710", T, 2, 1, 5,
           (("Champagny", "73350"),), regime="exempt"),
    Client("B2011", "Karaté Club des Marches", "small", "Les Marches", "73800", O, 1, 0, 3),
    Client("B2012", "Brocante du Faubourg", "small", "Saint-Égrève", "38120", T, 1, 0, 4, (("Voreppe", "38340"),)),
    Client("B2013", "Mme Solange Perrachon", "home", "La Tronche", "38700", T, 1, 0, 3),
    Client("B2014", "M. Bastien Corréard", "home", "Cognin", "73160", T, 1, 0, 3),
    Client("B2015", "M. et Mme Durochat", "home", "Seynod", "74600", L, 1, 0, 4),
    Client("B2016", "Mme Yvette Montfalcon", "home", "Domène", "38420", T, 1, 0, 1),
    Client("B2017", "M. Idriss Belkacem", "home", "Gières", "38610", L, 1, 0, 4, abroad_percent=22,
           countries=("algerie", "algerie", "tunisie", "maroc")),
    Client("B2018", "Mme Fabienne Jourdeuil", "home", "Barberaz", "73000", T, 2, 0, 3),
)  # fmt: skip
INTERNAL = Client("A1099", "Isère & Savoie Télécom, usage interne", "medium", "Grenoble", "38000", T, 4, 2, 6)
