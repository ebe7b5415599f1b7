"""What an installer and a reader of tickets must know about Cisco CUCM call detail records."""

from ardoise.formats.spec import FieldSpec, FormatSpec, OptionSpec

_FIELDS = (
    FieldSpec("start", "dateTimeOrigination (UTC)", "dateTimeOrigination (UTC)"),
    FieldSpec("duration_s", "duration : conversation", "duration: talk", "s"),
    FieldSpec(
        "ring_s",
        "jusqu'à dateTimeConnect, sinon dateTimeDisconnect",
        "until dateTimeConnect, else dateTimeDisconnect",
        "s",
    ),
    FieldSpec("calling", "callingPartyNumber", "callingPartyNumber"),
    FieldSpec("called", "originalCalledPartyNumber", "originalCalledPartyNumber"),
    FieldSpec(
        "direction", "d'après les deux équipements : téléphone ou jonction", "from the two devices: phone or trunk"
    ),
    FieldSpec("extension", "appelant ; en entrée, finalCalledPartyNumber", "caller; incoming, finalCalledPartyNumber"),
    FieldSpec(
        "trunk",
        "jonction SIP ou passerelle (origDeviceName, destDeviceName)",
        "SIP trunk or gateway (origDeviceName, destDeviceName)",
    ),
    FieldSpec(
        "transferred_from",
        "lastRedirectDn, s'il n'est pas le poste final",
        "lastRedirectDn, unless it is the final one",
    ),
    FieldSpec("account_code", "clientMatterCode (CMC)", "clientMatterCode (CMC)"),
    FieldSpec("call_id", "globalCallID_callId", "globalCallID_callId"),
    FieldSpec("record_id", "pkid, propre à chaque ticket", "pkid, of each record alone"),
    FieldSpec("voicemail, conference", "d'après l'équipement appelé", "from the device called"),
    FieldSpec("answer, end", "dateTimeConnect, dateTimeDisconnect (UTC)", "dateTimeConnect, dateTimeDisconnect (UTC)"),
    FieldSpec("status, cause", "busy ou failed, d'après la cause Q.850", "busy or failed, from the Q.850 cause"),
    FieldSpec("redirect_reason", "raison du dernier renvoi", "reason of the last diversion"),
    FieldSpec("dialled_on_trunk", "outpulsedCalledPartyNumber", "outpulsedCalledPartyNumber"),
    FieldSpec("presented", "outpulsedCallingPartyNumber", "outpulsedCallingPartyNumber"),
    FieldSpec("authorization", "code d'autorisation (FAC)", "authorisation code (FAC)"),
    FieldSpec("hunt_pilot", "numéro de groupe (huntPilotDN)", "hunt pilot (huntPilotDN)"),
    FieldSpec("from_device, to_device", "équipements", "devices"),
    FieldSpec("call_manager, cluster", "nœud et cluster", "node and cluster"),
    FieldSpec("at, packets_lost, jitter_ms, latency_ms", "CMR : qualité d'une jambe", "CMR: quality of a leg"),
)

SPEC = FormatSpec(
    name="cisco_cucm",
    title="Cisco CUCM (CDR, CMR)",
    summary_fr="Fichiers CDR et CMR poussés par SFTP, colonnes nommées par la première ligne, heures UTC.",
    summary_en="CDR and CMR files pushed by SFTP, columns named by the first line, UTC times.",
    firmware="CUCM 5 - 15",
    transports=("file", "sftp"),
    default_port=None,
    firewall="TCP 22 (CUCM -> serveur SFTP / SFTP server)",
    kind="keyed",
    grade="B",
    fields=_FIELDS,
    options=(
        OptionSpec(
            "phones",
            "",
            (),
            "Noms de téléphones que CUCM n'a pas donnés, avec jokers, séparés par des virgules : ports CTI, points de "
            "route (RP_*,CTI_*). Les noms SEP, ATA, BAT, AN, CSF, TCT, BOT, TAB sont connus ; tout autre est une "
            "jonction.",
            "Names of phones that CUCM did not give, wildcards allowed, separated by commas: CTI ports, route points "
            "(RP_*,CTI_*). Names SEP, ATA, BAT, AN, CSF, TCT, BOT, TAB are known; any other one is a trunk.",
        ),
    ),
    pbx_steps_fr=(
        "Cisco Unified CM Administration > System > Service Parameters > Cisco CallManager, sur chaque nœud.",
        "CDR Enabled Flag: True.",
        "CDR Log Calls with Zero Duration Flag: True (sinon les appels sans réponse manquent).",
        "Call Diagnostics Enabled: Enabled Only When CDR Enabled Flag is True (pour les CMR).",
        "Enterprise Parameters > CDR File Time Interval (min): 1 ; Cluster ID: un nom par cluster.",
        "Sur le serveur Ardoise : un compte SFTP dont le dossier est celui de la source (transport file).",
        "Cisco Unified Serviceability > Tools > CDR Management > Billing Application Server > Add new.",
        "Host Name / IP Address: serveur Ardoise. User Name, Password: ceux du compte. Protocol: SFTP. Directory Path: "
        "le dossier de la source. Resend on Failure: coché. Generate New Key si le serveur a changé.",
        "Cisco CDR Repository Manager et CDR Agent : Activated (Serviceability > Service Activation).",
        "Ouvrir le port 22 entre le nœud publisher et le serveur.",
        "Passer un appel ; un fichier cdr_... doit arriver en moins de deux minutes.",
    ),
    pbx_steps_en=(
        "Cisco Unified CM Administration > System > Service Parameters > Cisco CallManager, on each node.",
        "CDR Enabled Flag: True.",
        "CDR Log Calls with Zero Duration Flag: True (else unanswered calls are missing).",
        "Call Diagnostics Enabled: Enabled Only When CDR Enabled Flag is True (for CMR).",
        "Enterprise Parameters > CDR File Time Interval (min): 1; Cluster ID: one name a cluster.",
        "On the Ardoise server: an SFTP account whose folder is that of the source (transport file).",
        "Cisco Unified Serviceability > Tools > CDR Management > Billing Application Server > Add new.",
        "Host Name / IP Address: the Ardoise server. User Name, Password: those of the account. Protocol: SFTP. "
        "Directory Path: the folder of the source. Resend on Failure: checked. Generate New Key when the server "
        "changed.",
        "Cisco CDR Repository Manager and CDR Agent: Activated (Serviceability > Service Activation).",
        "Open port 22 between the publisher and the server.",
        "Make a call; a file cdr_... must come within two minutes.",
    ),
    traps_fr=(
        "104 à plus de 129 colonnes selon la version : une mise à jour en ajoute, les noms font foi.",
        "Fichier cdr_CLUSTER_NŒUD_AAAAMMJJHHMM_SÉQUENCE : un trou dans la séquence d'un nœud est un fichier perdu.",
        "Un fichier déjà poussé peut l'être encore (30 jours) : le pkid empêche tout doublon.",
        "Transfert accompagné : 3 tickets (la consultation a son propre identifiant d'appel) ; direct : 2 ; "
        "conférence : "
        "un par participant, numéro final b00....",
        "Un appel entrant puis renvoyé dehors a deux jonctions : compté comme transféré.",
        "dateTimeConnect à 0 : sans réponse. Des blancs peuvent entourer les entiers.",
        "Les tickets de passerelle CUBE (gw-accounting) sont d'un autre format.",
        "Ligne protégée : seuls les numéros de 6 chiffres et plus sont masqués, les colonnes n'étant pas connues à ce "
        "moment.",
    ),
    traps_en=(
        "104 to more than 129 columns by release: an upgrade adds some, the names decide.",
        "File cdr_CLUSTER_NODE_YYYYMMDDHHMM_SEQUENCE: a gap in the sequence of a node is a lost file.",
        "A file already pushed may come again (30 days): the pkid prevents any duplicate.",
        "Consultative transfer: 3 records (the consultation has a call id of its own); blind: 2; conference: one a "
        "participant, final number b00....",
        "An incoming call diverted outside has two trunks: counted as transferred.",
        "dateTimeConnect 0: nobody answered. Blanks may stand around integers.",
        "Records of a CUBE gateway (gw-accounting) are of another format.",
        "Protected line: only numbers of 6 digits and more are blanked, as columns are not known at that moment.",
    ),
    not_proven_fr=(
        "Ligne CDR : reconstruite d'après le guide de Cisco ; aucune ligne réelle. Les lignes CMR sont de Cisco.",
        "Noms des équipements de messagerie (-VI1, CiscoUM) et de conférence (CFB_) : usage courant, non vérifié.",
        "Valeurs de cause et de OnBehalfOf : de mémoire.",
    ),
    not_proven_en=(
        "CDR line: rebuilt from Cisco's guide; no real line. The CMR lines are Cisco's.",
        "Names of voicemail (-VI1, CiscoUM) and conference (CFB_) devices: common use, not checked.",
        "Values of causes and OnBehalfOf: from memory.",
    ),
    sources=(
        "Cisco, Call Detail Records Administration Guide for Unified Communications Manager 12.5(1)",
        "Freeside, FS/cdr/cisco.pm",
    ),
)
