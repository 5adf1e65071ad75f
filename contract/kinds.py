"""Value types of keys: text patterns, choices, and data residency."""

from typing import Annotated, Literal, get_args

from contract.keys import Text

Stage = Literal["foundation", "integration", "rollout"]
STAGES: tuple[Stage, ...] = get_args(Stage)
Size = Literal["small", "medium", "large", "enterprise"]
SIZES: tuple[Size, ...] = get_args(Size)
DataClass = Literal["public", "internal", "restricted", "confidential"]
FindingAction = Literal["allow", "flag", "redact", "withhold", "review", "block"]
ReviewTrigger = Literal["material-decision", "personnel-decision", "customer-facing"]
BudgetModel = Literal["per-call", "per-user-month", "central"]
CoeRole = Literal[
    "director",
    "enablement-lead",
    "ai-engineer",
    "training-lead",
    "governance-lead",
    "data-science-lead",
    "key-operator",
]
Residency = Literal["eu", "us", "uk", "ch", "ca", "jp", "au", "in", "sg", "kr", "br", "ae", "il", "za"]
# regions whose identity numbers inspection recognises; eu: all member states
IdentityRegion = Literal[
    "eu", "at", "be", "bg", "cy", "cz", "de", "dk", "ee", "es", "fi", "fr", "gr", "hr", "hu", "ie",
    "it", "lt", "lu", "lv", "mt", "nl", "pl", "pt", "ro", "se", "si", "sk", "uk", "ch", "no", "is",
    "us", "ca", "mx", "br", "ar", "cl", "co", "do", "ec", "pe", "au", "nz", "in", "jp", "kr", "sg",
    "cn", "hk", "tw", "th", "my", "id", "vn", "pk", "tr", "ua", "ru", "rs", "ba", "me", "mk", "il",
    "ae", "sa", "eg", "ke", "ng", "za",
]  # fmt: skip
ProviderKind = Literal["anthropic", "claude-platform-aws", "bedrock"]
CallerKind = Literal["person", "agent", "application"]
UnknownAction = Literal["pass-and-record", "refuse"]
GovernanceMode = Literal["observe", "warn", "enforce"]
PrincipalKind = Literal["person", "application"]
Algorithm = Literal["RS256", "RS384", "RS512", "ES256", "ES384", "PS256", "EdDSA"]

# AWS regions by jurisdiction. A replica (sizes large and enterprise) needs two of them.
REGIONS: dict[Residency, tuple[str, ...]] = {
    "eu": ("eu-central-1", "eu-west-1", "eu-west-3", "eu-north-1", "eu-south-1", "eu-south-2"),
    "us": ("us-east-1", "us-east-2", "us-west-2", "us-west-1"),
    "uk": ("eu-west-2",),
    "ch": ("eu-central-2",),
    "ca": ("ca-central-1", "ca-west-1"),
    "jp": ("ap-northeast-1", "ap-northeast-3"),
    "au": ("ap-southeast-2", "ap-southeast-4"),
    "in": ("ap-south-1", "ap-south-2"),
    "sg": ("ap-southeast-1",),
    "kr": ("ap-northeast-2",),
    "br": ("sa-east-1",),
    "ae": ("me-central-1",),
    "il": ("il-central-1",),
    "za": ("af-south-1",),
}

_HOST = r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?"
_SLUG = r"[a-z][a-z0-9]*(-[a-z0-9]+)*"
_SLUG_SAYS = "lower-case letters, digits and single hyphens, a letter first"
# URL of a provider: unencrypted only on the loopback interface.
PROVIDER_URL = rf"(https://{_HOST}|http://127\.0\.0\.1)(:[0-9]{{1,5}})?(/[^\s?#]*)?"

Words = Annotated[str, Text("up to 200 characters", examples=("Some words", "Other words"))]
Reason = Annotated[
    str, Text("20 to 1,000 characters", r"(?s).{20,}", 1_000, ("because " * 3, "it must " * 3))
]
Slug = Annotated[str, Text(_SLUG_SAYS, _SLUG, 20, ("one", "another"))]
Name = Annotated[str, Text(_SLUG_SAYS, _SLUG, 60, ("one", "another"))]
EnvironmentName = Annotated[str, Text(_SLUG_SAYS, _SLUG, 15, ("sandbox", "staging"))]
Alias = Annotated[
    str,
    Text("lower-case letters, digits, single hyphens or dots, a letter first",
         r"[a-z][a-z0-9]*([.-][a-z0-9]+)*", 64, ("fast", "best")),
]  # fmt: skip
PromptVersion = Annotated[
    str,
    Text("a number in quotes, or an alias such as stable",
         r"[1-9][0-9]{0,5}|[a-z][a-z0-9]*([.-][a-z0-9]+)*", 64, ("stable", "2")),
]  # fmt: skip
ModelId = Annotated[
    str,
    Text("a model id such as claude-sonnet-5-5", r"[A-Za-z0-9][A-Za-z0-9.:/_-]*", 200,
         ("claude-sonnet-5-5", "claude-opus-5-5")),
]  # fmt: skip
Email = Annotated[
    str,
    Text("an e-mail address", r"[^@\s,;<>]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", 254,
         ("a@example.com", "b@example.com")),
]  # fmt: skip
Region = Annotated[
    str,
    Text(
        "an AWS region such as eu-central-1", r"[a-z]{2}(-[a-z]+)+-[0-9]", 32, ("eu-central-1", "eu-west-1")
    ),
]
AccountId = Annotated[
    str, Text("twelve digits in quotes", r"[0-9]{12}", 12, ("111122223333", "444455556666"))
]
Arn = Annotated[
    str,
    Text("an ARN such as arn:aws:iam::111122223333:role/name",
         r"arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:[0-9]*:\S+", 2_048,
         ("arn:aws:iam::111122223333:role/a", "arn:aws:iam::111122223333:role/b")),
]  # fmt: skip
HttpsUrl = Annotated[
    str,
    Text("a URL that begins with https://, without a query", rf"https://{_HOST}(:[0-9]{{1,5}})?(/[^\s?#]*)?",
         2_000,
         ("https://a.example.com", "https://b.example.com")),
]  # fmt: skip
MetadataUrl = Annotated[
    str,
    Text("a URL that begins with https://", rf"https://{_HOST}(:[0-9]{{1,5}})?(/[^\s#]*)?", 2_000,
         ("https://a.example.com/m", "https://b.example.com/m")),
]  # fmt: skip
ProviderUrl = Annotated[
    str,
    Text("a URL that begins with https:// (http:// for 127.0.0.1 only), without a query", PROVIDER_URL, 2_000,
         ("https://a.example.com", "https://b.example.com")),
]  # fmt: skip
RouteUrl = Annotated[str, Text("a URL that begins with https://", r"https?://\S+", 2_000, published=True)]
DomainName = Annotated[
    str,
    Text("a domain name in lower case such as claude.example.com",
         r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}", 253, ("a.example.com", "b.example.com")),
]  # fmt: skip
Host = Annotated[
    str,
    Text("a host name such as files.example.com", r"[a-z0-9-]+(\.[a-z0-9-]+)+", 253,
         ("a.example.com", "b.example.com"), lower=True),
]  # fmt: skip
Cidr = Annotated[
    str,
    Text("a network such as 10.40.0.0/20, from /16 to /24", r"([0-9]{1,3}\.){3}[0-9]{1,3}/(1[6-9]|2[0-4])",
         18,
         ("10.40.0.0/20", "10.50.0.0/20")),
]  # fmt: skip
InstanceArn = Annotated[
    str,
    Text("the ARN of an instance such as arn:aws:sso:::instance/ssoins-0123456789abcdef",
         r"arn:aws[a-z-]*:sso:::instance/(sso)?ins-[a-zA-Z0-9-.]{16}", 200,
         ("arn:aws:sso:::instance/ssoins-0123456789abcdef",
          "arn:aws:sso:::instance/ssoins-fedcba9876543210")),
]  # fmt: skip
DirectoryGroup = Annotated[
    str,
    Text("a group id such as 90676a1b2c-11111111-2222-3333-4444-555555555555",
         r"([0-9a-f]{10}-)?[A-Fa-f0-9]{8}(-[A-Fa-f0-9]{4}){3}-[A-Fa-f0-9]{12}", 47,
         ("11111111-2222-3333-4444-555555555555", "21111111-2222-3333-4444-555555555555")),
]  # fmt: skip
Scope = Annotated[
    str,
    Text("a scope such as claude/messages, without spaces", r"[\x21\x23-\x5B\x5D-\x7E]+", 200,
         ("claude/messages", "claude/other")),
]  # fmt: skip
ClientId = Annotated[str, Text("an id without spaces", r"\S+", 200, ("one", "another"))]
TagKey = Annotated[
    str, Text("up to 120 letters, digits, spaces and _.:/=+@-", r"[A-Za-z0-9 _.:/=+@-]+", 120, ("a", "b"))
]
AnomalyMonitor = Annotated[
    str,
    Text("none, create, or the ARN of a cost anomaly monitor",
         r"none|create|arn:aws[a-z-]*:ce::[0-9]{12}:anomalymonitor/[0-9a-f-]{36}", 120,
         ("none", "create")),
]  # fmt: skip
Bucket = Annotated[
    str,
    Text("the name of a bucket", r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", 63, ("anchor-a", "anchor-b")),
]
S3Uri = Annotated[
    str,
    Text("an object in S3 such as s3://bucket/truststore.pem", r"s3://[a-z0-9.-]{3,63}/\S+", 1_100,
         ("s3://bucket/a.pem", "s3://bucket/b.pem")),
]  # fmt: skip
HostedZone = Annotated[
    str, Text("a zone id such as Z0123456789ABC", r"Z[A-Z0-9]{5,32}", 33, ("Z0123456789", "Z1123456789"))
]
EndpointId = Annotated[
    str,
    Text(
        "an id such as vpce-0123456789abcdef0", r"vpce-[0-9a-f]{8,17}", 22, ("vpce-01234567", "vpce-11234567")
    ),
]
SubnetId = Annotated[
    str,
    Text(
        "an id such as subnet-0123456789abcdef0",
        r"subnet-[0-9a-f]{8,17}",
        24,
        ("subnet-01234567", "subnet-11234567"),
    ),
]
GroupId = Annotated[
    str, Text("an id such as sg-0123456789abcdef0", r"sg-[0-9a-f]{8,17}", 20, ("sg-01234567", "sg-11234567"))
]
FederationRule = Annotated[
    str, Text("an id such as fdrl_0123", r"fdrl_[A-Za-z0-9]+", 100, ("fdrl_a", "fdrl_b"))
]
ServiceAccount = Annotated[
    str, Text("an id such as svac_0123", r"svac_[A-Za-z0-9]+", 100, ("svac_a", "svac_b"))
]
SlackWorkspace = Annotated[
    str, Text("the id of a Slack workspace such as T07EA123LEP", r"[0-9A-Z]{1,255}", 255, ("T0AAA", "T0BBB"))
]
SlackChannelId = Annotated[
    str, Text("the id of a Slack channel such as C07EZ1ABC23", r"[A-Za-z0-9]+", 255, ("C0AAA", "C0BBB"))
]
MicrosoftId = Annotated[
    str,
    Text("an id such as 11111111-2222-3333-4444-555555555555",
         r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", 36,
         ("11111111-2222-3333-4444-555555555555", "21111111-2222-3333-4444-555555555555")),
]  # fmt: skip
TeamsChannelId = Annotated[
    str,
    Text("the id of a Teams channel as its link has it, such as 19%3aabc%40thread.tacv2",
         r"[\w=+/.,-]*%3[aA][\w=+/.,-]*%40[\w=+/.,-]*", 255,
         ("19%3aabc%40thread.tacv2", "19%3adef%40thread.tacv2")),
]  # fmt: skip
Workspace = Annotated[
    str, Text("an id such as wrkspc_0123", r"wrkspc_[A-Za-z0-9]+", 100, ("wrkspc_a", "wrkspc_b"))
]
Sha256 = Annotated[
    str, Text("64 hexadecimal digits", r"[0-9a-f]{64}", 64, ("0" * 64, "1" * 64), published=True)
]
LabelId = Annotated[
    str,
    Text("the id of a sensitivity label such as 11111111-2222-3333-4444-555555555555",
         r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", 36,
         ("11111111-2222-3333-4444-555555555555", "21111111-2222-3333-4444-555555555555"), lower=True),
]  # fmt: skip
Canary = Annotated[
    str, Text("12 to 80 letters, digits, _ and -", r"[\w-]{12,80}", 80, ("kestrel-4471-a", "kestrel-4471-b"))
]

Permission = Annotated[
    str,
    Text(
        "web-search, web-fetch, code-execution, skills, memory, advisor, fallbacks, fast-mode, threads,"
        " other-payer or administration",
        r"web-search|web-fetch|code-execution|skills|memory|advisor|fallbacks|fast-mode|threads|other-payer|"
        r"administration",
        30,
        ("web-search", "memory"),
        published=True,
    ),
]
RolePermission = Annotated[
    str,
    Text("a role, a colon and a permission, such as champions:web-search",
         rf"{_SLUG}:[a-z-]+", 60, ("champions:web-search", "analysts:code-execution")),
]  # fmt: skip
McpServer = Annotated[
    str,
    Text("the origin of an MCP server, with #tool for one of its tools only",
         rf"https://{_HOST}(:[0-9]{{1,5}})?(#[A-Za-z0-9_.-]{{1,128}})?", 400,
         ("https://mcp.example.com", "https://mcp.example.com#search")),
]  # fmt: skip
Skill = Annotated[
    str,
    Text("a Skill as type:id, with @version for one of its versions only",
         r"(anthropic|custom):[A-Za-z0-9_-]{1,100}(@[A-Za-z0-9_.-]{1,64})?", 200,
         ("anthropic:pptx", "custom:skill_01AbCdEf@1759178010641129")),
]  # fmt: skip
Origin = Annotated[
    str,
    Text("a scheme, a host and, unless 443, a port, such as https://mcp.example.com",
         rf"https://{_HOST}(:[0-9]{{1,5}})?", 200, ("https://mcp.example.com", "https://tools.example.org:8443")),
]  # fmt: skip
