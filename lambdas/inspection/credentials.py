"""Secrets and credentials: token formats, assignments, URLs, headers, private keys (L2.3).

One automaton searches the literal that every rule requires (its gate), and a rule's expression runs only
around its gate, so ordinary text costs one pass. Formats are those that providers publish for current
tokens.
"""

import base64
import re
from collections.abc import Iterable, Iterator

from lambdas.inspection import token_shapes
from lambdas.inspection.assigned_values import PASSWORDS, Assigned, classes, is_secret
from lambdas.inspection.expressions import Expression, Hit
from lambdas.inspection.findings import Span
from lambdas.inspection.normalise import joins
from lambdas.inspection.secret_places import PLACES, given
from lambdas.inspection.token_rules import PLACEHOLDER, Rule, entropy, jumbled, looks_named, rule, varied

_T = r"(?![A-Za-z0-9_-])"  # nothing of the token's alphabet follows


def _holds_a_key(block: str) -> bool:
    """Return whether the block contains more than a header, as in code that writes keys."""
    return re.search(r"[A-Za-z0-9+/]{16}", block.partition("KEY")[2]) is not None


def _begins_a_key(encoded: str) -> bool:
    """Return whether this is base64 of a private key's header, not of a certificate's."""
    return b"PRIVATE KEY" in base64.b64decode(encoded[:64])


_TOKENS: tuple[Rule, ...] = (
    # AI
    rule("langfuse", "sk-lf-", r"sk-lf-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    rule("gemini", "aq.ab", r"(?<!\w)AQ\.Ab[\w-]{45,60}"),
    rule("cartesia", "sk_car_", r"sk_car_[A-Za-z0-9]{20,40}"),
    rule("pinecone", "pcsk_", r"pcsk_[A-Za-z0-9]{4,8}_[A-Za-z0-9]{50,70}"),
    rule("elevenlabs", "sk_", r"(?<![A-Za-z0-9_])sk_[0-9a-f]{48}(?!\w)"),
    rule("anthropic", "sk-ant-", r"sk-ant-[a-z]{2,8}\d{2}-[\w-]{20,}", accept=varied),
    rule("openai", "sk-", r"sk-(?:proj-|svcacct-|admin-|None-)[\w-]{20,}"
        r"|sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}|sk-or-v1-[0-9a-f]{40,}|sk-[A-Za-z0-9]{32,64}" + _T,
        accept=varied),
    rule("huggingface", "hf_ api_org_", r"(?:hf|api_org)_[A-Za-z0-9]{30,40}" + _T, accept=varied),
    rule("ai-providers", "gsk_ xai- pplx- r8_ nvapi- jina_ fc- co_ tgp_v1_ fw_ csk- lsv2_ tvly-",
          r"gsk_[A-Za-z0-9]{40,60}|xai-[A-Za-z0-9]{60,90}|pplx-[A-Za-z0-9]{40,60}|r8_[A-Za-z0-9]{36,40}"
              r"|nvapi-[\w-]{50,80}"
          r"|jina_[A-Za-z0-9]{50,70}|fc-[0-9a-f]{32}|tgp_v1_[\w-]{40,60}|fw_[A-Za-z0-9]{22,40}"
              r"|csk-[a-z0-9]{40,60}"
          r"|lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}|tvly-[\w-]{20,50}", accept=varied),
    # clouds
    rule("aws-key-id", "akia asia abia acca a3t", r"(?<![A-Z0-9])(?:AKIA|ASIA|ABIA|ACCA"
        r"|A3T[A-Z0-9])[A-Z0-9]{16}(?![A-Z0-9])",
          accept=lambda v: not v.endswith("EXAMPLE")),
    rule("aws-secret", "secret_access_key secretaccesskey secret-access-key",
         r"(?i:secret[_-]?access[_-]?key)[\"']?\s{0,3}[\s:=,]\s{0,3}[\"']?([A-Za-z0-9/+]{40})(?![A-Za-z0-9/"
         r"+=])",
         accept=lambda v: varied(v) and jumbled(v, 0.3)),
    rule("aws-secret", "akia asia",
         r"A[KS]IA[A-Z0-9]{16}(?![A-Za-z0-9])[\s\S]{1,60}?(?<![A-Za-z0-9/+])([A-Za-z0-9/+]{40})(?![A-Za-z0-"
         r"9/+=])",
         accept=lambda v: varied(v) and jumbled(v, 0.3)),
    rule("aws-mws", "amzn.mws.", r"amzn\.mws\.[0-9a-f]{8}-[0-9a-f-]{27}"),
    rule("aws-appsync", "da2-", r"da2-[a-z0-9]{26}" + _T),
    rule("aws-session", "iqojb3jpz2lu fwogzxivyxdz", r"(?:IQoJb3JpZ2lu"
         r"|FwoGZXIvYXdz)[A-Za-z0-9+/=%_-]{100,2000}"),
    rule("amazon-oauth", "amzn1.oa2-cs.v1.", r"amzn1\.oa2-cs\.v1\.[0-9a-f]{64}"),
    rule("firebase-messaging", ":apa91b", r"(?<!\w)[\w-]{11,152}:APA91b[\w-]{120,160}", back=30),
    rule("aws-bedrock", "absk bedrock-api-key-", r"ABSK[A-Za-z0-9+/]{60,}={0,2}"
        r"|bedrock-api-key-[A-Za-z0-9+/=]{40,}"),
    rule("google-api", "aiza", r"AIza[\w-]{35}" + _T, accept=varied),
    rule("google-oauth", "ya29. gocspx- 1//0", r"ya29\.[\w-]{20,}|GOCSPX-[\w-]{28}|1//0[\w-]{40,}"),
    rule("azure-storage", "accountkey= sharedaccesskey=", r"(?i:AccountKey|SharedAccessKey)=([A-Za-z0-9+/]{"
        r"40,}={0,2})"),
    rule("azure-sas", "sig=", r"[?&]sig=([A-Za-z0-9%+/]{40,}(?:%3D|=)?)", back=1),
    rule("azure-entra", "q~",
          r"(?<![\w~.-])[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{31,34}(?![\w~.-])", back=5),
    rule("azure-devops", "azdo", r"[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}", back=76),
    rule("digitalocean", "dop_v1_ doo_v1_ dor_v1_", r"do[opr]_v1_[0-9a-f]{64}"),
    rule("cloudflare", "v1.0-", r"v1\.0-[0-9a-f]{24}-[0-9a-f]{146}"),
    rule("alibaba", "ltai", r"(?<![A-Za-z0-9+/])LTAI[A-Za-z0-9]{16,24}" + _T),
    rule("tencent", "akid", r"(?<![A-Za-z0-9+/])AKID[A-Za-z0-9]{32}" + _T),
    rule("heroku", "hrku-", r"HRKU-[\w-]{36,70}"),
    rule("fly", "fo1_ fm1r_ fm2_", r"fo1_[\w-]{43}|fm[12]r?_[A-Za-z0-9+/=]{60,}"),
    rule("vercel", "vcp_ vci_ vca_ vcr_ vck_", r"vc[piark]_[A-Za-z0-9]{24,60}"),
    rule("planetscale", "pscale_", r"pscale_(?:tkn|oauth|pw)_[\w.=-]{32,64}"),
    rule("supabase", "sbp_ sb_secret_", r"sbp_[0-9a-z]{40,44}|sb_secret_[\w-]{30,50}"),
    rule("neon", "napi_", r"napi_[a-z0-9]{50,70}"),
    rule("databricks", "dapi dkea dose", r"(?<![\w])d(?:api|kea|ose)[0-9a-f]{32}(?:-\d)?" + _T +
        r"|dapi[0-9a-h]{32}(?:-\d)?"),
    rule("vault", "hvs. hvb. hvr. b.aaaaaq", r"(?<![\w.])hv[sbr]\.[\w-]{60,300}"
        r"|(?<![\w.])hvs\.[\w-]{24,}(?![\w.(])|(?<![\w.])b\.AAAAAQ[\w-]{100,}",
          accept=lambda v: len(v) > 30 or (sum(c.isdigit() for c in v) >= 2 and entropy(v) > 3.5)),
    rule("terraform", ".atlasv1.", r"[A-Za-z0-9]{14}\.atlasv1\.[\w-]{60,70}", back=14),
    rule("doppler", "dp.", r"(?<!\w)dp\.(?:ct|pt|st|sa|scim|audit)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,4"
        r"4}"),
    rule("pulumi", "pul-", r"(?<!\w)pul-[0-9a-f]{40}"),
    rule("onepassword", "ops_ey a3-", r"ops_eyJ[A-Za-z0-9+/]{200,}={0,2}"
        r"|(?<![\w-])A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})(?:-[A-Z0-9]{5}){3}(?![\w-])"),
    rule("age-identity", "age-secret-key-1 age1", r"AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}"
        r"|(?<!\w)age1[qpzry9x8gf2tvdw0s3jn54khce6mua7l]{58}(?!\w)"),
    rule("fastly-tailscale", "tskey-", r"tskey-[a-z]+-[\w-]{8,64}"),
    rule("linode-vultr-netlify", "nfp_ render rnd_", r"nfp_[A-Za-z0-9]{36,40}|rnd_[A-Za-z0-9]{24,40}"),
    # code hosting, packages, build
    rule("github", "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_", r"gh[pousr]_[A-Za-z0-9]{36,255}"
        r"|github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}", accept=varied),
    rule("gitlab", "glpat- glptt- gldt- glrt- glcbt- glsoat- glft- glimt- glagent- gloas-",
        r"gl(?:pat|ptt|dt|rt|cbt|soat|ft|imt|agent|oas)-[\w.-]{20,90}", accept=varied),
    rule("bitbucket", "atbb atctt3", r"ATBB[A-Za-z0-9]{32}|ATCTT3[\w-]{100,200}={0,2}[A-Z0-9]{0,8}"),
    rule("atlassian", "atatt3", r"ATATT3[\w-]{80,260}=[A-F0-9]{8}|ATATT3[\w-]{80,260}"),
    rule("npm", "npm_", r"npm_[A-Za-z0-9]{36}" + _T, accept=varied),
    rule("pypi", "pypi-ageichlwas5vcmc pypi-agendgvzd", r"pypi-AgE[A-Za-z0-9_-]{50,}"),
    rule("rubygems", "rubygems_", r"rubygems_[0-9a-f]{48}"),
    rule("nuget", "oy2", r"(?<!\w)oy2[a-z0-9]{43}(?!\w)"),
    rule("crates", "cio", r"(?<!\w)cio[A-Za-z0-9]{32}(?!\w)"),
    rule("docker", "dckr_", r"dckr_(?:pat|oat)_[\w-]{24,40}"),
    rule("artifactory", "akcp cmvmdgtuoj", r"(?<!\w)AKCp[A-Za-z0-9]{60,80}|cmVmdGtu[A-Za-z0-9]{56}"),
    rule("sourcegraph", "sgp_ slk_ sgd_", r"sgp_(?:[A-Za-z0-9]{16}_|local_)?[0-9A-Fa-f]{40}"
        r"|slk_[0-9a-f]{64}|sgd_[0-9a-f]{64}"),
    rule("circleci", "ccipat_ cciprj_", r"(?i:cci(?:pat|prj))_[A-Za-z0-9]{20,24}_[0-9a-f]{40}"),
    rule("buildkite", "bkua_ bkat_ bkct_", r"bk(?:ua|at|ct)_[A-Za-z0-9]{38,44}"),
    rule("django", "django-insecure-", r"django-insecure-[^\s\"']{30,70}"),
    rule("hosted-ci", "e2b_ fio-u- pat. sat. tk-us- gitpod_pat_ wandb_v1_ hawk. gr1348941 glffct- glwt-",
         r"(?<!\w)e2b_[0-9a-f]{40}|fio-u-[\w-]{60,66}"
         r"|(?<![\w.])[ps]at\.[\w-]{20,24}\.[0-9a-f]{24}\.[A-Za-z0-9]{20}"
         r"|(?<!\w)tk-us-[\w-]{48}|gitpod_pat_[\w.-]{30,}|wandb_v1_[\w-]{40,}|hawk\.[\w-]{20}\.[\w-]{20}"
         r"|GR1348941[\w-]{20}|gl(?:ffct|wt)-[\w-]{20,60}", accept=varied),
    rule("cloud-misc", "scw exo ucat_ nbp_ xaat- xapt- dnkey- ddp_ ddo_ jsrp_ rpa_ esecret_ kpat_ zpka_",
         r"(?<!\w)SCW[A-Z0-9]{17}(?!\w)|(?<!\w)EXO[0-9a-f]{24}(?!\w)|ucat_[A-Z0-9]{26,40}"
         r"|(?<!\w)nbp_[A-Za-z0-9]{36}"
         r"|xa(?:at|pt)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|dnkey-[A-Z0-9=_-]{26}-[A-Z0-9=_-]{52}"
         r"|(?<!\w)dd[po]_[A-Za-z0-9]{36,40}|jsrp_[A-Za-z0-9]{32,50}|(?<!\w)rpa_[A-Z0-9]{40,50}"
         r"|esecret_[a-z0-9]{20,40}"
         r"|(?<!\w)kpat_[A-Za-z0-9]{40,60}|zpka_[a-z0-9]{32}_[a-z0-9]{8}"),
    rule("business-misc", "nyk_v0_ pdl_live_apikey_ klarna_live_api_ polar_ cal_live_ rgapi- lip_ bp_pat_ "
         "hxtp_ dbtc_ "
         "dbtu_ n8n_api_ retool_ inc_ rootly_ sktsec_ endr+ vtwn_ bb_live_ phs_ pylf_v1_ nvp_",
         r"nyk_v0_[A-Za-z0-9]{40,80}|pdl_(?:live|sdbx)_apikey_[\w]{40,80}|klarna_(?:live"
         r"|test)_api_[\w/+=-]{30,}"
         r"|polar_(?:oat|pat)_[A-Za-z0-9]{40,60}|cal_live_[0-9a-f]{32}"
         r"|RGAPI-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
         r"|(?<!\w)lip_[A-Za-z0-9]{20}(?!\w)|bp_pat_[A-Za-z0-9]{30,40}|hxtp_[A-Za-z0-9]{30,80}"
         r"|dbt[cu]_[\w+/=-]{30,60}"
         r"|retool_[A-Za-z0-9]{26,40}|(?<!\w)inc_[0-9a-f]{40,64}|rootly_[0-9a-f]{64}|sktsec_[\w-]{30,60}"
         r"|endr\+[A-Za-z0-9-]{16}|vtwn_[A-Za-z0-9]{24,36}|bb_live_[\w-]{24,36}|(?<!\w)phs_\w{40,50}"
         r"|pylf_v\d_(?:us|eu)_[A-Za-z0-9]{36,48}", accept=varied),
    rule("rapidapi", "msh", r"(?<!\w)[0-9a-z]{10}msh[0-9a-z]{15}p1[0-9a-z]{5,6}jsn[0-9a-z]{12}(?!\w)",
         back=10),
    rule("adobe-intra", "p8e- p8s- s-s4t2", r"(?<!\w)p8[es]-[\w-]{32}|s-s4t2(?:ud|af)-[0-9a-f]{64}"),
    rule("wallet", "xprv zprv yprv", r"(?<!\w)[xyz]prv[1-9A-HJ-NP-Za-km-z]{100,112}(?!\w)"),
    rule("fauna", "fna", r"(?<![\w-])fnA[A-Za-z][\w-]{37,38}(?![\w-])", accept=varied),
    rule("clojars", "clojars_", r"CLOJARS_[0-9a-f]{60}"),
    rule("prefect", "pnb_", r"(?<!\w)pnb_[A-Za-z0-9]{36}"),
    rule("infisical", "st.", r"(?<![\w.])st\.[0-9a-f-]{24,36}\.[0-9a-f]{32}\.[0-9a-f]{32}"),
    rule("openshift", "sha256~", r"sha256~[\w-]{43}"),
    rule("k3s", "k10", r"(?<!\w)K10[0-9a-f]{64}::(?:server|node):[\w.-]{6,80}"),
    rule("trigger-xata", "tr_prod_ tr_dev_ tr_stg_ xau_", r"tr_(?:prod|dev|stg|preview)_[A-Za-z0-9]{20,32}"
        r"|(?<!\w)xau_[A-Za-z0-9]{36,44}"),
    rule("aiven", "avns_", r"AVNS_[\w-]{12,40}", accept=varied),
    rule("mongodb-atlas", "mdb_sa_", r"mdb_sa_sk_[\w-]{30,50}"),
    rule("clickhouse", "4b1d", r"(?<!\w)4b1d[A-Za-z0-9]{38}(?!\w)"),
    rule("yandex", "aqvn y0_", r"(?<!\w)AQVN[\w-]{35,38}" + _T + r"|(?<!\w)y0_[A-Za-z0-9_-]{50,60}"),
    rule("convex", "|eyj", r"(?:prod|dev|preview|project):[\w:-]{3,60}\|eyJ[A-Za-z0-9+/=]{30,}", back=70),
    rule("salesforce", "00d", r"(?<!\w)00D[A-Za-z0-9]{12,15}![\w.]{80,130}"),
    rule("sonar", "squ_ sqp_ sqa_", r"(?<!\w)sq[upa]_[0-9a-f]{40}"),
    rule("jfrog-ref", "reftkn:", r"reftkn:\d{2}:\d{10}:[A-Za-z0-9]{28}"),
    rule("snyk", "snyk_uat", r"snyk_uat\.[\w.-]{40,}"),
    rule("postman", "pmak-", r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}"),
    rule("launchdarkly", "sdk- api-", r"(?<!\w)(?:sdk|api|mob)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]"
        r"{4}-[0-9a-f]{12}"),
    rule("sentry", "sntrys_ sntryu_", r"sntry[su]_[A-Za-z0-9_+/=]{40,}"),
    rule("grafana", "glc_ glsa_ eyjrijoi", r"glc_[A-Za-z0-9+/=]{32,400}|glsa_[A-Za-z0-9]{32}_[0-9a-fA-F]{8}"
        r"|eyJrIjoi[A-Za-z0-9+/=]{40,400}"),
    rule("newrelic", "nrak- nraa- nrii- nrjs- nral", r"NR(?:AK|AA|II|JS|RA|SP)-[\w-]{19,40}"
        r"|[0-9a-f]{36}NRAL", back=36),
    rule("dynatrace", "dt0c01. dt0s", r"dt0[cs]\d\d\.[A-Z0-9]{24}\.[A-Z0-9]{64}"),
    rule("datadog", "ddapp_ ddpub", r"dd(?:app|pat)_[A-Za-z0-9]{30,45}"),
    rule("posthog", "phx_ phc_", r"(?<!\w)ph[xc]_[\w]{40,50}"),
    rule("linear-notion", "lin_api_ lin_oauth_ ntn_ secret_", r"lin_(?:api|oauth)_[A-Za-z0-9]{32,64}"
        r"|ntn_[A-Za-z0-9]{40,50}|secret_[A-Za-z0-9]{43}" + _T),
    rule("prefect-readme-misc", "pnu_ rdme_ shippo_ duffel_ frameio-apf odt_ uapi pat-na1 pat-eu1 aio_ "
        "sgp_ key- ion_ apify_api_ shpat_ supernotes_sk",
          r"pnu_[A-Za-z0-9]{36}|rdme_[a-z0-9]{70}|shippo_(?:live|test)_[0-9a-f]{40}|duffel_(?:live"
              r"|test)_[\w-]{43}|odt_[A-Za-z0-9]{32}" + _T +
          r"|pat-[a-z]{2}\d-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
          r"|aio_[A-Za-z0-9]{28}" +
              _T + r"|(?<!\w)key-[0-9a-zA-Z]{32}" + _T +
          r"|apify_api_[\w-]{34,40}|supernotes_sk[-_][\w]{30,60}"),
    # chat, mail, telephony
    rule("slack", "xoxb xoxp xoxa xoxo xoxr xoxs xoxe xoxc xoxd xapp-",
        r"xox[a-eoprs](?:\.xox[bp])?-[\w-]{10,250}"
        r"|xapp-\d-[A-Z0-9]+-\d+-[0-9a-f]{20,}", accept=lambda v: sum(c.isdigit() for c in v) > 3 and varied(
        v)),
    rule("slack-webhook", "hooks.slack.com", r"(?:https://)?hooks\.slack\.com/(?:services|workflows"
        r"|triggers)/[\w/-]{20,}", back=8, accept=varied),
    rule("chat-webhooks", "webhook.office.com discord.com/api/webhooks discordapp.com/api/webhooks "
        "hooks.zapier.com tines.com chat.googleapis.com",
          r"(?:https://)?(?:[\w-]{1,40}\.)?(?:webhook\.office\.com/webhookb2/[\w@-]{36,}/IncomingWebhook/[0-"
          r"9a-f]"
              r"{32}/[\w-]{36}|(?:discord|discordapp)\.com/api/webhooks/\d{17,20}/[\w-]{60,80}"
          r"|hooks\.zapier\.com/hooks/catch/[\w/]{10,}|[\w.-]{0,30}tines\.com/webhook/[\w/-]{32,}"
              r"|chat\.googleapis\.com/v1/spaces/[\w-]+/messages\?key=[\w&=%-]+)", back=60),
    rule("group-webhooks", "oapi.dingtalk.com/robot open.feishu.cn/open-apis/bot "
         "open.larksuite.com/open-apis/bot "
         "qyapi.weixin.qq.com/cgi-bin/webhook maker.ifttt.com/trigger",
         r"oapi\.dingtalk\.com/robot/send\?access_token=([0-9a-f]{64})|open\.(?:feishu\.cn"
         r"|larksuite\.com)/open-apis/"
         r"bot/v2/hook/([\w-]{30,40})|qyapi\.weixin\.qq\.com/cgi-bin/webhook/send\?key=([\w-]{36})"
         r"|maker\.ifttt\.com/trigger/[\w-]{1,60}/(?:json/)?with/key/([\w-]{20,50})"),
    rule("dropbox", "sl.", r"(?<![\w.])sl\.(?:u\.)?[\w-]{120,}"),
    rule("twitter-bearer", "aaaaaaaaaaaaaaaaaaaaa", r"(?<!\w)A{20,22}[A-Za-z0-9%]{30,}(?:%3D|=)"
        r"[A-Za-z0-9%]{20,}"),
    rule("trello", "atta", r"(?<!\w)ATTA[0-9a-f]{60,64}[A-F0-9]{8,12}|(?<!\w)ATTA[0-9a-zA-Z]{72}(?!\w)"),
    rule("matrix", "syt_", r"(?<!\w)syt_[A-Za-z0-9+/_-]{4,80}_[A-Za-z0-9]{20}_[A-Za-z0-9]{6}(?!\w)"),
    rule("erlang-cookie", "erlang_cookie erlang.cookie",
         r"(?i:erlang[_.]cookie)[\"']?\s{0,2}[=:\s]\s{0,2}[\"']?([A-Z]{20})"),
    rule("agora", "app_certificate", r"(?i:app_certificate)[\"']?\s{0,2}[=:]\s{0,2}[\"']?([0-9a-f]{32})"),
    rule("rancher", "token-", r"(?<!\w)token-[a-z0-9]{5}:[a-z0-9]{54}"),
    rule("node-urls", "infura.io/v3/ alchemy.com/v2/ alchemyapi.io/v2/ quiknode.pro/",
         r"(?:infura\.io|alchemy\.com|alchemyapi\.io)/(?:ws/)?v[23]/([\w-]{32})" + _T +
         r"|quiknode\.pro/([0-9a-f]{40})"),
    rule("telegram", ":aa", r"(?<!\w)\d{8,10}:AA[\w-]{32,33}" + _T, back=10),
    rule("twilio", "sk0 sk1 sk2 sk3 sk4 sk5 sk6 sk7 sk8 sk9 ska skb skc skd ske skf",
         r"(?<!\w)SK[0-9a-f]{32}(?!\w)"),
    rule("sendgrid", "sg.", r"(?<!\w)SG\.[\w-]{16,32}\.[\w-]{16,64}"),
    rule("mailchimp", "-us", r"(?<!\w)[0-9a-f]{32}-us\d{1,2}(?!\w)", back=32),
    rule("mailgun", "pubkey-", r"pubkey-[0-9a-f]{32}"),
    rule("sendinblue-mailersend", "xkeysib- xsmtpsib- mlsn.", r"x(?:key|smtp)sib-[0-9a-f]{64}-[A-Za-z0-9]{1"
        r"6}|mlsn\.[0-9a-f]{64}"),
    rule("resend-postmark", "re_", r"(?<!\w)re_[A-Za-z0-9]{8}_[A-Za-z0-9]{24}(?!\w)"),
    # payment, commerce
    rule("stripe", "sk_live_ rk_live_ sk_test_ rk_test_ whsec_", r"(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{14,2"
        r"50}|whsec_[A-Za-z0-9+/=]{24,80}", accept=varied),
    rule("payment", "ak_live_ ak_test_ paymongo sk_prod sq0atp- sq0csp- sq0idp- eaaa "
        "access_token$production$ rzp_live_ rzp_test_ pat_live_ access-production- flwseck",
          r"ak_(?:live|test)_[A-Za-z0-9]{30,45}|sq0(?:atp|csp|idp)-[\w-]{22,43}|(?<!\w)EAAA[\w-]{60}" + _T +
              r"|access_token\$production\$[0-9a-z]{16}\$[0-9a-f]{32}|rzp_(?:live|test)_[A-Za-z0-9]{14,24}"
          r"|access-(?:production|development|sandbox)-[0-9a-f]{8}-[0-9a-f-]{27}"
              r"|FLWSECK(?:_TEST)?-[0-9a-zA-Z]{32}-X"),
    rule("mollie", "live_", r"(?<!\w)live_[A-Za-z0-9]{30}(?!\w)", accept=varied),
    rule("plaid-lob", "live_ test_", r"(?<![\w])(?:live|test)_(?:pub_)?[0-9a-f]{31,45}(?!\w)"),
    rule("easypost", "ezak ezt", r"(?<!\w)EZ[AT]K[A-Za-z0-9]{54}"),
    rule("paypal", "a21aa", r"(?<!\w)A21AA[\w-]{60,}"),
    rule("mandrill", "md-", r"(?<![\w-])md-[A-Za-z0-9_-]{22}(?![\w-])", accept=lambda v: jumbled(v[3:])),
    rule("shopify", "shpat_ shpca_ shppa_ shpss_ shptka_ shpua_", r"shp(?:at|ca|pa|ss|tka"
        r"|ua)_[0-9a-fA-F]{32}"),
    rule("facebook", "eaa", r"(?<![A-Za-z0-9+/])EAA[A-Za-z0-9]{80,}(?![A-Za-z0-9+/=_-])"
        r"|(?<!\w)EAA[BC][A-Za-z0-9]{30,}"),
    rule("twitch-stream", "live_", r"(?<!\w)live_\d{9,10}_[A-Za-z0-9]{28,32}(?!\w)"),
    rule("mapbox", "sk.eyj", r"sk\.eyJ[\w-]{40,}\.[\w-]{20,}"),
    rule("asana-clickup-figma", "pk_ figd_ figo_ 0/ 1/ 2/", r"(?<!\w)pk_\d{5,9}_[A-Z0-9]{32}"
        r"|fig[do]_[\w-]{30,50}|(?<![\w/])[012]/\d{13,17}(?:/\d{13,17})?:[0-9a-f]{32}"),
    rule("zoho", "1000.", r"(?<!\w)1000\.[0-9a-f]{32}\.[0-9a-f]{32}"),
    rule("hubspot-typeform-contentful", "tfp_ cfpat-", r"tfp_[\w-]{40,60}|CFPAT-[\w-]{40,50}"),
    rule("alchemy-infura-moonpay", "alcht_", r"alcht_[A-Za-z0-9]{30}"),
    rule("telnyx", "key0", r"(?<!\w)KEY0[0-9A-F]{30}_[A-Za-z0-9]{22}"),
    rule("teamwork-maxmind", "tkn.v1_ _mmk", r"tkn\.v1_[A-Za-z0-9=+/]{60,}|[A-Za-z0-9]{6}_[A-Za-z0-9]{29,34"
        r"}_mmk", back=42),
    rule("pubnub", "pub-c- sub-c- sec-c-", r"(?:pub|sub)-c-[0-9a-zA-Z]{8}-[0-9a-zA-Z]{4}-[0-9a-zA-Z]{4}-[0-"
        r"9a-zA-Z]{4}-[0-9a-zA-Z]{12}|sec-c-[A-Za-z0-9+/=]{40,60}"),
    rule("blynk", "oa2-client-id_", r"oa2-client-id_[\w-]{30,34}"),
    rule("ubidots", "bbff- bbus-", r"BB(?:FF|US)-[A-Za-z0-9]{30,34}"),
    rule("okta", "00", r"(?<![\w-])00[\w-]{40}(?![\w-])",
          accept=lambda v: entropy(v) > 4.2 and any(map(str.islower, v)) and any(map(str.isupper, v)) and
              "ABCDEF" not in v),
    # keys, hashes
    rule("private-key", "-----begin", r"-----BEGIN (?:[A-Z0-9 ]{0,30})?(?:PRIVATE KEY"
        r"|PGP PRIVATE KEY BLOCK)(?: BLOCK)?-----[\s\S]{0,16000}?(?:-----END [A-Z0-9 ]{0,40}-----|\Z)",
        accept=_holds_a_key),
    rule("private-key-base64", "ls0tls1crudjti", r"LS0tLS1CRUdJTi[A-Za-z0-9+/]{40,}={0,2}",
         accept=_begins_a_key),
    rule("putty-key", "putty-user-key-file",
          r"PuTTY-User-Key-File-\d:[\s\S]{0,4000}?Private-MAC: [0-9a-f]+"),
    rule("jwt", "eyj", r"(?<![\w-])ey[IJ][\w-]{8,}\.ey[A-Za-z][\w-]{8,}(?:\.[\w-]{8,})?"
        r"|(?<![\w-])eyJ[\w-]{15,}\.[\w-]{15,}\.[\w-]{15,}"),
    rule("password-hash", "$2a$ $2b$ $2y$ $1$ $5$ $6$ $8$ $9$ $y$ $argon2 $krb5",
          r"\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}|\$1\$[./A-Za-z0-9]{1,8}\$[./A-Za-z0-9]{22}"
              r"|\$5\$(?:rounds=\d+\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{43}"
          r"|\$6\$(?:rounds=\d+\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{86}"
              r"|\$[89]\$[./A-Za-z0-9]{14}\$[./A-Za-z0-9]{43}"
              r"|\$y\$[./A-Za-z0-9]+\$[./A-Za-z0-9]{1,86}\$[./A-Za-z0-9]{43}"
          r"|\$argon2(?:id|i|d)\$v=\d+\$m=\d+,t=\d+,p=\d+\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+|\$krb5(?:asrep"
              r"|tgs)\$\d+\$[^\s]{40,}"),
)  # fmt: skip

_RULES = (*_TOKENS, *PLACES)

# --- assignments, URLs, headers, prose --------------------------------------------------------------------

_NAMES_OF_SECRETS = (
    r"passwords?|passwd|passphrase|passcode|pwd|pass|secret(?:s|[-_ ]?(?:access[-_ ]?)?key|[-_ ]?token)?"
    r"|api[-_ ]?(?:key|token|secret)s?"
    r"|apikey|access[-_ ]?(?:key|token)(?:[-_ ]?(?:id|secret))?|auth[-_ ]?(?:key|token|secret)?|(?:auth"
    r"|refresh|session|bearer|bot|deploy|id|personal|security)[-_ ]?token"
    r"|tokens?|client[-_ ]?secret|consumer[-_ ]?(?:key|secret)|signing[-_ ]?(?:key|secret)"
    r"|encryption[-_ ]?key|master[-_ ]?key|private[-_ ]?key|account[-_ ]?key|storage[-_ ]?key"
    r"|shared[-_ ]?key|credentials?|creds?|pin|license[-_ ]?key|subscription[-_ ]?key|webhook[-_ ]?(?:key"
    r"|secret)|service[-_ ]?key|app[-_ ]?key|secure[-_ ]?login"
    r"|key[-_ ]?secret|reporter[-_ ]?id|unseal key(?: \d)?|kennwort|passwort|mot de passe|contraseña"
    r"|clave|senha|wachtwoord|lösenord|hasło|heslo|salasana|adgangskode|parola|şifre|密码|密碼|パスワード|비밀번호"
    r"|(?P<bare>keys?|private|access)"
)
_SIGN_AND_VALUE = (
    r"[\"'`\]*\\]{0,4}(?P<sign>\s{0,3}(?::=|=>|->|→|⇒|==|=|:\*{0,2}|\|)\s{0,3}"
    # the name is one field, the value the next; or a variable and its default
    r"|[,;\s]{1,40}[\"']?(?:value|default|content)[\"']?\s{0,3}[:=]\s{0,3}"
    r"|\s{1,3}\{\s{1,40}(?:(?:type|description|sensitive)\b[^\n]{0,120}\n\s{0,40}){0,3}default\s{0,3}=\s{0,3}"
    r"|\s?(?:は|是|为|為|는|은)\s?|\s+(?:is|was|are|reads|(?:has been |was |is )?(?:re)?set to|to|changed to"
    r"|should be|will be|geändert auf|lautet|ist|est|es|é|è"
    r"|jest|är|er|used:|value:|below:|here:)\s{0,2}:?\s+"
    r"(?:now |currently |still )?|['’]s\s+(?:now |still )?"
    r"|,\s{0,2}(?=[\"'`])|\s{1,2}(?=[\"'`“‘(])|\s{1,2}|[-_.])"
    r"(?:<(?:b|i|em|code|strong|kbd|td)>)?(?:[A-Za-z]+\("
    r"|[NBRUFnbruf]{1,2}(?=[\"']))?\\?(?P<quote>[\"'`“‘(<]{0,2})(?P<value>[^\s\"'`“”<>、]{4,400})"
)
# the name goes on to the end of its word: nothing is gained by trying a sign within it, ...
_ASSIGNMENT = Expression(
    rf"(?P<name>{_NAMES_OF_SECRETS})(?P<tail>[A-Za-z0-9_]{{0,24}}+)(?![A-Za-z0-9_]){_SIGN_AND_VALUE}",
    re.IGNORECASE,
)
# ... but where its rest holds digits: "token_4f8a…"
_ASSIGNMENT_WITHIN = Expression(
    rf"(?P<name>{_NAMES_OF_SECRETS})(?P<tail>[A-Za-z0-9_]{{0,24}}){_SIGN_AND_VALUE}", re.IGNORECASE
)
_RUN = Expression(r"[A-Za-z0-9_]*")
_DIGIT = Expression("[0-9]")
_SHORTEST_VALUE = Expression(r"[^\s\"'`“”<>、]{4}")
# what stands behind the name in programs and begins no sign
_NO_SIGN = Expression(
    r"[\"'`\]*\\]{0,4}(?:[()\[{}<>+/%&!?@$#^~]|\Z"
    r"|[,;](?!\s{0,2}[\"'`]|[,;\s]{0,39}[\"']?(?i:value|default|content)))"
)
# a plain word behind the name, as in a sentence: it neither says that a value follows nor can be one
_PLAIN_NEXT = Expression(
    r"[.,;!?)]{0,2} (?!(?:is|was|are|reads|has|re|reset|set|to|changed|should|will|geändert|lautet|ist|est"
    r"|es|é|è"
    r"|jest|är|er|used|value|below|here|now|default|content|key|keys|token|tokens|secret|id|access|de"
    r"|phrase)\b)"
    r"[a-zà-ÿ]+[,.;:!?)]?(?=\s)"
)
ASSIGNMENT_GATES = (
    "pass", "pwd", "secret", "token", "key", "cred", "auth", "kennwort", "mot de passe", "contraseña",
        "clave", "senha", "pin", "wachtwoord", "lösenord", "hasło", "heslo", "salasana", "adgangskode",
        "parola", "şifre", "密码", "密碼", "パスワード", "비밀번호",
    "reporter_id", "private", "access",
)  # fmt: skip
# names of secrets in scripts that are not relatives of Latin, with the word for "is"
OTHER_SCRIPTS = Expression(
    rf"(?:{'|'.join(gate for gate in ASSIGNMENT_GATES if not joins(gate[0]))})(?:は|是|为|為|는|은)?"
)
_URL_PASSWORD = Expression(
    r"(?<![A-Za-z0-9])[a-z][a-z0-9+.-]{1,24}://(?P<user>[^\s:@/\"'<>]{0,80}):(?P<password>[^\s@/\"'<>]{3,160"
    r"})@[^\s\"'<>)\],;]+",
    re.IGNORECASE,
)
_SCHEME = Expression(r"(?<![A-Za-z0-9])[a-z][a-z0-9+.-]{1,24}\Z", re.IGNORECASE)
_LONGEST_SCHEME = 26
_HEADER = Expression(
    r"(?:authorization|x-api-key|api-key|x-auth-token|private-token|x-vault-token"
    r"|apikey)[\"']?\s*[:=]\s*[\"']?(?:(?:bearer|basic|token|digest|apikey|bot"
    r"|key)\s+)?(?P<value>[A-Za-z0-9+/=._~-]{8,2000})",
    re.IGNORECASE,
)
_BEARER = Expression(r"\b(?:bearer|basic)\s+(?P<value>[A-Za-z0-9+/=._~-]{16,2000})", re.IGNORECASE)
_COMMAND_LINE = Expression(
    r"(?<![\w-])(?:-u|--user)[ =](?P<quote>[\"']?)[^\s:\"']{1,80}:(?P<value>[^\s\"']{6,160})"
)
_NETRC = Expression(r"\bmachine\s+\S+\s+login\s+\S+\s+password\s+(?P<value>\S+)")

_FIRST_PARTS = tuple(
    part + sign
    for part in ("api", "secret", "access", "auth", "refresh", "session", "bearer", "bot", "deploy", "id",
        "personal", "security",
                 "client", "consumer", "signing", "encryption", "master", "private", "account", "storage",
                     "shared", "license",
                 "subscription", "webhook", "service", "app", "unseal")
    for sign in ("", "_", "-", " ")
)  # fmt: skip


def _assignments(text: str, lower: str, places: list[int]) -> Iterator[Span]:
    done = 0
    for place in places:
        if place < done:
            continue
        match = _assignment_at(text, lower, place, done)
        if not match or match.start() > place:
            continue
        done = max(done, match.end("name"))
        span = _assignment(text, lower, match)
        if span:
            yield span
            done = span.end


def _assignment_at(text: str, lower: str, place: int, done: int) -> re.Match[str] | None:
    """Return the assignment whose name contains the gate at `place`; its name begins at `done` or later."""
    end = min(len(text), place + 480)
    run = _RUN.match(text, place, end)
    within = run is not None and _DIGIT.search(run.group()) is not None
    if (
        run is not None
        and (_NO_SIGN.match(text, run.end()) or _PLAIN_NEXT.match(text, run.end()))
        and not (within and _value_begins_within(text, run))
    ):
        return None
    # most gates begin the name; only behind a known first part ("api_", "client-") does it begin earlier
    behind = lower[max(0, place - 16) : place].endswith(_FIRST_PARTS)
    for expression in (_ASSIGNMENT, _ASSIGNMENT_WITHIN) if within else (_ASSIGNMENT,):
        match = (
            expression.search(text, max(done, place - 16), end)
            if behind
            else expression.match(text, place, end)
        )
        if match and match.start() <= place:
            return match
    return None


def _value_begins_within(text: str, run: re.Match[str]) -> bool:
    """Return whether the word may be a name and its value joined by an underscore: "token_4f8a"."""
    sign = text.find("_", *run.span())
    return sign >= 0 and _SHORTEST_VALUE.match(text, sign + 1) is not None


def _assignment(text: str, lower: str, match: re.Match[str]) -> Span | None:
    start = match.start()
    bare = match["value"].strip(".,;:!?)]}")
    if bare.isalpha() and bare.islower() and bare.isascii():
        return None  # a plain word, as most are
    if (
        not match["sign"].strip()
        and not match["quote"]
        and not match["name"].lower().startswith(PASSWORDS)
        and sum(map(str.isdigit, bare)) < _FEWEST_DIGITS
    ):
        return None
    if (
        start
        and lower[start - 1].isalpha()
        and match["name"].lower() in ("pin", "pass", "auth", "token", "cred", "clave")
        and not (match["name"] in ("TOKEN", "Token") and text[start - 1].islower())  # acmeToken
        and not (match["name"].lower() == "token" and _LONG_RANDOM.fullmatch(match["value"]))  # acmetoken
    ):
        return None
    if match["bare"] and not match["sign"].strip() and _FINGERPRINT.search(lower, max(0, start - 24), start):
        return None
    if match["name"].lower() == "token" and _PLACE_TOKEN.search(lower, max(0, start - 16), start):
        return None
    if match["name"].lower() == "pass" and match["sign"].strip() in ("", "to", "is", "was", "are"):
        return None
    quote = match["quote"]
    begin = match.start("value")
    value = match["value"]
    if text[begin - 1] == "(" and not quote:
        return None  # the first of what a function or a list in the code is given
    if value.endswith(("...", "…")) or _TYPE_NAME.search(text, max(0, start - 80), start):
        return None  # shortened by its author; or the name of a type
    if quote[:1] in ("(", "<"):
        value = value.rstrip(")>")
    if not quote:
        value = value.rstrip(",;).]}")
        value = value.removesuffix("\\n").removesuffix("\\")
    elif text[begin + len(value) : begin + len(value) + 1] not in ("'", '"', "`", "”", "’"):
        value = value.rstrip(",;)")
    if "&" in value and match["sign"].strip() == "=" and not quote:
        value = _NEXT_PARAMETER.split(value)[0]
    value = value.removesuffix("\\&").rstrip("\\").rstrip("'")
    for ending in (".", ",", ":"):
        value = value.removesuffix(ending)
    if _is_public(text, lower, match, value):
        return None
    if match["name"].lower().startswith("cred") and _ADDRESS.fullmatch(value):
        return None  # "credentials: somebody@somewhere": who, not the secret
    of_service = _names_a_service(lower[max(0, start - 24) : start], shouted=match["name"].isupper())
    sign = match["sign"]
    if len(sign.strip()) > 2 and sign.rstrip().endswith(("=", ":")):
        sign = "="  # of a field's value
    if not value or not is_secret(Assigned(match["name"], sign, quote, value, match["tail"], of_service)):
        return None
    end = begin + len(value)
    # the beginning tells what it is; a long token goes on
    rest = _REST.match(text, end, end + 4_000) if len(value) >= _LONG else None
    return Span("SECRET", begin, rest.end() if rest else end, 0.85, "secret-assignment")


def _is_public(text: str, lower: str, match: re.Match[str], value: str) -> bool:
    """Return whether the value is from a template, a well-known key, the id of a key, or encrypted."""
    start, begin = match.start(), match.start("value")
    name = match["name"].lower()
    return bool(
        ("{{" in text[max(0, start - 160) : begin] and _TEMPLATE_END.match(text, begin + len(value)))
        or _PUBLIC_VALUE.match(value)
        or (match["bare"] and _PUBLIC_KEY.search(lower, max(0, start - 16), start))
        or (name.startswith("private") and match["tail"].lower() in ("_id", "id"))
        or (len(value) > 80 and "encrypteddata" in lower[max(0, start - 600) : start])
    )


_FEWEST_DIGITS = 3  # of a key that stands behind its name without any sign
_LONG = 300  # characters; the expression reads a few more
_FINGERPRINT = Expression(r"(?:gpg|pgp|recv|fingerprint|signing|public)[\s_-]{0,3}(?:the\s)?\Z")
_PUBLIC_VALUE = Expression(r"pk_(?:live|test)_")
# published, or what a test expects; an encrypted key is none without the one that it is encrypted with
_PUBLIC_KEY = Expression(
    r"(?:site|publi(?:c|shable)|anon|measurement|expected|encrypted|wrapped|unsupported)[_-]?\Z"
)
_LONG_RANDOM = Expression(r"(?=\D*\d\D*\d\D*\d)[A-Za-z0-9_-]{20,}")
_TEMPLATE_END = Expression(r"[^\n{}]{0,40}\}\}")
_TYPE_NAME = Expression(r"(?:::\w*|\barn:\S*)\Z")
# tokens that mark a place in a list or a version of a thing
_PLACE_TOKEN = Expression(
    r"(?:next|page|paging|pagination|continuation|change|update|lock|sync|request|idempotency|starting|resume"
    r"|public_?key)[_-]?\Z"
)
_REST = Expression(r"[^\s\"'`“”<>]*")
_NEXT_PARAMETER = Expression(r"&(?=\w+=)")
_ADDRESS = Expression(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,24}")
_SERVICE = Expression(r"([a-z][a-z0-9]{3,20})[_-]\Z")
_SHOUTED_SERVICE = Expression(r"([a-z][a-z0-9]{3,20})[ _-]?\Z")
_NOT_SERVICES = frozenset(
    ["primary", "foreign", "partition", "sort", "cache", "object", "group", "public", "user", "request",
     "trace", "session", "device", "idempotency", "idempotent", "unique", "index", "dict", "json", "item",
     "lookup", "search", "field", "entity", "record", "routing", "event", "message", "surrogate", "hash",
     "composite", "natural", "candidate", "parent", "customer", "order", "product", "first", "second",
     "third", "last", "next", "prev", "previous", "nested", "other", "left", "right", "child", "default",
     "current", "source", "target", "start", "begin", "initial", "final", "sample", "outer", "inner"]
)  # fmt: skip


def _names_a_service(before: str, *, shouted: bool) -> bool:
    """Return whether the letters before a bare "key" name its service, and not what it sorts or points at.

    Before a word in capitals they may be joined to it or separate.
    """
    match = (_SHOUTED_SERVICE if shouted else _SERVICE).search(before)
    return match is not None and match[1] not in _NOT_SERVICES


# a password in quotes that holds a blank or two
_QUOTED_PHRASE = Expression(
    r"\b(?:pass(?:word|wd|phrase|code)|pwd|passwort|kennwort)\s{0,2}(?:is|was|:|=)?\s{0,2}"
    r"(?P<quote>[\"'])(?P<value>[^\"'\s]{1,24}(?: [^\"'\s]{1,24}){1,2})(?P=quote)",
    re.IGNORECASE,
)


def _phrases(text: str, places: list[int]) -> Iterator[Span]:
    for place in places:
        if text[place] not in "pPkK":
            continue
        match = _QUOTED_PHRASE.match(text, place)
        if match is None:
            continue
        value = match["value"]
        if classes(value.replace(" ", "")) >= 3 and any(c.isdigit() for c in value):
            yield Span("SECRET", match.start("value"), match.end("value"), 0.85, "secret-assignment")


def _urls(text: str) -> Iterator[Span]:
    for place in _each(text, "://"):
        scheme = _SCHEME.search(text, max(0, place - _LONGEST_SCHEME), place)
        match = _URL_PASSWORD.match(text, scheme.start()) if scheme else None
        if match is None:
            continue
        password = match["password"]
        if password.startswith(("$", "{", "<", "%(", "*")) or password.lower() in (
            "password",
            "pass",
            "pwd",
            "secret",
            "guest",
            "pserver:anoncvs",
            "pserver:anonymous",
        ):
            continue
        if PLACEHOLDER.search(password) or (match["user"], password) == ("scott", "tiger"):
            continue
        yield Span(
            "SECRET", match.start(), match.start() + len(match.group().rstrip(".")), 0.95, "url-password"
        )


_CHALLENGE = Expression(r"[a-z]+(?:_[a-z]+)+=")  # Bearer authorization_uri="…": what a server answers
_DATED = Expression(r"(?:19|20)\d\d-\d\d-\d\d")  # the version of an interface


def _plausible_token(value: str) -> bool:
    return len(value) >= 12 and varied(value) and any(c.isdigit() for c in value) and not looks_named(value)


HEADER_GATES = (
    "authorization",
    "api-key",
    "auth-token",
    "private-token",
    "vault-token",
    "apikey",
    "bearer",
    "basic ",
)


def _headers(text: str, places: Iterable[int]) -> Iterator[Span]:
    """Yield secrets in headers; `places` are where the gates of headers begin."""
    tried: set[int] = set()
    for place in places:
        match = (
            _BEARER.match(text, place) or _HEADER.match(text, place) or _HEADER.match(text, max(0, place - 2))
        )
        if match is None or match.start() in tried or match.end() < place:
            continue
        tried.add(match.start())
        value = match["value"].rstrip(".")
        if _TYPE_NAME.search(text, max(0, match.start() - 80), match.start()) or _DATED.match(value):
            continue
        if _CHALLENGE.fullmatch(value):
            continue
        if _plausible_token(value) or (len(value) >= 16 and value.endswith("=") and value[0] != "="):
            start = match.start("value")
            yield Span("SECRET", start, start + len(value), 0.9, "authorization-header")


def _each(text: str, literal: str) -> Iterator[int]:
    """Yield where a literal begins."""
    place = text.find(literal)
    while place >= 0:
        yield place
        place = text.find(literal, place + 1)


def _command_lines(text: str) -> Iterator[Span]:
    for option in ("-u", "--user"):
        for place in _each(text, option):
            match = _COMMAND_LINE.match(text, place)
            if match and given(match["value"]):
                value = match["value"]
                yield Span(
                    "SECRET",
                    match.start("value"),
                    match.start("value") + len(value),
                    0.8,
                    "command-line-password",
                )
    for place in _each(text, "machine"):
        match = _NETRC.match(text, place)
        if match and given(match["value"]):
            yield Span("SECRET", match.start("value"), match.end("value"), 0.9, "netrc")


_CREDENTIAL_PAIR = Expression(
    r"@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,24}\s?(?:/|:|,? with password|\|)\s?"
    r"(?P<value>[^\s,;/'\"]{6,40})"
)
_OF_AN_ADDRESS = Expression(r"[\w.+-]")


def _pairs(text: str, lower: str) -> Iterator[Span]:
    """Yield an e-mail address with the password after a slash, near the words credentials or login."""
    if "credential" not in lower and "login" not in lower:
        return
    done = 0
    for place in _each(text, "@"):
        match = _CREDENTIAL_PAIR.match(text, place)
        if match is None or place <= done or not _OF_AN_ADDRESS.match(text, place - 1):
            continue
        done = match.end()
        value = match["value"].rstrip(".")
        if classes(value) >= 3 and not value.startswith(("http", "www", "mailto:")):
            yield Span(
                "SECRET", match.start("value"), match.start("value") + len(value), 0.6, "credential-pair"
            )


# --- the gate ---------------------------------------------------------------------------------------------

_ASSIGN = -1
_OF_HEADERS = -2


# what `detect` wants to know of a text: where which rule, or an assignment, has a gate
LITERALS = (
    *((gate, index) for index, one in enumerate(_RULES) for gate in one.gates),
    *((gate, _ASSIGN) for gate in ASSIGNMENT_GATES),
    *((gate, _OF_HEADERS) for gate in HEADER_GATES),
)

TOKEN_GATES = frozenset(gate for one in _TOKENS for gate in one.gates)

DETECTORS = (
    "provider-tokens",
    "secret-places",
    "token-shapes",
    "assignments",
    "url-passwords",
    "headers",
    "command-lines",
    "credential-pairs",
)


_BLOCKS = ("private-key", "putty-key")  # what begins within one ends with it


def detect(
    text: str, lower: str, hits: Iterable[Hit], hints: frozenset[str], disabled: frozenset[str] = frozenset()
) -> list[Span]:
    """Return all secrets in the (normalised) text; overlaps are resolved by the caller.

    `hits`: where the `LITERALS` occur; `hints`: those of `token_shapes.HINTS` that may be present.
    """
    found: list[Span] = []
    places: list[int] = []
    headers: list[int] = []
    tried: set[tuple[int, int]] = set()
    read: dict[int, int] = {}  # by rule: up to where a block was read that another one cannot begin in
    for start, _, index in hits:
        if index < 0:
            (places if index == _ASSIGN else headers).append(start)
            continue
        one = _RULES[index]
        if one.detector in disabled or start < read.get(index, 0):
            continue
        if one.back:
            match = one.pattern.search(text, max(0, start - one.back), start + 400)
            if match and not match.start() <= start <= match.end():
                match = None
        else:
            match = one.pattern.match(text, start)
        if match and (index, match.start()) not in tried:
            tried.add((index, match.start()))
            if one.name in _BLOCKS:
                read[index] = match.end()
            group = match.lastindex or 0
            if one.accept(match.group(group)):
                found.append(Span("SECRET", match.start(group), match.end(group), one.score, one.name))
    if "token-shapes" not in disabled:
        found.extend(token_shapes.detect(text, hints))
    if places and "assignments" not in disabled:
        found.extend(_assignments(text, lower, places))
        found.extend(_phrases(text, places))
    if "://" in text and "@" in text and "url-passwords" not in disabled:
        found.extend(_urls(text))
    if headers and "headers" not in disabled:
        found.extend(_headers(text, headers))
    if (" -u" in text or "--user" in text or "machine " in lower) and "command-lines" not in disabled:
        found.extend(_command_lines(text))
    if "@" in text and "credential-pairs" not in disabled:
        found.extend(_pairs(text, lower))
    return found
