"""Our own corpus for what a text is about: an organisation's sensitive matters against general and everyday
work.

Written by us; no text is taken from a data set. Labels: a class of `lambdas.inspection.meaning`, or "" for
harmless.
"""

# ruff: noqa: E501

import random
import re

from bench.inspection_training import meaning_families
from bench.inspection_training.wording import expand, lines

SLOTS = {
    "person": [
        "Maria Keller",
        "John Okafor",
        "Priya Nair",
        "Luca Bianchi",
        "Sofia Lind",
        "Peter Novak",
        "Amina Diallo",
        "Kenji Ito",
        "Clara Dupont",
        "Tom Baker",
        "Ingrid Olsen",
        "Rafael Souza",
        "Mr Hoffmann",
        "Ms Petrov",
        "Dr Singh",
        "Elena",
    ],
    "company": [
        "Northwind AG",
        "Bluefin Ltd",
        "Corvus Inc",
        "Helix Corp",
        "Atlas Holdings",
        "Meridian plc",
        "Fabrikam",
        "Tailspin Group",
        "a competitor",
        "our supplier",
        "the target",
        "Contoso",
    ],
    "team": [
        "the sales team",
        "procurement",
        "the Leeds plant",
        "customer care",
        "finance",
        "the warehouse",
        "engineering",
        "the Berlin office",
        "logistics",
        "marketing",
    ],
    "date": [
        "next week",
        "on Friday",
        "in March",
        "by the end of Q2",
        "on 12 May",
        "next quarter",
        "in 2027",
        "tomorrow",
        "before the holidays",
        "on Monday",
    ],
    "money": [
        "$4.2 million",
        "€80,000",
        "£12.5m",
        "120k",
        "$1,450",
        "EUR 3 billion",
        "52,000 euros",
        "$9.10 per share",
        "65 thousand",
    ],
    "percent": ["12 %", "7 percent", "23%", "a third", "4.5 %", "half", "18 percent"],
    "code": [
        "Falcon",
        "Aurora",
        "Titan",
        "Orion",
        "Bluebird",
        "Nimbus",
        "Zephyr",
        "Granite",
        "Phoenix",
        "Lynx",
        "Kestrel",
        "Mercury",
        "Atlas",
    ],
    "product": [
        "headset",
        "electric van",
        "payment app",
        "chip",
        "drug",
        "watch",
        "search engine",
        "game console",
        "assistant",
        "camera",
        "subscription plan",
        "robot",
        "battery",
        "router",
    ],
    "illness": [
        "depression",
        "diabetes",
        "epilepsy",
        "cancer",
        "multiple sclerosis",
        "asthma",
        "HIV",
        "burnout",
        "anxiety",
        "hepatitis",
        "a heart condition",
        "bipolar disorder",
        "migraine",
        "back pain",
    ],
    "drug": ["insulin", "lithium", "metformin", "sertraline", "warfarin", "ibuprofen", "methadone"],
    "do": [
        "Draft",
        "Write",
        "Summarise",
        "Rewrite",
        "Translate",
        "Prepare",
        "Turn this into a table:",
        "Make this shorter:",
        "Help me with",
        "Check the wording of",
        "Improve",
        "Format",
        "Polish",
        "Structure",
        "Create slides from",
    ],
    "topic": [
        "photosynthesis",
        "machine learning",
        "the French revolution",
        "coffee",
        "remote work",
        "solar panels",
        "time management",
        "the stock market",
        "recycling",
        "football",
        "cloud computing",
        "the human heart",
        "negotiation",
        "project management",
    ],
    "lang": ["Python", "SQL", "Java", "TypeScript", "Go", "Terraform", "bash"],
    "reason": [
        "missed targets",
        "repeated lateness",
        "poor performance",
        "misconduct",
        "a conflict with a colleague",
        "restructuring",
        "an expense fraud",
        "harassment complaints",
        "insubordination",
        "attendance problems",
    ],
}

PERSONNEL = lines(r"""
<do> {a|the} {termination|dismissal|warning|written warning|severance|resignation acceptance|demotion} {letter|notice|e-mail} {for|to} <person>{| because of <reason>| in <team>}.
<do> the {performance review|appraisal|annual evaluation|360 feedback|mid-year review} of <person>{, who|: she|: he} {missed the targets|is rated below expectations|got 2 out of 5|exceeded all goals but annoys the team|should not be promoted}.
{Who|Which employees|Which of these people} should {we|I} {let go|lay off|fire|make redundant|put on the redundancy list|promote|give the raise to}: <person>, <person> or <person>?
{Rank|Score|Compare|Sort} {these|the following} {employees|candidates|applicants|team members} by {performance|potential|salary|cultural fit|sick days}: <person>, <person>, <person>.
{Here are|Below are|This is the list of|Attached are} {the|our} {salaries|pay bands|bonuses|compensation figures|payroll data|stock grants|merit increases} of {our|the} {team|staff|managers|employees}: <person> <money>, <person> <money>.
<person> earns <money> {a year|base|plus bonus}, {is that|should we match|what raise is} {above|fair compared with|in line with} {our|the} {band|median|peers}?
{HR|Human resources|The works council|Our HR partner} {opened|started|is running} {an investigation|a disciplinary procedure|a grievance case|a misconduct inquiry} {against|about|into} <person>{| because of <reason>}.
<do> the {minutes|notes|summary|report} of the {disciplinary hearing|exit interview|grievance meeting|harassment investigation|return-to-work meeting} with <person>.
<person> {asked for|requested|is on|went on} {medical leave|parental leave|sick leave|a leave of absence|disability accommodation}{| because of <illness>}; {how do we answer|what may we ask|who covers}?
{Our|My} {employee|direct report|team member|colleague} <person> {has been late|is underperforming|complained about the boss|refuses to come to the office|was caught with alcohol|cries in meetings}; <do> {a plan|an e-mail|feedback|next steps}.
<do> a performance improvement plan for <person> {covering|with|over} {90 days|three goals|weekly check-ins}.
We {plan|decided|intend|want} to {cut|lay off|reduce|eliminate} {40|120|15|300} {jobs|positions|roles|people} in <team> <date>; <do> {the announcement|talking points for managers|the notice to the works council}.
{Background check|Reference check|Drug test|Credit check} {of|on|for} {candidate|applicant|} <person> {shows|found|came back with} {a conviction|a failed test|a gap|debts|a false degree}. {Can|Should} we {withdraw|still make} the offer?
{The interview feedback|Our assessment|The hiring committee notes} {for|on|about} {candidate|applicant} <person>: {too old for the team|weak in maths|no leadership|accent hard to follow|strong yes}. {Write the rejection|Should we hire|Summarise}.
<person> {will be|is being} {demoted|transferred|let go|moved to another team|put on garden leave} <date>, {nobody|the team does not} {knows|know} yet. <do> the {message|announcement}.
{Employee relations case|Confidential HR note|Personnel file|Succession plan|Talent review}: <person>, {rated low|flight risk|high potential|final warning|to be replaced}.
""")
LEGAL = lines(r"""
{Privileged|Attorney-client privileged|Attorney work product|Legally privileged}{:| -|.} {our|the} {lawyers|counsel|general counsel|outside counsel} {think|advise|believe|estimate} {that we will lose|we should settle|our exposure is <money>|the claim is weak}.
{Our|The} {general counsel|outside counsel|lawyers|legal team|attorney} {advises|advised|recommends|warned|told us} {to settle|that we are liable|not to answer|against the filing|that the clause is void} {in the|with the|about the} {lawsuit|case|dispute|litigation|arbitration} {with|against} <company>.
<do> {our|the} {answer|response|defence|reply|statement} to the {subpoena|lawsuit|complaint|cease-and-desist letter|regulator's inquiry|investigation|summons|dawn raid} {from|by|of} {the regulator|<company>|the attorney general|the SEC|the competition authority}.
We {are being|were} {sued|investigated|audited|fined} by {<company>|the regulator|a former employee|a customer}{, not public yet|}; <do> {our legal position|a timeline for counsel|the weak points of our case|the settlement offer}.
{Our|The} {settlement|plea|licence|claim} {offer|proposal|range|strategy} {in the|for the} <company> {case|matter|dispute|litigation} is <money>{; the other side must not know|, please make it sound firmer|}.
{We have|There is|Legal issued} a {litigation hold|legal hold|preservation notice} {for|in} the <company> matter{;|.} {which|what} {mails|documents} {must we keep|are privileged|go to discovery}?
{Prepared|Written} {at the direction|on the advice|at the request} of {counsel|our lawyers|legal} {in anticipation of|for the} {litigation|the trial|the arbitration}: {timeline of the accident|interview with <person>|analysis of the breach}.
{Draft|Prepare|List} {deposition|cross-examination|witness} questions for <person> in our {case|suit|claim} against <company>.
{Our|The} {memo|opinion|assessment|e-mail} {of|from} {our lawyers|counsel|the law firm|legal} {about|on} the {chance|risk} of {losing|a fine|an appeal|liability} {says|is below|concludes}{.|: } {Summarise it|List weak points|we should pay}.
{Legal|Compliance|Our lawyer} {says|found|thinks|fears} that we {probably|may have|} {broke|breached|violated|infringed} the {contract|patent|NDA|law|sanctions} {with|of} <company>{. How do we tell counsel|; keep it privileged|}?
{We|Our company} {infringed|may infringe|copied} {a|the} patent of <company>; {what|how much} {should we|could it} {do|cost}? {Keep this between us and counsel.|}
{Internal investigation|Whistleblower report|Compliance investigation} {about|into|on} {bribes|price fixing|kickbacks|falsified records} in <team>{: interview notes|; draft the report for the audit committee|}.
{Draft|Negotiate|Redline|Review} {our|the} {confidential|} settlement agreement with <company> {over|about} <money>.
""")
MNPI = lines(r"""
Our {Q1|Q2|Q3|Q4|full-year|quarterly|preliminary} {results|revenue|earnings|figures|EBIT|profit|sales} {will be|are|came in|will miss|will beat} {<percent> below guidance|<money>|above consensus|lower than expected}{; the announcement is|, to be published|, not announced until|} <date>.
{Before|Ahead of} {the|our} {earnings release|results announcement|earnings call|publication}: {EPS|revenue|EBITDA|margin} of {1.42|<money>|<percent>} {against|versus} {consensus|guidance|last year}. <do> {the CFO script|talking points|the Q&A|the press release}.
We {are|have been} {in talks|negotiating|in exclusive negotiations|close to a deal} to {buy|acquire|merge with|sell the division to|take over} <company> {for|at} <money>{, not public yet|; keep it quiet|; signing <date>|}.
{The board|Our board|The supervisory board} {approved|will approve|voted for|discussed} the {merger|acquisition|takeover|spin-off|share buyback|dividend cut|capital increase|IPO|delisting} {of|with} <company>{; announcement|, to be signed|, insiders only|} <date>.
{We|The company} {will|are going to|plan to} {cut|suspend|raise|double} {the|our} {dividend|guidance|outlook|forecast} {by <percent>|for the year|} <date>; {the 8-K|the ad-hoc release|the market} {goes out|does not know|has not been told} {later|yet|}.
{Undisclosed|Not yet disclosed|Still confidential}: {the auditor|our auditor} {found|reported|flagged} {a material weakness|irregularities|a restatement} in {revenue|<team>|the accounts}.
{The FDA|The EMA|The regulator|The authority} {will reject|has rejected|will approve|refused} our {application|drug|filing|licence}{; the letter came today and|, which} {we have not disclosed|is not public|has not been announced}{| it}.
{Insider list|Deal team list|Wall-crossing script|Data room index|Term sheet|Fairness opinion|Bid letter} for {project <code>|the secondary offering|the bond issue|the <company> deal|the takeover}, {price talk <money>|exclusivity until Friday|closing <date>}.
{Our|The} {CEO|CFO|chairman} {will resign|is stepping down|is leaving|will be replaced} <date>{, the market does not know|; not announced|; draft the ad-hoc notice|}.
{We|Our company} {lost|won|will lose|just signed} {our biggest customer|a contract worth <money>|the tender} {and have not told the market|not yet announced|, announcement <date>|before the results}.
{Unpublished|Draft|Preliminary|Internal} {financial statements|earnings|forecast|guidance|consensus gap|balance sheet} for {Q3|the year|next quarter}: {revenue <money>, margin <percent>|EBIT <money>}. {Explain the change|Write the MD&A|Summarise for the board}.
{Project <code>|The transaction}: {target <company>, offer <money> per share|synergies of <money>|financing by a bridge loan}. <do> {the board paper|a valuation|an FAQ for insiders|the announcement}.
{A data breach|The accident|The recall} {hit|affected|concerns} {two million customers|our main plant|all cars of 2023} {and|; we have} {has not been disclosed|not informed the market|not told anyone} yet.
We {are planning|will launch|prepare} {a capital increase|an IPO|a bond|a convertible|a private placement} at <money> <date>; {roadshow slides|book building|the banks} {need polishing|start soon}.
""")
HEALTH = lines(r"""
<person> {was diagnosed with|has|suffers from|tested positive for|is treated for|was admitted with|died of} <illness>{| and takes <drug>| last month| on 3 May}. <do> {a letter|the report|a note to the insurer|the discharge summary}.
{Patient|The patient|My patient|Client|Our client} <person>{,| (DOB 1971-04-02),|} {aged 54|54 years old|born 1988|}{,|} {presents with|reports|complains of|has} {chest pain|suicidal thoughts|<illness>|insomnia} {and|,} {takes|is on|is prescribed} <drug>. {Turn into SOAP|Draft the referral|Summarise}.
{Lab results|Blood results|The biopsy|The MRI|The X-ray|The pathology report} {of|for} <person>: {HbA1c 8.9|LDL 190|lesion of 2 cm|TSH 0.1|positive}. {Explain|Summarise|What does it mean}?
<person> is {pregnant|allergic to penicillin|on dialysis|HIV positive|in rehab|in chemotherapy|recovering from surgery}{| and takes <drug>}; {check the interaction|write to her doctor|what should the diet be|plan her shifts}.
{Patient chart|Medical record|Case notes|Therapy notes|Session notes|Treatment plan|Discharge letter|Prescription} {of|for} <person>: <illness>, <drug>{, weekly|}{. Summarise|. Translate|. Shorten}.
{Insurance|Health insurance|Disability|Medical} claim of <person> for {chemotherapy|<illness>|physiotherapy|surgery|mental health treatment}{: why was it denied|. Draft the appeal|; review}?
My {mother|wife|son|colleague|employee|student|neighbour} <person> {has|was diagnosed with|suffers from} <illness> {and takes <drug>|since last year|}; {what should I do|write to the school|draft a note}.
<person>'s {therapist|psychiatrist|doctor|GP} {wrote|says|reports} that {she|he} {has|had|relapsed into} <illness>.
{Vaccination|Sick-leave|Disability|Fitness-for-work} {status|certificate|record|report} of <person>: {unvaccinated|<illness>|unfit until May}.
{Referral|Consultation|Anamnesis|Progress note}: {54-year-old woman|67 y/o male|a 12-year-old boy|patient} with <illness>, {allergic to penicillin|on <drug>|prior surgery 2019}, {name|called} <person>.
""")
TRADE = lines(r"""
{Our|The|This is our} {secret|proprietary|confidential|unpublished|in-house} {formula|recipe|algorithm|process|method|composition|design|coating|alloy|model} {for|of|behind} {the|our} {<product>|sweetener|sauce|adhesive|ranking|pricing}{:| is| uses} {14 % acid at 210 C|w1=0.3, w2=0.7|three layers and 40 minutes|67 parts resin}. {Improve it|Make it faster|Calculate the cost|Explain}.
{Here is|Below is|This is} {our|the} {proprietary|internal|core|confidential} source code of {our|the} {matching engine|<product>|pricing engine|recommendation system|trading strategy|compression codec}{;|.} {explain|refactor|find the bug|optimise} it.
{Our|The real} {margins|cost structure|supplier prices|discounts|purchase prices|price floor|win rates} {per|for each|by} customer: <company> <percent>, <company> <percent>. {Find outliers|Make a table|Who should pay more}?
{The yield|Yield|Scrap rate|Throughput} of {line 4|our fab|the reactor|the coating line} is <percent> since we changed the {etch recipe|temperature|catalyst|mix} to {738 C|12 bar|a new supplier}. {Why|Explain|Suggest improvements}.
{Trade secret|Company confidential|Proprietary and confidential|Know-how}: {the|our} {process|recipe|formulation|algorithm|layout} {runs at 180 C for 20 minutes|mixes 3 parts A with 5 parts B|weights recency by 0.4}. {Suggest improvements|Summarise|Write the SOP}.
{Our|The} {unpatented|not yet patented|patent-pending but unpublished} {invention|design|mechanism|process} {works by|uses|consists of} {a magnetic hinge|two-stage etching|a tuned loss function}; {draft|review|improve} the {claims|description|drawing}.
{Our|The} {customer list|supplier list|bid|tender price|cost model|pricing model|pricing algorithm|sourcing strategy|negotiation limits} {with|for} <company>: {floor price <money>|margin <percent>|discount <percent>}{. Do not share|. Check it|}.
{Nobody outside|Only three people in|No competitor outside} {the company|our lab|the team} {knows|know} {how|that} we {cure|mix|train|weigh|tune|price} {the|our} <product> {at|with|by} {140 C|a second catalyst|synthetic data|margin <percent>}.
{Our|The} {model weights|training data mix|hyperparameters|feature weights|scoring weights|fraud rules|risk thresholds} {of|for} {the|our} {credit score|ranking|<product>|fraud system} {are|is}: {0.19, 0.42, 0.8|threshold 640|70 % web data}. {Tune|Explain|Improve} {them|it}.
{Blueprint|Bill of materials|Process sheet|Lab notebook|Tooling drawing|Schematic} of {our|the} {next|new|core|secret} <product>: {tolerance 3 microns|12 parts|catalyst B7}{; optimise|. Check the tolerances|}.
""")
ROADMAP = lines(r"""
{Project|Codename|Product} <code> is our {unreleased|secret|unannounced|upcoming|next-generation|new} <product> {that|, which} {ships|launches|will be released|will be unveiled|comes out} <date>. <do> the {launch press release|landing page|teaser|positioning|FAQ}.
{Here is|Below is|This is} {our|the} {internal|confidential|unpublished|} {product roadmap|release plan|launch plan|feature roadmap|technology roadmap} {for|of} {2027|next year|H2|the next three years}: <code> in {Q1|spring|May}, <code> in {Q3|autumn|December}. {Turn it into slides|Summarise|Not announced yet}.
{Write|Draft|Prepare} the {specification|spec|requirements|data sheet|user guide} of {our|the} {unannounced|unreleased|secret|upcoming|future} <code> <product>{: 34 cores|, 12 hours of battery|}{, tape-out <date>|}.
We {plan|decided|intend} to {end|discontinue|kill|sunset|retire|drop} {the|our} {<code> line|<product>|legacy app|<code>} {next year|<date>}; {nobody outside|customers do not|only} {product management|the board|know} {knows|yet|}. <do> {the migration guide|the customer letter|an FAQ}.
{Draft|Write} the {beta invitation|embargoed press release|launch blog post|keynote script|teaser} for {our|the} {secret|unreleased|unannounced|upcoming} <code> {app|<product>}{, under embargo until <date>| which nobody has seen yet|}.
{Codename|Project} <code>: {confidential|internal|} {design review|user test|prototype|feasibility|go/no-go} {notes|results|report|decision}. {The hinge fails|Battery lasts 4 hours|Users hate the menu|The chip overheats}. {Summarise|Rewrite|List actions}.
{Our|The} {new|next|upcoming} <product> {will cost|will be priced at|launches at|has a planned price of} <money>{, to be announced|; not public before|, launch} <date>. <do> {the campaign|pricing page|announcement}.
We {will|are going to|plan to} {enter|expand into|leave|exit} the {Brazilian|Indian|US|automotive|banking} market <date>{; not announced|, nobody knows yet|, keep it confidential|}. <do> {a go-to-market plan|the announcement|a risk list}.
{Before|Ahead of} {the launch|the announcement|the keynote|going public} of <code> <date>, <do> {the internal Q&A|the reviewer's guide|the naming options}.
{Our|The} {unannounced|secret|confidential|not yet public} {partnership|feature|rebrand|new name|redesign|acquisition target list|strategy} {with|for} <company> {goes live|will be revealed|starts} <date>. <do> {the post|the brief|slides}.
{Strategy|Strategic plan|Five-year plan|Board strategy paper} {2028|for the next three years|draft}: we {close|sell|double|merge} {the <product> business|two plants|our stake in <company>}{; do not share|, confidential|}.
{The prototype|Our prototype|The pilot build|The engineering sample} of {<code>|the new <product>} {failed|passed|cracked in} {the drop test|certification|the field trial}{; launch slips to <date>|, do not tell customers|}. {Summarise|Draft the update}.
""")

GENERAL = lines(r"""
{What|Explain what|Define what} {is|does} {a merger|material non-public information|attorney-client privilege|a trade secret|a product roadmap|a performance improvement plan|a litigation hold|insider trading|EBITDA|a patent|a non-disclosure agreement|due diligence|a stock split|HIPAA|severance pay} {mean?|? Give an example.|in simple words?}
{How|Why} do {companies|managers|firms|startups|courts|doctors|boards} {decide on dividends|run performance reviews|protect trade secrets|plan a product launch|handle layoffs|value an acquisition|set salaries|diagnose <illness>|write a roadmap|use NDAs}?
{Which|What} are the {symptoms|causes|treatments|risk factors|side effects} of {<illness>|<drug>} {and when should one see a doctor?|?|in adults?}
{Explain|Summarise|Describe} {the published annual report of Apple|the history of antitrust law|the difference between stocks and bonds|how the FDA approves drugs|insider trading rules|the Coca-Cola formula myth|how OAuth works|the Roman empire|famous mergers} {for students|in 100 words|with examples|}.
{Write|Generate|Give me|Draft} {a template|a generic example|a sample|a checklist} {for|of} {a non-disclosure agreement|a job description|a warning letter|a press release|an employment contract|a product roadmap|a patient information leaflet|a performance review form|a privacy policy}{| between two companies}.
{Give|List} {general|} {advice|tips|best practices|good practices|questions} {for|on} {giving feedback|job interviews|a difficult conversation|salary negotiation|a product launch|a board meeting|writing contracts|healthy sleep}.
{Write|Tell} {a poem|a short story|a joke|a haiku|a song} about {<topic>|a lawyer|a doctor|autumn|a startup|an office}.
{Write|Create|Fix|Explain} {a function|a regular expression|a script|a query|unit tests} {in <lang>|} that {validates a card number|matches a social security number|sorts a list|parses a CSV|reads a file|computes the median|masks e-mail addresses}.
{What|Who|Where|When} {is the capital of Australia|wrote Faust|is Mount Everest|did the war end|is the tallest building|won the world cup in 2014}{| and why}?
{Translate|Correct|Rewrite} {into French|this sentence|politely}: {the library opens at nine|he go to school yesterday|we are happy to help you|the train is late|please close the door}.
{Compare|Contrast} {leasing and buying|Python and Go|tea and coffee|agile and waterfall|term life and whole life insurance|public and private companies} {in a table|for a beginner|briefly}.
{Act|Answer} as {an English teacher|a travel guide|an interviewer|a career coach|a poet} and {correct my sentence|plan a weekend in Rome|ask me five questions|help me choose a job}.
{Explain|How do I} {this error|solve this exercise|cook rice|learn <topic>|plan a party|use pivot tables|tie a tie}{?|: list index out of range}
{Recommend|Suggest} {five|three|some} {books|films|exercises|names for a cat|gifts|restaurants in Vienna} {about <topic>|for beginners|for a child|}.
{Discuss|Analyse} the {ethics|economics|history|future} of {<topic>|genetic testing|stock buybacks|non-compete clauses|whistleblowing|drug pricing}.
""")
EVERYDAY = lines(r"""
{Summarise|Shorten|Rewrite} {the minutes of|the notes from|the agenda of} our {team retrospective|weekly stand-up|all-hands|offsite|sprint review|town hall}: {we want fewer meetings|the build is faster now|lunch was late|three tickets are open}.
{Rewrite|Shorten|Improve|Translate} this {internal|} {wiki page|guide|FAQ|how-to|checklist} {on|about|for} {booking a meeting room|the printer|expense reports|parking|onboarding new engineers|the VPN|the cafeteria}.
{Draft|Write} an {announcement|e-mail|invitation|note} to {all staff|the team|my colleagues|everyone in <team>}: {the office is closed on Friday|the summer party is in June|the kitchen will be cleaned|a new coffee machine arrived|the fire drill is at ten}.
Our {coding guideline|style guide|wiki|team charter|README} says that {each service has a README|tests run on every commit|slides use two colours|functions are short}. {Write a template|Explain why|Turn it into bullet points}.
{Review|Fix|Refactor|Document} {this|our} {Terraform module|Dockerfile|unit test|SQL query|pipeline|React component|helm chart} {for|of} our {staging VPC|billing service|web shop|internal tool|data warehouse}{; the module name is network-core|, it is slow|}.
Explain this {stack trace|log line|error|warning} of our {billing service|order service|app|login page}: {NullPointerException at InvoiceService.java:127|timeout after 30 s|connection refused|404 not found}{, build 41177d7|}.
{Write|Improve} a {runbook step|checklist|procedure|script} for {restarting the order service|rotating logs|deploying to staging|a backup|moving desks} {in the staging cluster|on Mondays|}.
We want to {change our stand-up to 9:30|move the retro to Thursday|try pair programming|use fewer tools|plant trees on the roof}. {Write a short poll|List pros and cons|Draft a message for the team}.
{Create|Plan|Prepare} {an agenda|a quiz|slides|a schedule|icebreakers} for our {workshop|training|team day|customer day|offsite} on <topic>.
{Write|Draft} a {friendly|polite|short} {reply|e-mail|message} to {a customer|a supplier|a colleague} {about a late delivery|who asks for the opening hours|to thank for the visit|to reschedule the call|with our public price list}.
{Write|Draft|Polish} {our|a} {public|} {blog post|LinkedIn post|newsletter|case study|job advert|web page} {about|on} {our published release|our open-source library|<topic>|our office dog|hiring a <lang> developer}.
{Turn|Convert} {our|the} {sprint goals|support FAQ|meeting notes|style guide for slides|test plan|release notes of version 4.2} into {bullet points|a table|an e-mail|a checklist}.
{Our|The} {dashboard|report|newsletter|intranet} {needs|should get} {a better title|a chart of page views|an introduction|alt texts}; {suggest|write} {three|some}.
My name is <person>, I {work in <team>|live in Hamburg|lost my badge}; {write a short bio|book a desk|what is the help desk number}?
<person> {wrote|published|presented|painted|composed} {a book|an article|a paper|a song} {about|on} <topic>{; summarise the argument|. Who is the audience?|}
{Meeting|Call|Lunch} with <person> {on Monday|at 3 pm|next week} about {the newsletter|<topic>|the office plants|the website}. {Write the invitation|Draft the agenda}.
{How many|Which} of our {servers|tickets|pages|tests} {are|were} {slow|open|broken|failing} {last week|in staging}? {Write the query|Explain the log|Here is the output}.
""")

CLASSES = {
    "PERSONNEL": PERSONNEL,
    "LEGAL": LEGAL,
    "MNPI": MNPI,
    "HEALTH": HEALTH,
    "TRADE_SECRET": TRADE,
    "ROADMAP": ROADMAP,
}


# words that say nothing about the matter: a model must not depend on which of them our sentences contain
_EMPTY_WORDS = re.compile(
    r"(?i)(?:an?|and|the|to|in|on|at|of|is|are|it|as|for|by|with|that|or|be|if|when|i|you|was|from)"
)


def build(seed: int = 5, copies: int = 48) -> list[tuple[str, str]]:
    """Return (text, class) pairs, the same for the same seed.

    In the additional families every third text is surrounded by everyday sentences, as in a mail or in
    minutes. Half of the empty words are left out, different ones in each copy.
    """
    chance = random.Random(seed)
    slots = {**SLOTS, **meaning_families.SLOTS}
    rows: list[tuple[str, str]] = []
    for name, group in (*CLASSES.items(), ("", GENERAL), ("", EVERYDAY)):
        for template in group:
            texts = (expand(template, chance, SLOTS) for _ in range(copies))
            rows.extend((_thinned(text, chance), name) for text in texts)
    for name, group in meaning_families.FAMILIES.items():
        for template in group:
            for copy in range(copies):
                text = expand(template, chance, slots).strip()
                rows.append((_thinned(_between(text, chance) if copy % 3 == 0 else text, chance), name))
    return rows


def _between(text: str, chance: random.Random) -> str:
    before = chance.sample(meaning_families.SLOTS["filler"], chance.randrange(4))
    after = chance.sample(meaning_families.SLOTS["filler"], chance.randrange(4))
    return chance.choice(("\n", " ", "\n\n", "\n- ")).join((*before, text, *after))


def _thinned(text: str, chance: random.Random) -> str:
    kept = (word for word in text.split(" ") if not _EMPTY_WORDS.fullmatch(word) or chance.random() < 0.5)
    return " ".join(kept)
