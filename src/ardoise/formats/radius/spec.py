"""What an installer and a reader of records must know about RADIUS accounting."""

from ardoise.formats.spec import FieldSpec, FormatSpec, OptionSpec

_FIELDS = (
    FieldSpec("start", "fin (Event-Timestamp) moins la durée", "end (Event-Timestamp) less the duration"),
    FieldSpec("end", "instant du dernier relevé, UTC", "instant of the last record, UTC"),
    FieldSpec("duration_s", "Acct-Session-Time", "Acct-Session-Time", "s"),
    FieldSpec("units", "octets, dans les deux sens", "octets, both ways", "octets"),
    FieldSpec("octets_in, octets_out", "octets reçus de l'abonné, envoyés à lui", "octets from the user, to the user"),
    FieldSpec("gigawords", "débordements de 2^32 octets, déjà comptés", "overflows of 2^32 octets, already counted"),
    FieldSpec("packets_in, packets_out", "paquets", "packets"),
    FieldSpec("extension", "User-Name : l'identifiant de la ligne", "User-Name: the identifier of the line"),
    FieldSpec("calling", "Calling-Station-Id : adresse MAC, ou numéro", "Calling-Station-Id: MAC address, or number"),
    FieldSpec("called", "Called-Station-Id : point d'accès, ou numéro", "Called-Station-Id: access point, or number"),
    FieldSpec(
        "station", "Called-Station-Id, quand access_point le remplace", "Called-Station-Id, when access_point stands"
    ),
    FieldSpec("session", "Acct-Session-Id", "Acct-Session-Id"),
    FieldSpec("user", "User-Name", "User-Name"),
    FieldSpec("cause", "Acct-Terminate-Cause", "Acct-Terminate-Cause"),
    FieldSpec("nas, nas_port", "équipement d'accès et son port", "access server and its port"),
    FieldSpec("framed_ip", "adresse donnée à l'abonné", "address given to the user"),
    FieldSpec("in_progress", "relevé intermédiaire : la session dure encore", "interim record: the session goes on"),
    FieldSpec("ring_s", "appel voix : de l'établissement à la réponse", "voice call: from setup to connect", "s"),
    FieldSpec("conference_id", "appel voix : h323-conf-id", "voice call: h323-conf-id"),
)

SPEC = FormatSpec(
    name="radius",
    title="RADIUS accounting (FreeRADIUS, MikroTik, Cisco ...)",
    summary_fr="Sessions de données (ou appels d'une passerelle) : paquets UDP acquittés, ou fichiers detail.",
    summary_en="Data sessions (or calls of a gateway): acknowledged UDP packets, or detail files.",
    firmware="RFC 2866, RFC 2869",
    transports=("radius", "file"),
    default_port=1813,
    firewall="UDP 1813 (NAS -> Ardoise)",
    kind="keyed",
    grade="A",
    fields=_FIELDS,
    options=(
        OptionSpec(
            "sessions",
            "latest",
            ("latest", "stop"),
            "latest : chaque relevé intermédiaire remplace le précédent, un Stop perdu ne perd que la fin ; stop : "
            "seul le Stop compte.",
            "latest: each interim record replaces the one before, a lost Stop loses only the end; stop: only the Stop "
            "counts.",
        ),
        OptionSpec(
            "access_point",
            "",
            (),
            "Ce que les tarifs reconnaissent d'une session : « internet » se tarife par le préfixe « ?internet » ; "
            "vide : Called-Station-Id, ou « data » s'il manque.",
            "What tariffs know of a session: internet is priced by the prefix ?internet; empty: Called-Station-Id, or "
            "data where it is missing.",
        ),
        OptionSpec(
            "call_leg",
            "originate",
            ("originate", "answer", "both"),
            "Passerelle voix : la branche comptée (h323-call-origin).",
            "Voice gateway: the leg that counts (h323-call-origin).",
        ),
    ),
    pbx_steps_fr=(
        "Choisir un secret partagé, long et au hasard ; le donner à Ardoise par une variable ou un fichier : "
        'link = { secret = "env:RADIUS_SECRET" }.',
        "Source Ardoise : transport radius, port 1813 ; ouvrir UDP 1813 depuis les équipements d'accès.",
        "MikroTik : /radius add service=ppp,hotspot address=ARDOISE accounting-port=1813 secret=... ; "
        "/ppp aaa set accounting=yes interim-update=10m.",
        "FreeRADIUS : un home_server de type acct vers Ardoise, ou déposer ses fichiers detail dans le dossier "
        "de la source (transport files).",
        "Relevés intermédiaires toutes les 10 minutes : ils bornent ce qu'un Stop perdu ferait perdre.",
        "Tarif : une ligne de nature data, préfixe « ?internet » avec l'option access_point = internet, prix pour "
        "1048576 octets.",
        "Déclarer chaque User-Name comme identifiant (extension) de la ligne qui paie.",
        'Essayer : echo "Acct-Status-Type=Stop,Acct-Session-Id=1,User-Name=essai" | radclient ARDOISE:1813 acct SECRET',
    ),
    pbx_steps_en=(
        "Choose a shared secret, long and random; give it to Ardoise by a variable or a file: "
        'link = { secret = "env:RADIUS_SECRET" }.',
        "Ardoise source: transport radius, port 1813; open UDP 1813 from the access servers.",
        "MikroTik: /radius add service=ppp,hotspot address=ARDOISE accounting-port=1813 secret=...; "
        "/ppp aaa set accounting=yes interim-update=10m.",
        "FreeRADIUS: a home_server of type acct towards Ardoise, or drop its detail files into the folder of the "
        "source (transport files).",
        "Interim records every 10 minutes: they bound what a lost Stop would lose.",
        "Tariff: a row of kind data, prefix ?internet with the option access_point = internet, a price for 1048576 "
        "octets.",
        "Declare each User-Name as an identifier (extension) of the line that pays.",
        'Try: echo "Acct-Status-Type=Stop,Acct-Session-Id=1,User-Name=try" | radclient ARDOISE:1813 acct SECRET',
    ),
    traps_fr=(
        "Un paquet n'est acquitté qu'une fois écrit sur le disque : sans réponse, l'équipement le renvoie. "
        "Rien ne se perd.",
        "Un paquet d'un autre secret reste sans réponse, comme le veut la RFC ; Ardoise en fait une alarme.",
        "Les compteurs sont cumulés : chaque relevé remplace le précédent de la même session (équipement, "
        "Acct-Session-Id, jour du début).",
        "Les identifiants de session recommencent au redémarrage de l'équipement : le jour du début les distingue.",
        "Les compteurs d'octets débordent à 4 Gio : Acct-*-Gigawords est compté.",
        "Sans Event-Timestamp, Ardoise ajoute au paquet l'heure d'arrivée moins Acct-Delay-Time.",
        "L'heure en tête d'un fichier detail est locale : elle ne sert que s'il n'y a ni Event-Timestamp ni Timestamp.",
    ),
    traps_en=(
        "A packet is acknowledged only once it is on the disk: without an answer the NAS sends it again. "
        "Nothing is lost.",
        "A packet with another secret stays without an answer, as the RFC asks; Ardoise raises an alarm.",
        "Counters are cumulative: each record replaces the one before of the same session (NAS, Acct-Session-Id, day "
        "it began).",
        "Session ids begin again when the NAS restarts: the day the session began tells them apart.",
        "Counters of octets overflow at 4 GiB: Acct-*-Gigawords is counted.",
        "Without an Event-Timestamp, Ardoise adds to the packet the time of arrival less Acct-Delay-Time.",
        "The time at the head of a detail record is local: it serves only without Event-Timestamp and Timestamp.",
    ),
    not_proven_fr=("Attributs Cisco des appels voix (h323-*) : écrits d'après la documentation, sans capture.",),
    not_proven_en=("Cisco attributes of voice calls (h323-*): written from documentation, without a capture.",),
    sources=(
        "RFC 2866 RADIUS Accounting, RFC 2869 RADIUS Extensions, RFC 5080",
        "FreeRADIUS detail files; a log of a MikroTik hotspot",
    ),
)
