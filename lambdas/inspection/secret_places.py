"""Places of passwords and keys: commands, calls, markup, configurations, sentences (L2.3).

No format distinguishes a password from a word, so the place must: the option of a command that takes a
password, the argument of a sign-in call, the element with that name. Each rule requires that the value
looks chosen, without depending on what follows it (an answer may be split after any plain word).
"""

import base64
import re
from collections.abc import Callable

from lambdas.inspection.expressions import Expression
from lambdas.inspection.token_rules import PLACEHOLDER, Rule, entropy

_STANDS_FOR_A_VALUE = Expression(
    r"[$%{<\[*&@]|-{2}|\.{2}|(?:[A-Z]+_)*[A-Z]+\Z|[\"'`(]|(?:the|a|your|my|this|that|new|old|with|and|none"
    r"|null|nil|true|false|self|this|user|username|hidden|secret|password|passwd|passw|pass|pwd|psw|token"
    r"|string|value|prompt|stdin|ask|env|file|guest|test|foo|bar|foobar)\b[\w]{0,1}\Z"
)
_CODE = Expression(r"[A-Za-z_][\w]*(?:\.[A-Za-z_]\w*)+\Z|\w+\(|\w+\[")


def given(value: str) -> bool:
    """Return whether a value is written out, and not a name, a variable or a call."""
    return (
        len(set(value)) >= 3
        and not _STANDS_FOR_A_VALUE.match(value)
        and not PLACEHOLDER.search(value)
        and not _CODE.match(value)
        and not value.startswith(("http://", "https://", "/", "./", "env:", "file:", "op://", "arn:"))
    )


_HOST_AND_PATH = Expression(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,10}/")


def chosen(value: str) -> bool:
    """Return whether a written-out value has what no plain word has: a digit, a special character, or mixed
    case.
    """
    body = value.strip(".,;:!?()'\"")
    return (
        len(body) >= 5
        and given(value)
        and (
            any(c.isdigit() for c in body)
            or bool(re.search(r"[@#$!%^&*+?~=]", body))
            or bool(re.search(r"[a-z][A-Z]", body) and entropy(body) > 3.2 and len(body) >= 12)
        )
        and not body.isdigit()
    )


def spoken(value: str) -> bool:
    """Return whether a value in a sentence has letters and digits with a capital or a sign, or both of the
    latter.
    """
    body = value.rstrip(".,;:)'\"")
    kinds = (
        any(c.isalpha() for c in body)
        + any(c.isdigit() for c in body)
        + any(not c.isalnum() for c in body.strip("-_'’"))
        + (
            any(c.isupper() for c in body[1:])
            or (any(c.isupper() for c in body) and any(map(str.isdigit, body)))
        )
    )
    marked = bool(re.search(r"[\d@#$!%^&*]", body[:-1]))
    return (
        marked
        and len(body) >= 6
        and kinds >= 3
        and given(value)
        and not re.match(r"\d+(?:\.\d+)*\w{0,3}\Z", body)
    )


def keyish(value: str) -> bool:
    """Return whether it is a long run of letters and digits, like a key."""
    return (
        len(value) >= 16 and sum(c.isdigit() for c in value) >= 3 and entropy(value) >= 3.0 and given(value)
    )


def encodes_text(value: str) -> bool:
    """Return whether it is base64 of printable ASCII."""
    return bool(_decoded(value))


def signed_in(value: str) -> bool:
    """Return whether it is base64 of `user:password`."""
    return ":" in _decoded(value)[1:-1]


def _decoded(value: str) -> str:
    try:
        plain = base64.b64decode(value + "=" * (-len(value) % 4), validate=True).decode("ascii")
    except ValueError:  # not base64, or not of ASCII on either side
        return ""
    return plain if plain.isprintable() else ""


def _uttered(value: str) -> bool:
    """Return whether it is a passphrase of quoted words, not a sentence about passphrases."""
    return not re.search(r"\b(?:the|a|is|your|enter|password|phrase|incorrect|wrong|must)\b", value.lower())


_WORD = r"[^\s\"'|&;<>`]"
_VALUE = rf"(?:\"([^\"\n]{{4,120}})\"|'([^'\n]{{4,120}})'|({_WORD}{{4,120}}))"
_BEFORE = r"\b[^\n|]{0,160}?\s"


def _place(
    name: str,
    gates: tuple[str, ...],
    pattern: str,
    accept: Callable[[str], bool] = given,
    *,
    back: int = 0,
    score: float = 0.88,
    flags: int = re.IGNORECASE,
) -> Rule:
    return Rule(name, gates, Expression(pattern, flags), back, score, accept, "secret-places")


def _option(commands: str, option: str, accept: Callable[[str], bool] = given) -> Rule:
    """Return a rule for the value of a command's option; `commands` (separated by commas) are the gates."""
    gates = tuple(commands.split(","))
    names = "|".join(re.escape(gate.rstrip()) for gate in gates)
    return _place("command-option", gates, rf"(?:{names}){_BEFORE}(?:{option}){_VALUE}", accept)


_ELEMENT = r"(?:pass(?:word|wd|phrase|code)?|pwd|passwort|kennwort)"

PLACES: tuple[Rule, ...] = (
    # commands
    _option(
        "psexec,paexec,winrs,az login,docker login,podman login,helm registry login,nerdctl login,buil"
        "dah login",
        r"-p[ =]|--password[ =]|-p:",
    ),
    _option(
        "mongosh,mongodump,mongorestore,mongoexport,mongoimport,mongo --,evil-winrm,crackmapexec,netex"
        "ec,nxc smb,arangosh,cypher-shell,oc login,sqoop,rabbitmqadmin,influx -",
        r"-p[ =]|--password[ =]",
    ),
    _option(
        "mysql -,mysqldump,mysqladmin,mariadb -,mariadb-dump,mysqlimport,mysqlsh,sshpass,7z a,7z x,7za,unrar",
        r"-p(?! )|-p (?=[\"'])|--password=",
        chosen,
    ),
    _option("sshpass", r"-p ?"),
    _option("ipmitool,sqlcmd,unzip -,zip -,bcp ,isql ,tsql -", r"-P ?(?![a-z]+\s)", chosen),
    _option("redis-cli,redis-benchmark,valkey-cli", r"-a |--pass "),
    _option("ldapsearch,ldapmodify,ldapadd,ldappasswd,ldapdelete,ldapwhoami", r"-w "),
    _option("plink,pscp,psftp", r"-pw "),
    _option(
        "snmpwalk,snmpget,snmpset,snmpbulkwalk", r"-c ", lambda v: given(v) and v not in ("public", "private")
    ),
    _place(
        "command-option",
        ("-storepass", "-keypass", "-ks-pass", "-key-pass", "-srcstorepass", "-deststorepass"),
        r"-(?:(?:src|dest)?storepass|keypass|ks-pass|key-pass)[ =](?:pass:)?" + _VALUE,
    ),
    _option("xfreerdp,rdesktop,wfreerdp,mstsc,cmdkey", r"/p(?:ass)?:|-p "),
    _option(
        "wmic,cmdkey,schtasks,sc.exe,msdeploy,appcmd,winscp",
        r"/pass(?:word)?[:=]|/rp |/p |password=",
    ),
    _place("command-option", ("lftp ",), r"lftp\s+(?:-[a-tv-z]\S*\s+)*-u\s+[\w.@-]{1,60},(\S{4,80})", chosen),
    _option("htpasswd", r"-\w*b\w*(?: -\w+)* \S{1,80} \S{1,60} "),
    _option("net user,net use,net localgroup", r"/user:\S{1,80}\s+|net user \S{1,60} ", chosen),
    _place("command-option", ("net user ",), rf"net user (?!/)\S{{1,60}}\s+(?!/){_VALUE}", chosen),
    _option(
        "winexe,smbclient,rpcclient,wmiexec,smbexec,psexec.py,secretsdump,wmic -u",
        r"-U ?[\"']?[^\s%\"']{1,80}%",
    ),
    _option(
        "curl ,wget ,http ,httpie",
        r"(?:-u|--user|-a|--auth|--proxy-user|-U)[ =][\"']?[^\s:\"'$<{]{1,80}:",
        chosen,
    ),
    _place("command-option", ("unseal ",), r"unseal\s+(?:-\S+\s+)?([A-Za-z0-9+/]{20,}={0,2})", keyish),
    _place(
        "command-option",
        ("vault login ", "oc login "),
        r"(?:vault|oc) login\s+(?:--?token=?\s?)?([^\s-]\S{15,})",
        keyish,
    ),
    _place(
        "command-option",
        ("argocd login", "databricks configure"),
        rf"(?:argocd login|databricks configure){_BEFORE}--(?:password|token)[ =]{_VALUE}",
        chosen,
    ),
    _place(
        "command-option", ("pass:",), r"(?<=\s)(?:-pass(?:in|out)? |-passin=)?pass:" + _VALUE, chosen, back=12
    ),
    _place(
        "command-option",
        ("-password ", "--passwd ", "--pass ", "-passwd ", "-pwd ", "/password:", "/pwd:", "--psk "),
        r"(?:-password|--passwd|--pass|-passwd|-pwd|--psk|/password|/pwd)[ :]" + _VALUE,
        chosen,
    ),
    _place(
        "piped-pair",
        ("echo ",),
        r"echo\s+(?:-e\s+|-n\s+)?[\"'][\w.-]{1,40}:([^\s\"':|]{6,80})[\"']\s*\|",
        chosen,
    ),
    _place("piped-pair", ("chpasswd",), r"chpasswd\s*<<<\s*[\"']?[\w.-]{1,40}:([^\s\"']{4,80})"),
    _place(
        "oracle-logon",
        ("oracle:thin:", "sqlplus ", "sqlldr ", "rman target ", "impdp ", "expdp "),
        r"(?:oracle:thin:|(?:sqlplus|sqlldr|rman target|impdp|expdp)\s+(?:-\w+\s+)*"
        r"(?:userid=)?[\"']?)[\w$#.-]{1,60}/[\"']?([^\s/@\"']{3,60})",
    ),
    _place(
        "database-password",
        ("identified by", "identified with"),
        r"identified\s+(?:by|with)\s+(?:\w+\s+(?:by|as)\s+)?(?:values\s+)?(?:\"([^\"\n]{4,120})\"|'"
        r"([^'\n]{4,120})'|([^\s\"';:]{5,120});)",
        lambda v: given(v) and (not v.islower() or bool(re.search(r"\d", v))),
    ),
    _place(
        "password-file",
        (":5432:", ":5433:", ":6432:", ":*:"),
        r"(?:^|(?<=[\n\"'\s]))[\w.*-]{1,80}:(?:5432|5433|6432|\*):[\w.*-]{1,60}:[\w.*-]{1,60}:(\S{4,100})",
        back=80,
    ),
    _place(
        "command-option",
        ("--secret-string", "secret set ", "--from-literal=", "--body "),
        rf"(?:--secret-string[ =]|secret set \S{{1,60}} (?:--body|-b)[ =]){_VALUE}",
        chosen,
    ),
    _place(
        "token-name",
        ("_pat=", "_pat:", "_pat =", '_pat"', "_pat'", "devopspat", "azurepat", "githubpat", "gitlabpat"),
        r"(?:_|devops|azure|github|gitlab)pat[\"']?\s{0,2}[:=]\s{0,2}[\"']?([A-Za-z0-9_-]{20,100})",
        keyish,
    ),
    # calls
    _place(
        "sign-in-call",
        (
            *("networkcredential(", "getconnection(", "httpbasicauth(", "httpdigestauth(", "basicauth("),
            *("usernamepasswordcredential", "passwordauthentication(", "awscredentials(", "awscredentials."),
            *("userpasswordauth", "plaintextauth"),
        ),
        r"(?:networkcredential|getconnection|http(?:basic|digest)auth|usernamepasswordcredentials?|basicauth"
        r"|passwordauthentication|awscredentials(?:\.create)?|"
        r"(?:plaintext|userpassword)auth\w{0,20})\s{0,3}\(\s{0,20}"
        r"(?:[\w.]{1,40}\s{0,3},\s{0,20})?"
        r"(?:[\"'][^\"'\n]{0,200}[\"']\s{0,3},\s{0,20}){1,2}[\"']([^\"'\n]{4,120})[\"']",
        chosen,
    ),
    _place(
        "sign-in-call",
        (
            *("login(", "authenticate(", "signin(", "connect(", "auth=(", "basic_auth("),
            *("authenticationtoken(", "bind_s(", "simple_bind("),
        ),
        r"(?:login|authenticate|signin|connect|auth=|basic_auth|authenticationtoken|bind_s|simple_bind)\(\s*"
        r"(?:[\"'][^\"'\n]{0,200}[\"']\s*,\s*){1,2}(?:password=)?[\"']([^\"'\n]{5,120})[\"']",
        lambda v: chosen(v) and not re.fullmatch(r"[\w-]+(?:\.[\w-]+)+(?::\d+)?", v),
    ),
    _place(
        "sign-in-call",
        ("password('", 'password("'),
        r"password\(\s*(?P<quote>[\"'])([^\"'\n]{5,80})(?P=quote)\s*\)",
        lambda v: spoken(v) or (chosen(v) and not v.endswith("?")),
    ),
    _place(
        "sign-in-call",
        ("btoa(", "b64encode(", "base64encode(", "base64.encode("),
        r"(?:btoa|b64encode|base64\.?encode)\(\s*b?[\"'`][\w.@-]{1,40}:([^\"'`\n]{4,80})[\"'`]",
    ),
    _place(
        "sign-in-call",
        ("sp_addlinkedsrvlogin", "sp_addlogin"),
        r"sp_add(?:linkedsrv)?login\s+(?:[^,\n]{0,80},\s*){1,4}N?'([^'\n]{4,80})'",
    ),
    _place(
        "service-call",
        (
            *("algolia", "twilio", "mailgun", "mailchimp", "datadog", "rollbar", "bugsnag", "mixpanel"),
            *("amplitude", "fastly", "nexmo", "vonage", "plivo", "messagebird", "pusher", "zendesk"),
        ),
        r"[a-z]\w{0,20}(?:\.\w{1,20}){0,2}\(\s*(?:[\"'][^\"'\n]{0,80}[\"'],\s*){0,3}[\"']([0-9a-f]{32,40})[\"']",
        keyish,
    ),
    _place("secure-string", ("securestring",), r"securestring\s+(?:-string\s+)?[\"']([^\"'\n]{4,120})[\"']"),
    _place(
        "signing-call",
        ("hmac.new(", "createhmac(", "jwt.sign(", "jwt.encode(", "jwt.decode(", "jwt.verify(", "hmac("),
        r"(?:hmac\.new|createhmac|jwt\.(?:sign|encode|decode|verify)|(?<!wit)hmac)\(\s*(?:[^()\"'\n,]{1,60},\s*"
        r"|[\"']sha\d{1,3}[\"'],\s*|\{[^{}\n]{0,120}\},\s*)?b?[\"']([^\"'\s\n]{8,120})[\"']",
        lambda v: chosen(v) and not v.lower().startswith(("sha", "aws4")),
    ),
    # markup and configuration
    _place(
        "secret-element",
        ("password>", "passwd>", "pwd>", "passphrase>", "passwort>", 'password">', "password'>"),
        rf"(?<!/){_ELEMENT}[\"']?>\s{{0,4}}([^<\s]{{4,120}})",
        lambda v: chosen(v) or signed_in(v),
    ),
    _place(
        "secret-element",
        (
            "secret>",
            "token>",
            "apikey>",
            "accesskey>",
            "secretkey>",
            "api-key>",
            "api_key>",
            "privatekey>",
            "accountkey>",
        ),
        r"(?<!/)(?:secret|token|api[-_]?key|accesskey|secretkey|privatekey|accountkey)>\s{0,4}"
        r"([^<\s]{10,400})",
        keyish,
    ),
    _place(
        "device-password",
        (
            "password 0 ",
            "password 5 ",
            "password 7 ",
            "secret 0 ",
            "secret 5 ",
            "secret 7 ",
            "secret 8 ",
            "secret 9 ",
            "key 0 ",
            "key 7 ",
            "key-string 7 ",
            "password 6 ",
            "md5 7 ",
        ),
        r"(?:password|secret|key|key-string|md5) [05-9] (\S{4,100})",
        lambda v: len(set(v)) >= 3 and given(v.lstrip("$")),
    ),
    _place(
        "device-password",
        (
            "enable password ",
            "enable secret ",
            "snmp-server community ",
            "server-key ",
            "radius-server key ",
            "tacacs-server key ",
            "wpa-psk ascii ",
            "pre-shared-key ",
            "set password ",
            "neighbor ",
        ),
        r"(?:enable password|enable secret|snmp-server community|server-key|(?:radius|tacacs)-server key"
        r"|pre-shared-key(?: ascii-text| local| remote)?|wpa-psk ascii(?: 0)?|(?<![a-z])set password"
        r"|neighbor \S{3,40} password)(?: level \d+)? (?!(?:encrypted|hash|cipher|simple|ENC) )[\"']?(?!"
        r"(?:0|5|7|8|9) )([^\s\"']{4,100})",
        lambda v: (
            (given(v) and v.lower() not in ("public", "private") and not v.islower())
            or (bool(re.search(r"\d|[-_]\w", v)) and given(v))
        ),
    ),
    _place(
        "device-password",
        ("password simple ", "password cipher ", "password irreversible-cipher "),
        r"password (?:irreversible-)?(?:simple|cipher) (\S{4,100})",
    ),
    _place(
        "server-password",
        ("requirepass ", "masterauth ", "masteruser "),
        r"(?:requirepass|masterauth)\s+[\"']?([^\s\"'#]\S{3,120})",
    ),
    _place(
        "wireless-key",
        ("psk=", 'psk "', "psk '", "psk:", "psk =", "wpa_passphrase=", "wep_key0=", "pre_shared_key"),
        r"(?:\bw?psk|wpa_passphrase|wep_key\d|pre_shared_key)\"?\s?[=:]?\s?[\"']?([^\s\"']{8,64})",
        chosen,
        back=2,
    ),
    _place("wireless-key", ("wifi:",), r"wifi:(?:[ths]:[^;]{0,60};){0,3}p:([^;\s]{4,64})"),
    _place(
        "one-time-secret",
        ("otpauth://", "2fa", "totp", "mfa ", "authenticator", "setup key", "setup secret"),
        r"(?:otpauth://[^\s]{0,120}?secret=|(?i:2fa|totp|mfa|authenticator|setup)\b[^\n.]{0,30}?"
        r"(?i:secret|key|seed)\b(?:\s?(?:is|:|=))?\s?[\"']?)"
        r"([A-Z2-7]{16,64}|(?:[a-z2-7]{4} ){3,8}[a-z2-7]{4})(?![a-z])",
        lambda v: entropy(v) > 2.6 and (any(map(str.isdigit, v)) or v.isupper()),
        flags=0,
    ),
    _place(
        "salt",
        ("_key'", "_salt'", '_key"', '_salt"'),
        r"_(?:KEY|SALT)[\"']\s*,\s*(?:'([^'\n]{40,90})'|\"([^\"\n]{40,90})\")",
        lambda v: entropy(v) > 4.5 and "your unique phrase" not in v,
        flags=0,
    ),
    _place(
        "session-cookie",
        ("cookie:", 'cookie":', "cookie':", "cookie=", "cookie ="),
        r"cookie[\"']?\s?[:=][^\n]{0,300}?(?:session"
        r"(?:_?id)?|sessid|auth_token|remember_token|connect\.sid|\bsid)="
        r"([\w%.:+/=-]{16,400})",
        keyish,
    ),
    _place(
        "session-cookie",
        ("jsessionid=", "phpsessid=", "asp.net_sessionid="),
        r"(?:jsessionid|phpsessid|asp\.net_sessionid)=([\w%.:+/-]{16,400})",
        keyish,
    ),
    _place("basic-credentials", ("basic ",), r"\bbasic\s+([A-Za-z0-9+/]{10,}={0,2})", signed_in, back=1),
    # quoted values that hold what no other rule takes for part of a value
    _place(
        "quoted-password",
        ("secret", "password", "passwd", "passphrase", "pwd", "passwort"),
        r"(?:secret|password|passwd|passphrase|pwd|passwort)[\w-]{0,12}[\"']?\s{0,2}[:=]\s{0,2}(?:\""
        r"(?=[^\"\n]{0,200}[<>'`])([^\"\s]{8,200})\"|'(?=[^'\n]{0,200}[<>\"`])([^'\s]{8,200})')",
        lambda v: chosen(v) and entropy(v) > 3.5 and not re.search(r"</?\w+|%s|\)s|\{\w*\}", v),
    ),
    _place(
        "app-password",
        ("password", "passwd", "_pass"),
        r"_?pass(?:word|wd)?\w{0,6}[\"']?\s{0,2}[:=]\s{0,2}(?P<quote>[\"'])"
        r"([a-z]{4}(?: [a-z]{4}){3}|(?=[^\"']{0,30}\d)[a-z0-9]{4}(?: [a-z0-9]{4}){5})(?P=quote)",
    ),
    # sentences
    _place(
        "spoken-password",
        (
            *("password", "passcode", "passwort", "kennwort", "passphrase", "pwd ", "pw "),
            *("clave d", "contraseña d", "senha d", "mot de passe d", "wachtwoord v"),
        ),
        r"(?:password|passcode|passphrase|passwort|kennwort|pwd|pw|clave|contraseña|senha|mot de passe"
        r"|wachtwoord)\s+(?:for|of|on|to|at|für|zum|vom|del|de|da|do|du|della|van|voor)\s+"
        r"(?:[^.\n\"'=:;?!]|\."
        r"(?=\w)){2,60}?(?:\s+(?:is|was|lautet|ist|will be|now|es|est|é|è)(?:\s+now|\s+still)?"
        r"|\s?[:=])\s+[\"'`“]?([^\s\"'`”]{5,80})",
        spoken,
    ),
    _place(
        "spoken-password",
        ("pw:", "pw =", "pw=", "pw ", "pass is"),
        r"(?<![a-z0-9])(?:pw(?:\s?[:=-]|\s+is|(?=\s))|pass\s+is)\s{0,2}[\"'`“]?([^\s\"'`”]{5,80})",
        spoken,
        back=1,
    ),
    _place(
        "spoken-password",
        ("following password", "following key", "following token", "following secret"),
        r"follow(?:ing)? (?:password|key|token|secret)[^\n:]{0,80}:\s{1,8}[\"'`]?([^\s\"'`]{8,100})",
        lambda v: (keyish(v) or spoken(v)) and not _HOST_AND_PATH.match(v),
    ),
    _place(
        "credential-pair",
        (
            *("login ", "login:", "login=", "log in ", "sign in", "signin ", "logon ", "creds", "credential"),
            *("zugangsdaten", "anmeldedaten", "identifiants", "credenciales", "user/pass", "inloggegevens"),
        ),
        r"(?:log[- ]?in|sign[- ]?in|logon|creds?|credentials?|zugangsdaten|anmeldedaten|identifiants"
        r"|credenciales|inloggegevens|user/pass(?:word)?)"
        r"(?:(?:\s+(?:is|are|for\s[^\n:]{1,40}))?\s?[:=]\s{0,2}|\s+(?:with|as|using|is|are)\s{1,2}"
        r"|\s{1,2}(?=[\w.@-]{2,60}:\S))[\"'`]?[\w.@\\+-]{2,60}(?:\s?[/:]\s?|\s+(?:and|und|et|y)\s+)"
        r"([^\s\"'`/]{6,60})",
        spoken,
    ),
    _place(
        "spoken-password",
        ("one is", "one was"),
        r"pass(?:word|code|phrase)[^\n]{0,90}?\bone (?:is|was)(?: now)?:?\s+[\"'`“]?([^\s\"'`”]{5,80})",
        spoken,
        back=110,
    ),
    _place(
        "near-password",
        ("password", "passwort", "kennwort", "contraseña", "senha", "mot de passe"),
        r"(?i:passwords?|passwort|passwörter|kennwort|contraseña|senha|mot de passe)\b"
        r"[^\n=()<>{}\[\];]{1,48}?"
        r"(?<![^\s\"'`“(,])((?=[^\s\"'`”,]*[A-Za-z])(?=[^\s\"'`”,]*\d)(?=[^\s\"'`”,]*[!@#$%^&*?][^\s\"'`”,])"
        r"[A-Za-z0-9!#$%^&*?@_+.~-]{7,40}"
        r"|[A-Za-z0-9_.-]*[A-Za-z][A-Za-z0-9_.-]*\d[A-Za-z0-9_.-]*[!#*?$](?=[\s\"'`”,.]|\Z))",
        lambda v: given(v) and not re.fullmatch(r"[\w.+-]+@[\w-]+\.[\w.-]+|\w+(?:\*\w+)+", v),
        score=0.75,
        flags=0,
    ),
    _place(
        "passphrase",
        ("pass phrase", "passphrase", "pass-phrase"),
        r"pass[- ]?phrase(?:\s+(?:is|was)|\s?[:=])?\s{1,2}(?:\"("
        r"(?:[^\W\d_]{2,14}[ -]){2,9}[^\W\d_]{2,14})\"|'((?:[^\W\d_]{2,14}[ -]){2,9}[^\W\d_]{2,14})')",
        _uttered,
    ),
    _place(
        "recovery-phrase",
        (
            "seed phrase",
            "recovery phrase",
            "mnemonic",
            "seed words",
            "recovery words",
            "backup phrase",
            "secret phrase",
        ),
        r"(?:seed|recovery|backup|secret|mnemonic)\s?(?:phrase|words"
        r"|code)?[^\n:=\"'.]{0,30}[:=\"'\s]{1,4}\s?((?:[a-z]{3,8}[ ,]{1,2}){11,23}[a-z]{3,8})",
        flags=0,
        accept=lambda v: not re.search(r"\b(?:the|and|your|that|with|for|are)\b", v),
    ),
)
