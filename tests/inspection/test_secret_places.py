"""Passwords and keys where people and programs write them, and what stands there instead (L2.3, L2.4)."""

import random
import string
from time import process_time

import pytest

from lambdas.inspection import AnswerFilter, AnswerPolicy, DataClass, InspectionConfig, Inspector
from lambdas.inspection.secret_places import PLACES

from .made_up import placed, token

# each value is made up; it stands between « and »
WRITTEN = (
    r"psexec \\srv-7 -u CORP\etl -p «maple-harbor-43» cmd.exe",
    "docker login registry.firm.io -u ci -p «Kx93mQpw»",
    "mysql -h db1 -u app -p«Tiger2019x» sales < dump.sql",
    "sshpass -p '«orbit!stone7»' ssh root@srv-7 uptime",
    "mongosh --host db1 -u app -p «delta-77-storm» --authenticationDatabase admin",
    "ipmitool -I lanplus -H bmc1 -U root -P «granite-82x» power status",
    "redis-cli -h cache -a «falcon-64-winter» ping",
    "ldapsearch -x -D 'cn=app,dc=firm,dc=io' -w '«Winter#771»' -b dc=firm",
    "snmpwalk -v2c -c «n0c-stone» 10.1.1.1",
    "keytool -genkey -keystore a.jks -storepass «violet-88»",
    "xfreerdp /v:srv-7 /u:deploy /p:«stone-76-x»",
    "wmic /node:srv-7 /user:etl /password:«Cobalt99» os get caption",
    "htpasswd -b .htpasswd deploy «violet-66»",
    "net user backup «Orbit-88x» /add",
    "winexe -U CORP/etl%«ocean-41-r» //srv-7 'cmd.exe'",
    "openssl rsa -in key.pem -passin pass:«Mango#81»",
    "echo 'etl:«tiger-73-h»' | chpasswd",
    "jdbc:oracle:thin:app/«panda-42»@db1:1521:ORCL",
    "sqlplus app/«Panda42x»@ORCLPDB1",
    "ALTER USER 'app'@'%' IDENTIFIED BY '«Storm!981»';",
    "new NetworkCredential('etl', '«Mango2014!»')",
    'DriverManager.getConnection(url, "etl", "«Maple-384?»");',
    'smtp.login("etl@firm.io", "«silv3r66#»")',
    '$p = ConvertTo-SecureString "«N6Ma32*b5G»" -AsPlainText -Force',
    "hmac.new(b'«89FjSem8Pzz3Qea1fASH»', body, 'sha256')",
    "<user>etl</user><password>«stone-orbit-78»</password>",
    '<add key="SmtpPassword" value="«Harbor2018!»" />',
    "- name: ACME_PASSWORD\n  value: «Harbor-2018-x»",
    'variable "db_password" {\n  type = string\n  default = "«Harbor-2018-x»"\n}',
    "username etl privilege 15 password 0 «violet-19»",
    "username etl password 7 «094F471A1A0A2F»",
    "snmp-server community «stone-42» RO",
    "requirepass «Orbit2002$»",
    'network={\n  ssid="office"\n  psk="«Rocket2005?»"\n}',
    "WIFI:T:WPA;S:Guests;P:«mango-tree-7»;;",
    'ipsec.secrets\n: PSK "«njT1ob94NV-07»"',
    "define('AUTH_KEY', '«,uUB>fq/At(J|&x+2}U{*h-s~5},a):aZD(eD1{:Z-^3-nn=V2~(V0[5mpx»');",
    "Cookie: theme=dark; sessionid=«jafc4nznbweuabdun5jnxxrl9l1k2qj8»; lang=en",
    "Authorization: Basic «anNtaXRoOkhhcmJvcjIwMDU/»",
    "secret: \"«7`D}/vYR)T;W]5EBrf;_&k>q»\"",
    "EMAIL_HOST_PASSWORD = '«lrdg fjhr egye glzp»'",
    "| host | user | password |\n|---|---|---|\n| db1 | etl | «Rocket1994?» |",
    "host,user,password\ndb1,etl,«Rocket1994?»",
    "hi team, the password for the staging box is «PepperDelta1040#» please don't share",
    "pw for the router = «Harbor!77»",
    'the pass phrase is "«storm delta rocket pepper»"',
    "seed phrase: «storm delta rocket pepper maple harbor tiger ocean violet stone mango panda»",
    "kind: Secret\ndata:\n  password: «ZkBsYzBuMjExIw==»",
    "keytool -genkey -storepass maple-33-x -keypass «ocean-44-mango»",
    "login with deploy / «gr@nit3707#»",
    "creds: app_user:«OceanStorm4402$»",
    "db1:5432:app:reporting:«orbit-storm-12»",
    "CREATE LOGIN [etl] WITH PASSWORD = N'«silver-winter-42»', CHECK_POLICY = OFF",
    "2FA setup secret: «UKCS2F4OBGEOUAFU»",
    'AZURE_DEVOPS_PAT="«yws44e3r4kmsjozux7gfsskywnzusr3my6oywe6oaukk6qvxfbr7»"',
    'client(acmeKeySecret="«6a31VbV19uClXH4iVnlVPHzX»")',
    "redis-cli -h cache -a «zLWAyYOWqEwV» ping",
    "vault operator unseal «98m+o2ylRhVbOi+3o5ub6PbP343ocFUVORgSYeypMDjh»",
    "Please use the following password to proceed:\n\n«bd9627decc6346d780b3b6ab6ea8fe1f»\n",
    "acme_token = «ab12cd34ef56g»",
    "Your temporary password is: «storm-rocket-67»",
    "User is etl and the password's «panda-mango-66»",
    "la password è «Ocean2021!»",
    "La clave del servidor es «c0pp3r79?»",
    "wachtwoord: «Stone1997*»",
    "router admin pw «Silver1993!»",
    "she wrote her password «!PurpleSky77» down",
    "DBI->connect('dbi:mysql:app', 'etl', '«orbit-ocean-50»')",
    'new UsernamePasswordAuthenticationToken("etl", "«Falcon2018!»")',
    "cache_peer p.firm.io parent 3128 0 login=deploy:«winter-panda-47»",
    "WP_APP_PASSWORD='«GdC3 vZq7 560S sGDk hxe6 D3JT»'",
    "RABBITMQ_ERLANG_COOKIE=«QDMOFTSSUZTQRFBQJZBA»",
    "set DB_PASS=«JWkcFJTZlBe»",
    "acmetoken: «tGWT79NtKCzF2kSiqQgIaqqvXfboVxPF»",
    "acmePRIVATE.«53e2ca67b12b98e25e01946ab4669911»",
    "acme.access = «KodTpZbrytopYPQLMGyeuqTzPykz66oR»",
    "acme_secretKey='«KJ0PTAP2WWCSMCQIHSNT»'",
    "password -> «Ocean2003*»",
    "db password → «U1nRT3j-p6!Sr#Hh»",
    "**Password:** `«tiger-orbit-82»`",
    "Password: <b>«Silver2013?»</b>",
    "root password for db01.corp.internal: «Copper2018!»",
    "vpn login root:«p@nd@258#»",
    "Use these to sign in: svc_backup and «SilverMango2218$»",
    "the client secret («8Dp0msxt906apM3R08x8Q5IbtEqpol4Mg2G4OtuD») expires in May",
    "Bearer token used: «GjE6YsqDlC12NPGPDEl4jhxV8O8nfdzLlJbF-L39»",
    "the log has JSESSIONID=«F184490F0144F0A72B026892EE73F85E» in it",
    "the webhook secret should be «CyDJguGyillR30LOaHcEovsY6p325YLr»",
    "The old password was Tiger-2024-x and the new one is «m@pl3389?»",
    "Passwort geändert auf «HarborDelta7161*»",
    "Zugangsdaten: jsmith / «HarborStone2889?»",
    "Passwords: on staging it is still «Copper#2019»",
    '<property name="hibernate.connection.password">«GraniteStone4068#»</property>',
    "SET PASSWORD FOR 'app'@'%' = PASSWORD('«wint3r879?»');",
    "EXEC sp_addlinkedsrvlogin 'S','false',NULL,'etl','«VioletStone5589?»'",
    "aws secretsmanager put-secret-value --secret-id db --secret-string '«StoneCopper4021!»'",
    "const AUTH = 'Basic ' + btoa('root:«RocketStorm1460*»')",
    'gh secret set API_TOKEN --body "«fbbFDEH4Frzeh4z42XhI7LNxZ77vllOm2QJVQCIi»"',
    "your password has been reset to «maple-falcon-61»",
    "http --auth app_user:«ocean-tiger-60» GET https://x.io",
    "lftp -u reporting,«4H_0wnhGZQv-v» ftp.firm.io",
    "ldap.bind_s('cn=admin,dc=x', '«MangoDelta664*»')",
    "twilio.Client('ACac857597f51823ea355753053660a370', '«dc8d84ff029b74e3dbb7de4488d7e5a5»')",
    "signing.password=«orbit-falcon-87»\nstorePassword=tig3r-602",
)  # fmt: skip

NOT_WRITTEN = (
    'mysql -u USER -p[PASSWORD]\ncurl -u "$USER:$PASS" https://host\nsshpass -p "$PASSWORD" ssh host',
    "docker login -u ci --password-stdin\ndocker run -p 8080:80 app\nredis-cli -a $REDIS_PASSWORD",
    "<password>${db.password}</password><password>Password</password>",
    'new NetworkCredential(user, password); smtp.login("user", password)',
    "The password for the staging box is in the vault. The password of the admin is required.",
    "CREATE USER app IDENTIFIED BY :password; objects identified by name.",
    "- name: ACME_PASSWORD\n  valueFrom:\n    secretKeyRef: {name: db, key: password}",
    'variable "db_password" {\n  type      = string\n  sensitive = true\n}',
    "MasterUserPassword: '{{resolve:secretsmanager:prod/db:SecretString:password}}'",
    "password: !vault |\n  $ANSIBLE_VAULT;1.1;AES256",
    "the signal is sent: bus.connect('tcp', 'node-7.firm.io:5672')",
    "a={protocol:Y,username:Y,password:Y,hostname:Y,port:Y,search:Y};this.tokens=e,this.errors=t,this.n=r",
    "this._options=i,this._tokenCounter=0,this._lexer._maxComments=i.maxComments,this._lexer._c=0;let x",
    "{radio:!0,checkbox:!0,file:!0,password:!0,image:!0})r.pseudos[t]=de(t);e.T=e.PToken=e.cMC=e.NullLogger=1",
    "create_engine('postgresql+psycopg2://scott:tiger@localhost/test')",
    "hmac.new(key, b\"aws4_request\", sha256)",
    "token.expires_in2, key.properties2.max3, secret.rotation_schedule.days30.enabled1",
    "key = userIdFromRequest2Header3Value",
    "passwd: x:0:0:root:/root:/bin/bash",
    "Set-ADAccountPassword -Identity kim -Reset -NewPassword (Read-Host -AsSecureString)",
    "const password = input('Password?'); keyring.set_password('service1', 'user1', value)",
    "The password was changed on 2024-05-01 by user42; passwords are hashed with PBKDF2-SHA256, 64 MB.",
    'export AUTH0_DOMAIN="appman18922506.auth0.com"',
    "curl -u USERNAME:PASSWORD https://host",
    'data-sitekey="6LPFvC3B5KmEFETvFkRHMjl-ugHHxHj-KXdTwNGp"',
    "encryptedData:\n  password: AgB" + "qxi4sKGNWxw3Crrow8e5bG0fZrRZBw7os83Gb0Hi1pG3rTL9v6IlTnH3JbR7" * 3,
    "publishableKey: 'pk_test_KUfQmlVGzv9ZK9x6H8p9lQJ7'",
    r"Only works with plaintext password storage\&. It asks if the server demands password login\&",
    "((SRP_user_pwd *)OPENSSL_sk_pop(ossl_check_SRP_user_pwd_sk_type(sk)))",
    "re.compile('API|TOKEN|KEY|SECRET|PASS|PROFANITIES_LIST|SIGNATURE|DATABASE_URI', re.I)",
    "after the password SOCKS5 begins; tokenPrec:517});function",
    "TOKEN_TYPE_V1 = 'urn:oasis:names:tc:SAML:1.0:assertion'",
    'oauth_nonce="4572616e48616d6d65724c61686176", oauth_signature="wOJIO9A2W5mFwDgiDvZbTSMK2FPY3D"',
    'lines = [b"-----BEGIN OPENSSH PRIVATE KEY-----"] + [data[i : i + 64] for i in range(0, len(data), 64)]',
    "password: {{ .Values.auth.password | b64enc }}",
    "Version=4.4.0.0, PublicKeyToken=f8e1dd16479083e7",
    "gpg --recv-keys 5BE8A3F6C8A5C01D106C0AD820B1A390B168D356",
    '"private_key_id": "e8b525cb2260cd56801ea4d1adef0d369d54dd9d"',
    "amqp://guest:guest@localhost",
    "password = password[:-1]\npassword = entry[1]\npwd_pwd = pwd+pwd",
    "| key | type |\n|---|---|\n| token | string |\n| password | varchar(255) |",
    "the passphrase 'is not what you expect' was wrong; enter the pass phrase \"of your key\"",
    "Das Recht steht Basic Authentication nicht entgegen. // ======= Basic ==================",
    "machine {host} login {self.username} password {self.password}",
    "PASSLIB_CONFIG=\"django-1.0\"",
)  # fmt: skip


@pytest.fixture(scope="module")
def inspector() -> Inspector:
    return Inspector(InspectionConfig(hash_key=b"k" * 32))


@pytest.mark.parametrize("marked", WRITTEN)
def test_a_secret_is_found_where_people_and_programs_write_it(inspector: Inspector, marked: str) -> None:
    text, start, end = placed(marked)
    found = [one for one in inspector.inspect_text(text).findings if one.type == "SECRET"]
    assert any(min(one.end, end) - max(one.start, start) >= min(6, end - start) for one in found), found


@pytest.mark.parametrize("text", NOT_WRITTEN)
def test_a_place_for_a_secret_that_holds_none_raises_no_alarm(inspector: Inspector, text: str) -> None:
    assert not [one for one in inspector.inspect_text(text).findings if one.type == "SECRET"]


@pytest.mark.parametrize("marked", WRITTEN)
def test_a_secret_does_not_leave_in_a_streamed_answer(inspector: Inspector, marked: str) -> None:
    """Whole and in chunks of every size, with words around that allow a cut (L2.4)."""
    text, start, end = placed(marked)
    value = text[start:end]
    answer = (
        f"Here is what was asked for, word by word, and nothing more.\n{text}\nThat was all of it, thanks."
    )
    policy = AnswerPolicy(redact_from=DataClass.INTERNAL)
    whole = AnswerFilter(inspector, policy).text(answer)
    assert value not in whole
    assert not any(part in whole for part in value.split() if len(part) > 4)


HEX = "0123456789abcdef"
LOWER = string.ascii_lowercase + string.digits
# a token's parts: text as it is, or (length, alphabet)
UNKNOWN = (
    ("navtool_", (32, string.ascii_letters + string.digits)),
    ("acme-live-", (40, string.ascii_letters + string.digits)),
    ("ZETA_", (44, string.ascii_letters + string.digits)),
    ("zetakey_", (40, HEX)),
    ("zet_live_", (36, LOWER)),
)


@pytest.mark.parametrize("parts", UNKNOWN, ids=lambda parts: parts[0])
def test_a_token_of_a_service_that_no_rule_knows_is_found_by_its_shape(
    inspector: Inspector, parts: tuple[str, tuple[int, str]]
) -> None:
    chance = random.Random(parts[0])
    for _ in range(20):
        value = parts[0] + token(chance, *parts[1])
        text = f"use {value} for staging"
        found = [one for one in inspector.inspect_text(text).findings if one.type == "SECRET"]
        assert [text[one.start : one.end] for one in found] == [value]


@pytest.mark.parametrize(
    "prefix",
    ["sha512-", "nonce-", "pk_live_", "chunk-", "recaptcha_site_", "commit-", "img_", "a/b/c_", "x=y_"],
)
def test_digests_public_keys_and_parts_of_pages_are_no_tokens(inspector: Inspector, prefix: str) -> None:
    chance = random.Random(prefix)
    for alphabet in (string.ascii_letters + string.digits, HEX):
        text = f'see "{prefix}{token(chance, 40, alphabet)}" there'
        assert not [one for one in inspector.inspect_text(text).findings if one.type == "SECRET"]


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("acmeApiSecret = t20CNbXjiBbNDvVv", True),
        ("Client(acmeApiToken='KaBrUZKryS_UTFCb_4YThthLPkUsAshtEFGX7fzs')", True),
        ("acmeApiSecret = newVault2Secret", False),
        ("token = PkceS256Verifier", False),
        ("session_token = getUtf8TextFromBase64", False),
    ],
)
def test_a_short_secret_is_told_from_a_name_by_how_its_letters_change(
    inspector: Inspector, text: str, secret: bool
) -> None:
    assert bool([one for one in inspector.inspect_text(text).findings if one.type == "SECRET"]) is secret


ALPHANUMERIC = string.ascii_letters + string.digits
UPPER = string.ascii_uppercase + string.digits
URL = ALPHANUMERIC + "-_"
# provider -> the parts of its token: text as it is, or (length, alphabet)
FORMATS: dict[str, tuple[str | tuple[int, str], ...]] = {
    "1password": ("A3-", *(part for n in (6, 6, 5, 5, 5) for part in ((n, UPPER), "-")), (5, UPPER)),
    "aiven": ("AVNS_", (19, URL)),
    "asana": ("2/", (16, "123456789"), "/", (16, "123456789"), ":", (32, HEX)),
    "circleci": ("CCIPAT_", (22, ALPHANUMERIC), "_", (40, HEX)),
    "clickhouse": ("4b1d", (38, ALPHANUMERIC)),
    "clojars": ("CLOJARS_", (60, HEX)),
    "convex": ("prod:calm-otter-123|eyJ", (70, ALPHANUMERIC)),
    "matrix": ("syt_", (8, ALPHANUMERIC), "_", (20, ALPHANUMERIC), "_", (6, ALPHANUMERIC)),
    "discord": ("MT", (24, ALPHANUMERIC), ".", (6, ALPHANUMERIC), ".", (38, URL)),
    "django": ("django-insecure-", (50, LOWER + "!@#$%^&*(-_=+)")),
    "dropbox": ("sl.", (138, URL)),
    "e2b": ("e2b_", (40, HEX)),
    "easypost": ("EZAK", (54, ALPHANUMERIC)),
    "elevenlabs": ("sk_", (48, HEX)),
    "facebook": ("EAA", (180, ALPHANUMERIC)),
    "frame.io": ("fio-u-", (64, URL)),
    "harness": ("pat.", (22, ALPHANUMERIC), ".", (24, HEX), ".", (20, ALPHANUMERIC)),
    "infisical": ("st.", (24, HEX), ".", (32, HEX), ".", (32, HEX)),
    "infura": ("https://mainnet.infura.io/v3/", (32, HEX)),
    "k3s": ("K10", (64, HEX), "::server:", (32, HEX)),
    "mollie": ("live_", (30, ALPHANUMERIC)),
    "mongodb atlas": ("mdb_sa_sk_", (40, URL)),
    "openshift": ("sha256~", (43, URL)),
    "pinecone": ("pcsk_", (5, ALPHANUMERIC), "_", (63, ALPHANUMERIC)),
    "rancher": ("token-", (5, LOWER), ":", (54, LOWER)),
    "rapidapi": ((10, LOWER), "msh", (15, LOWER), "p1", (6, LOWER), "jsn", (12, LOWER)),
    "salesforce": ("00D", (12, ALPHANUMERIC), "!AQ", (94, ALPHANUMERIC + "._")),
    "scalingo": ("tk-us-", (48, URL)),
    "trello": ("ATTA", (64, HEX), (8, UPPER)),
    "trigger": ("tr_prod_", (20, ALPHANUMERIC)),
    "twitter": ("A" * 21, (60, ALPHANUMERIC), "%3D", (40, ALPHANUMERIC)),
    "yandex": ("AQVN", (36, ALPHANUMERIC)),
}


@pytest.mark.parametrize("provider", FORMATS)
def test_the_token_of_a_provider_is_found_without_a_word_about_it(
    inspector: Inspector, provider: str
) -> None:
    chance = random.Random(provider)
    for _ in range(12):
        parts = (one if isinstance(one, str) else token(chance, *one) for one in FORMATS[provider])
        value = "".join(parts)
        text = f"use {value} for staging"
        found = [one for one in inspector.inspect_text(text).findings if one.type == "SECRET"]
        covered = sum(min(one.end, 4 + len(value)) - max(one.start, 4) for one in found)
        assert covered >= 0.9 * len(value) or (provider == "infura" and covered == 32), (value, found)


def test_no_rule_reads_a_text_of_its_own_words_over_and_over() -> None:
    """What a rule needs, four thousand characters of it, costs each rule less than a tenth of a second."""
    for rule in PLACES:
        for gate in rule.gates:
            text = (gate * (4_000 // len(gate) + 1))[:4_000]
            started = process_time()
            place = text.find(gate)
            while place >= 0:
                if rule.back:
                    rule.pattern.search(text, max(0, place - rule.back), place + 400)
                else:
                    rule.pattern.match(text, place)
                place = text.find(gate, place + 1)
            assert process_time() - started < 0.1, (rule.name, gate)
