"""What an installer and a reader of tickets must know about FreeSWITCH call detail records."""

from ardoise.formats.spec import FieldSpec, FormatSpec, OptionSpec

_FIELDS = (
    FieldSpec(
        "start", "start_epoch (UTC), sinon start_stamp (heure locale)", "start_epoch (UTC), else start_stamp (local)"
    ),
    FieldSpec("duration_s", "billsec : de la réponse au raccroché", "billsec: from answer to hang-up", "s"),
    FieldSpec("ring_s", "duration moins billsec", "duration minus billsec", "s"),
    FieldSpec("calling", "caller_id_number", "caller_id_number"),
    FieldSpec("called", "destination_number d'origine", "original destination_number"),
    FieldSpec(
        "direction", "d'après le contexte, puis la forme des numéros", "from the context, then the shape of numbers"
    ),
    FieldSpec("extension", "poste appelant ; en entrée, poste atteint", "calling extension; incoming, the one reached"),
    FieldSpec("trunk", "sip_gateway_name", "sip_gateway_name"),
    FieldSpec("account_code", "accountcode", "accountcode"),
    FieldSpec("call_id, record_id", "uuid de la jambe appelante", "uuid of the calling leg"),
    FieldSpec("voicemail", "last_app voicemail", "last_app voicemail"),
    FieldSpec("answer, end", "heures de réponse et de fin", "times of answer and end"),
    FieldSpec("total_s", "duration, sonnerie comprise", "duration, ringing included", "s"),
    FieldSpec("context", "contexte du plan de numérotation", "dialplan context"),
    FieldSpec("disposition", "hangup_cause", "hangup_cause"),
    FieldSpec("status", "busy ou failed, d'après hangup_cause", "busy or failed, from hangup_cause"),
    FieldSpec("uuid, other_leg", "identifiants des deux jambes", "ids of the two legs"),
    FieldSpec("called_real", "destination après transfert du plan", "destination after a dialplan transfer"),
    FieldSpec("sip_end", "sip_hangup_disposition", "sip_hangup_disposition"),
)

SPEC = FormatSpec(
    name="freeswitch",
    title="FreeSWITCH, FusionPBX (CDR)",
    summary_fr="Lignes CSV de mod_cdr_csv, documents JSON ou XML (fichiers, ou POST HTTP) ; un ticket par appel.",
    summary_en="CSV lines of mod_cdr_csv, JSON or XML documents (files, or HTTP posts); a ticket each call.",
    firmware="FreeSWITCH 1.0 - 1.10",
    transports=("tail", "file", "sftp", "webhook"),
    default_port=None,
    firewall="HTTPS 443 (FreeSWITCH -> Ardoise, webhook)",
    kind="keyed",
    grade="A/B",
    fields=_FIELDS,
    options=(
        OptionSpec(
            "columns",
            "",
            (),
            "Variables du gabarit de mod_cdr_csv dans leur ordre, séparées par des virgules ; au moins "
            "caller_id_number, destination_number, billsec et start_stamp ou start_epoch. Vide : gabarit « example ».",
            "Variables of the mod_cdr_csv template in their order, separated by commas; at least caller_id_number, "
            "destination_number, billsec, and start_stamp or start_epoch. Empty: template example.",
        ),
        OptionSpec(
            "incoming_contexts",
            "public",
            (),
            "Contextes où arrivent les appels de l'extérieur, séparés par des virgules.",
            "Contexts that calls from outside arrive in, separated by commas.",
        ),
    ),
    pbx_steps_fr=(
        "CSV : autoload_configs/cdr_csv.conf.xml, modules.conf.xml charge mod_cdr_csv.",
        "default-template: example (ou un gabarit dont les variables sont recopiées dans l'option columns).",
        "legs: a (la jambe appelante suffit). rotate-on-hup: true.",
        "Fichier : log/cdr-csv/Master.csv ; transport tail, ou SFTP après « fsctl send_sighup » qui clôt le fichier.",
        "JSON : autoload_configs/json_cdr.conf.xml, mod_json_cdr : log-http-and-disk: false, log-b-leg: false.",
        "url: https://ARDOISE/... (adresse du webhook de la source), cred: nom:mot de passe, auth-scheme: basic, "
        "encode: false ; dans la source : proof = basic, secret = nom:mot de passe.",
        "retries: 2, delay: 5, err-log-dir: /var/log/freeswitch/cdr-err ; relever aussi ce dossier : ce qui n'a pas pu "
        "être posté y reste.",
        "XML : autoload_configs/xml_cdr.conf.xml, mod_xml_cdr : mêmes paramètres ; encode: true poste cdr=... .",
        "FusionPBX : Advanced > Default Settings > CDR : format json ou xml ; les fichiers sont dans log/xml_cdr.",
        "Ouvrir le port HTTPS d'Ardoise dans le pare-feu (webhook).",
        "Passer un appel sortant et un appel entrant, puis vérifier direction et poste.",
    ),
    pbx_steps_en=(
        "CSV: autoload_configs/cdr_csv.conf.xml, modules.conf.xml loads mod_cdr_csv.",
        "default-template: example (or a template whose variables are copied into the option columns).",
        "legs: a (the calling leg says it all). rotate-on-hup: true.",
        "File: log/cdr-csv/Master.csv; transport tail, or SFTP after fsctl send_sighup, which closes the file.",
        "JSON: autoload_configs/json_cdr.conf.xml, mod_json_cdr: log-http-and-disk: false, log-b-leg: false.",
        "url: https://ARDOISE/... (address of the source's webhook), cred: name:password, auth-scheme: basic, "
        "encode: false; in the source: proof = basic, secret = name:password.",
        "retries: 2, delay: 5, err-log-dir: /var/log/freeswitch/cdr-err; collect this folder too: what could not be "
        "posted stays there.",
        "XML: autoload_configs/xml_cdr.conf.xml, mod_xml_cdr: the same parameters; encode: true posts cdr=... .",
        "FusionPBX: Advanced > Default Settings > CDR: format json or xml; the files are in log/xml_cdr.",
        "Open the HTTPS port of Ardoise in the firewall (webhook).",
        "Make an outgoing and an incoming call, then check direction and extension.",
    ),
    traps_fr=(
        "direction=inbound veut dire « jambe qui entre dans le PBX » : un appel sortant d'un poste est inbound.",
        "Avec log-b-leg=true ou legs=ab, chaque appel a deux tickets : la jambe appelée est gardée comme événement.",
        "Un appel entrant renvoyé vers l'extérieur n'a qu'un ticket entrant : son coût est dans le CDR de l'opérateur.",
        "Un transfert accompagné peut perdre son ticket : comparer avec le CDR de l'opérateur.",
        "Un gabarit est un texte libre : en changer déplace les colonnes, les lignes vont alors en quarantaine.",
        "Le gabarit « asterisk » imprime l'ordre de Master.csv : prendre le format asterisk.",
        "0 s, NORMAL_CLEARING, contexte public, beaucoup de variantes d'un numéro : un balayage SIP de fraude.",
    ),
    traps_en=(
        "direction=inbound means a leg entering the switch: an outgoing call of an extension is inbound.",
        "With log-b-leg=true or legs=ab each call has two records: the called leg is kept as an event.",
        "An incoming call forwarded outside has an incoming record only: what it costs is in the operator's CDR.",
        "An attended transfer may lose its record: compare with the operator's CDR.",
        "A template is free text: changing it moves columns, and lines go to quarantine.",
        "The template asterisk prints the order of Master.csv: take the format asterisk.",
        "0 s, NORMAL_CLEARING, context public, many variants of one number: a SIP scan for fraud.",
    ),
    not_proven_fr=(
        "JSON et XML : noms des variables d'après la documentation, sans capture.",
        "sip_gateway_name n'est pas toujours posé sur la jambe appelante : la ligne réseau peut manquer.",
    ),
    not_proven_en=(
        "JSON and XML: names of the variables from the documentation, without a capture.",
        "sip_gateway_name is not always set on the calling leg: the trunk may be missing.",
    ),
    sources=(
        "developer.signalwire.com, FreeSWITCH CDR, mod_cdr_csv, mod_json_cdr, mod_xml_cdr",
        "docs.fusionpbx.com, XML CDR",
        "signalwire/freeswitch issue 1057, fusionpbx/fusionpbx issue 1618",
    ),
)
