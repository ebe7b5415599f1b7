"""What is known of Microsoft Teams' call records in Microsoft Graph."""

from ardoise.formats.spec import FieldSpec, FormatSpec

_FIELDS = (
    FieldSpec("start", "startDateTime (UTC) : la réponse ; sinon inviteDateTime", "startDateTime (UTC): the answer"),
    FieldSpec("start_is_answer", "start est l'instant de la réponse", "start is the instant of the answer"),
    FieldSpec("end", "endDateTime (UTC)", "endDateTime (UTC)"),
    FieldSpec("duration_s", "conversation", "talk time", "s"),
    FieldSpec("ring_s", "de inviteDateTime à la réponse ou à l'échec (Direct Routing)", "from the invitation", "s"),
    FieldSpec("calling", "callerNumber", "callerNumber"),
    FieldSpec("called", "calleeNumber", "calleeNumber"),
    FieldSpec("masked", "les derniers chiffres sont masqués (***)", "the last digits are masked (***)"),
    FieldSpec("direction", "d'après callType (user_in, ByotOut ...)", "by callType (user_in, ByotOut ...)"),
    FieldSpec("extension", "compte de l'utilisateur (userPrincipalName)", "the user's account (userPrincipalName)"),
    FieldSpec("trunk", "SBC (trunkFullyQualifiedDomainName), Direct Routing", "SBC, Direct Routing"),
    FieldSpec("answered", "successfulCall, sinon une durée", "successfulCall, else a duration"),
    FieldSpec("operator_price", "charge, forfaits d'appel Microsoft", "charge, Microsoft calling plans"),
    FieldSpec("currency", "devise", "currency"),
    FieldSpec("connection_charge", "frais de mise en relation, à part", "connection charge, apart"),
    FieldSpec("call_id", "id de la ligne : fait foi contre les doublons", "id of the row: tells doubles"),
    FieldSpec("uid", "le même id", "the same id"),
    FieldSpec(
        "conference", "appel d'une conférence audio (conf_in, conf_out)", "audio conferencing (conf_in, conf_out)"
    ),
    FieldSpec("call_type", "callType, tel que reçu", "callType, as received"),
    FieldSpec("shared_call_id", "callId (commun à plusieurs lignes)", "callId (shared by several rows)"),
    FieldSpec("licence", "licence (MCOPSTN1 ...)", "licence (MCOPSTN1 ...)"),
    FieldSpec("destination", "destination, en clair", "destination, in words"),
)

SPEC = FormatSpec(
    name="teams",
    title="Microsoft Teams (Graph callRecords)",
    summary_fr="Appels du réseau public de Teams (forfaits Microsoft et Direct Routing), demandés à Microsoft Graph.",
    summary_en="Public network calls of Teams (Microsoft plans and Direct Routing), asked of Microsoft Graph.",
    firmware="Graph v1.0",
    transports=("https", "file"),
    default_port=443,
    firewall="TCP 443 (Ardoise -> login.microsoftonline.com, graph.microsoft.com)",
    kind="keyed",
    grade="A",
    fields=_FIELDS,
    pbx_steps_fr=(
        "Entra ID > Inscriptions d'applications : en créer une ; noter l'ID d'application et l'ID de l'annuaire.",
        "Autorisations d'API > Microsoft Graph > autorisations d'application : CallRecord-PstnCalls.Read.All (ou "
        "CallRecords.Read.All), puis accorder le consentement de l'administrateur.",
        "Certificats et secrets : créer un secret client ; noter sa date d'expiration.",
        "Source Ardoise : transport https, service teams ; dans link : tenant = ID de l'annuaire, user = ID "
        "d'application, password = env:NOM ou file:CHEMIN du secret, reports = pstn, direct_routing ou les deux.",
        "Ouvrir TCP 443 en sortie.",
    ),
    pbx_steps_en=(
        "Entra ID > App registrations: create one; note the application ID and the directory ID.",
        "API permissions > Microsoft Graph > application permissions: CallRecord-PstnCalls.Read.All (or "
        "CallRecords.Read.All), then grant admin consent.",
        "Certificates and secrets: create a client secret; note when it expires.",
        "Ardoise source: transport https, service teams; in link: tenant = directory ID, user = application ID, "
        "password = env:NAME or file:PATH of the secret, reports = pstn, direct_routing or both.",
        "Open outgoing TCP 443.",
    ),
    traps_fr=(
        "Les rapports ont 24 à 48 heures de retard : Ardoise relit trois jours chaque nuit.",
        "Les derniers chiffres peuvent être masqués (***) : l'appel se valorise par ce qui reste de son préfixe.",
        "callId n'est pas unique : seul id l'est.",
        "Le sens vient de callType ; la description par Microsoft des deux numéros est inversée.",
        "90 jours au plus par demande ; les rapports ne remontent pas plus loin qu'un an.",
        "Une date non fixée vaut 0001-01-01.",
        "Un appel peut figurer dans les deux rapports d'un locataire mixte : leurs id diffèrent.",
    ),
    traps_en=(
        "Reports are 24 to 48 hours late: Ardoise reads three days again every night.",
        "The last digits may be masked (***): the call is priced by what is left of its prefix.",
        "callId is not unique: only id is.",
        "The direction comes from callType; Microsoft's description of the two numbers is the wrong way round.",
        "90 days at most a request; reports go back no more than a year.",
        "A date that is not set is 0001-01-01.",
        "A call may stand in both reports of a mixed tenant: their ids differ.",
    ),
    not_proven_fr=(
        "Jeton, pages (@odata.nextLink) et limites (429) : essayés contre un service factice, pas contre un locataire.",
        "charge comprend-il connectionCharge ? Ardoise prend charge seul.",
        "Exports CSV du centre d'administration : à lire par un profil.",
    ),
    not_proven_en=(
        "Token, pages (@odata.nextLink) and limits (429): tried against a fake service, not against a tenant.",
        "Does charge hold connectionCharge? Ardoise takes charge alone.",
        "CSV exports of the admin centre: to be read by a profile.",
    ),
    sources=("Microsoft Graph v1.0: getPstnCalls, getDirectRoutingCalls, pstnCallLogRow, directRoutingLogRow",),
)
